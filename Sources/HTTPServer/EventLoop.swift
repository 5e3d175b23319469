// One thread of the server: waits in epoll and lets each connection take its next step.
// Reading, replying, writing, deadlines and accepting are in extensions of their own.
internal import CLinux
import Crypto
import Glibc
import Synchronization

/// An event loop: one thread, one epoll descriptor, one listening socket.
// Sendable: after `run` has begun, only its own thread touches anything but `mailbox` and
// `counters`, which are Sendable themselves. `run` is called once.
final class EventLoop: @unchecked Sendable {
  /// Size of the shared read buffer: large for uploads, small enough for the second-level cache.
  static let scratchCount = 131_072
  /// Output of pipelined replies that is sent without waiting for the rest.
  static let flushCount = 65_536
  private static let eventCount = 512
  private static let listenerWord = UInt64.max
  private static let wakerWord = UInt64.max - 1

  let shared: ServerShared
  let limits: Limits
  let ticks: DeadlineTicks
  let mailbox: Mailbox
  let counters = LoopCounters()
  let parser: RequestParser
  let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: EventLoop.scratchCount)
  let head = UnsafeMutablePointer<RequestHead>.allocate(capacity: 1)
  var output = OutputBuffer(capacity: EventLoop.flushCount * 2)

  var connections: ContiguousArray<Connection?> = []
  var generations: [UInt32] = []
  var freeSlots: [UInt32] = []
  var idleWorks: [Work] = []
  /// Connections with a next step that epoll will not report.
  var again: [UInt64] = []

  var held = HeldQueue()
  var wheel = TimingWheel()
  var clock = LoopClock()
  /// The present tick of the wheel.
  var now: UInt32 = 0
  var drainDeadline: UInt32?
  /// The tick at which accepting is tried again after descriptors ran out.
  var acceptAgain: UInt32?
  var listener: Int32

  private let poller: Int32
  private let events = UnsafeMutablePointer<epoll_event>.allocate(
    capacity: EventLoop.eventCount)
  private var inbox: [LoopMessage] = []
  private var due: [UInt64] = []

  /// Takes over a listening socket; `nil` when descriptors are exhausted.
  init?(shared: ServerShared, listener: Int32) {
    guard let waker = Waker() else { return nil }
    let poller = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard poller >= 0 else { return nil }
    self.shared = shared
    limits = shared.limits
    ticks = DeadlineTicks(shared.limits)
    parser = RequestParser(shared.limits)
    mailbox = Mailbox(waker: waker)
    self.listener = listener
    self.poller = poller
    head.initialize(to: RequestHead())
    let readable = EPOLLIN.rawValue
    _ = linux_epoll_control(poller, EPOLL_CTL_ADD, waker.descriptor, readable, Self.wakerWord)
    watchListener(true)
    shared.barrier.attach(waker)
  }

  deinit {
    shared.barrier.detach(mailbox.waker)
    if listener >= 0 { _ = Glibc.close(listener) }
    _ = Glibc.close(poller)
    head.deinitialize(count: 1)
    head.deallocate()
    scratch.deallocate()
    events.deallocate()
  }

  /// Serves until drained.
  ///
  /// Called once, on the loop's own thread.
  func run() {
    while !isDrained { _ = turn(waitMilliseconds: waitMilliseconds) }
    closeEverything()
  }

  /// Waits once, at most so long, and does all that is due; `true` if there was or will be more.
  func turn(waitMilliseconds: Int32) -> Bool {
    let count = epoll_wait(poller, events, Int32(Self.eventCount), waitMilliseconds)
    now = clock.update()
    var isWoken = false
    for index in 0..<max(0, Int(count)) {
      let event = events[index]
      switch event.data.u64 {
      case Self.listenerWord: acceptAll()
      case Self.wakerWord: isWoken = true
      default: step(event.data.u64, event.events)
      }
    }
    if isWoken { readMessages() }
    if !again.isEmpty { stepAgain() }
    expireDeadlines()
    // Last before sleeping: a ticket settled while it was being queued must not be missed.
    if !held.isEmpty { releaseHeld() }
    return count > 0 || !again.isEmpty
  }

  /// The connection a word names, `nil` if it is gone.
  func connection(_ word: UInt64) -> Connection? {
    let slot = Int(word & 0xFFFF_FFFF)
    guard slot < connections.count, let connection = connections[slot],
      connection.generation == UInt32(word >> 32)
    else { return nil }
    return connection
  }

  private var waitMilliseconds: Int32 {
    if !again.isEmpty { return 0 }
    let isQuiet =
      connections.count == freeSlots.count && drainDeadline == nil && acceptAgain == nil
    return isQuiet ? -1 : Int32(TimingWheel.tickMilliseconds)
  }

  private func step(_ word: UInt64, _ events: UInt32) {
    guard let connection = connection(word) else { return }
    if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 {
      close(connection)
      return
    }
    if events & EPOLLOUT.rawValue != 0 { writable(connection) }
    if events & EPOLLIN.rawValue != 0, connection.phase != .closed { readable(connection) }
  }

  private func stepAgain() {
    let words = again
    again.removeAll(keepingCapacity: true)
    for word in words {
      guard let connection = connection(word) else { continue }
      if connection.wantsInput { readable(connection) }
    }
  }

  private func readMessages() {
    mailbox.waker.clear()
    inbox.removeAll(keepingCapacity: true)
    mailbox.exchange(with: &inbox)
    for message in inbox { receive(message) }
    inbox.removeAll(keepingCapacity: true)
  }

  private func expireDeadlines() {
    guard wheel.current < now else { return }
    due.removeAll(keepingCapacity: true)
    wheel.advance(to: now, due: &due)
    for word in due {
      if let connection = connection(word) { lookAtDeadline(connection) }
    }
    if let tick = acceptAgain, tick <= now {
      acceptAgain = nil
      watchListener(true)
    }
  }

  private var isDrained: Bool {
    guard let drainDeadline else { return false }
    return now >= drainDeadline || connections.count == freeSlots.count
  }

  /// Closes what is still open.
  func closeEverything() {
    for connection in connections {
      if let connection { close(connection) }
    }
  }

  // MARK: epoll

  func watchListener(_ isOn: Bool) {
    guard listener >= 0 else { return }
    let operation = isOn ? EPOLL_CTL_ADD : EPOLL_CTL_DEL
    _ = linux_epoll_control(poller, operation, listener, EPOLLIN.rawValue, Self.listenerWord)
  }

  /// Starts watching a new connection; `false` if the kernel refuses.
  func watch(_ connection: Connection) -> Bool {
    let word = connection.token.word
    let interest = EPOLLIN.rawValue
    return linux_epoll_control(poller, EPOLL_CTL_ADD, connection.descriptor, interest, word) == 0
  }

  /// Changes what a connection waits for; no system call if it is so already.
  func setInterest(_ connection: Connection, reads: Bool, writes: Bool) {
    var flags = connection.flags
    if reads { flags.remove(.readsOff) } else { flags.insert(.readsOff) }
    if writes { flags.insert(.writesOn) } else { flags.remove(.writesOn) }
    guard flags != connection.flags else { return }
    connection.flags = flags
    var interest: UInt32 = 0
    if reads { interest |= EPOLLIN.rawValue }
    if writes { interest |= EPOLLOUT.rawValue }
    let word = connection.token.word
    _ = linux_epoll_control(poller, EPOLL_CTL_MOD, connection.descriptor, interest, word)
  }
}
