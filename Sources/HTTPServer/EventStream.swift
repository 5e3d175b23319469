// Server-sent events (WHATWG HTML section 9.2): a bounded backlog between any thread and a loop.
import Synchronization

/// One reader of server-sent events.
///
/// Make it, hand it out as `Response.Body.events`, keep it and send. A reader whose backlog grows
/// beyond the limit is disconnected rather than waited for; the browser reconnects by itself.
public final class EventStream: Sendable {
  private struct State {
    var backlog: [UInt8] = []
    var isClosed = false
    var isOverflowed = false
    var isAnnounced = false
    var token: ConnectionToken?
    var mailbox: Mailbox?
    var onClose: (@Sendable () -> Void)?
  }

  /// What a loop finds when it collects events.
  enum Collected {
    /// More may come.
    case open
    /// Nothing more comes; send what is left, then close.
    case ended
    /// The reader is too slow: close at once.
    case overflowed
  }

  private let backlogLimit: Int
  private let state = Mutex(State())

  /// Makes a stream.
  ///
  /// - Parameter backlogLimit: bytes that may wait for a slow reader before it is dropped.
  public init(backlogLimit: Int = 262_144) {
    self.backlogLimit = backlogLimit
  }

  /// Called once when the stream is closed by either side, on the thread that closed it.
  ///
  /// Set before the stream is sent; set after the close it is never called.
  public var onClose: (@Sendable () -> Void)? {
    get { state.withLock { $0.onClose } }
    set { state.withLock { $0.onClose = newValue } }
  }

  /// Whether events still have a reader, or may get one.
  public var isOpen: Bool { state.withLock { !$0.isClosed } }

  /// Queues bytes in the form of the standard, such as `data: hello\n\n`; ignored after a close.
  public func send(_ bytes: [UInt8]) {
    let (mailbox, token, overflows) = state.withLock {
      state -> (Mailbox?, ConnectionToken?, Bool) in
      guard !state.isClosed else { return (nil, nil, false) }
      if state.backlog.count + bytes.count > backlogLimit { return (nil, nil, true) }
      state.backlog.append(contentsOf: bytes)
      guard !state.isAnnounced, let mailbox = state.mailbox else { return (nil, nil, false) }
      state.isAnnounced = true
      return (mailbox, state.token, false)
    }
    if overflows { end(overflowed: true) }
    if let mailbox, let token { mailbox.post(.events(token)) }
  }

  /// Ends the stream once the events already queued are sent.
  public func close() { end(overflowed: false) }

  private func end(overflowed: Bool) {
    let (mailbox, token) = markClosed(overflowed: overflowed)
    if let mailbox, let token { mailbox.post(.events(token)) }
  }

  /// Ties the stream to its connection; `false` if it is closed or in use already.
  func attach(_ token: ConnectionToken, _ mailbox: Mailbox) -> Bool {
    state.withLock { state in
      guard !state.isClosed, state.mailbox == nil else { return false }
      state.token = token
      state.mailbox = mailbox
      return true
    }
  }

  /// Moves the backlog into a connection's output, unless that still has too much to send.
  func collect(into output: inout ByteQueue, hasRoom: Bool) -> Collected {
    state.withLock { state in
      if state.isOverflowed { return .overflowed }
      guard hasRoom else { return .open }
      state.isAnnounced = false
      state.backlog.withUnsafeBytes { output.append($0) }
      state.backlog.removeAll(keepingCapacity: true)
      return state.isClosed ? .ended : .open
    }
  }

  /// The connection is gone.
  func disconnect() { _ = markClosed(overflowed: true) }

  private func markClosed(overflowed: Bool) -> (Mailbox?, ConnectionToken?) {
    let (mailbox, token, action) = state.withLock {
      state -> (Mailbox?, ConnectionToken?, (@Sendable () -> Void)?) in
      guard !state.isClosed else { return (nil, nil, nil) }
      let taken = (state.mailbox, state.token, state.onClose)
      state.isClosed = true
      state.isOverflowed = overflowed
      if overflowed { state.backlog = [] }
      state.onClose = nil
      return taken
    }
    action?()
    return (mailbox, token)
  }
}
