// A server: its listening sockets, its loops and their threads.
import Crypto
import Glibc
import Synchronization

/// What all loops of a server share.
final class ServerShared: Sendable {
  let handler: any RequestHandler
  let barrier: Barrier
  let limits: Limits
  let tls: TLSContext?
  let openConnections = Atomic<Int>(0)
  /// Bytes reserved for buffered bodies.
  let bufferedBytes = Atomic<Int>(0)

  init(_ configuration: ServerConfiguration, handler: any RequestHandler, barrier: Barrier) {
    self.handler = handler
    self.barrier = barrier
    limits = configuration.limits
    tls = configuration.tls
  }
}

/// Counters of one loop, so that loops do not share a cache line of them.
final class LoopCounters: Sendable {
  let served = Atomic<Int>(0)
  let refused = Atomic<Int>(0)
}

/// An HTTP/1.1 server on event loops of its own (RFC 9110, RFC 9112).
public final class Server: Sendable {
  private enum State {
    case made
    case running([pthread_t])
    case stopped
  }

  /// The port the server listens on, from the moment it is made.
  public let localPort: Int
  private let shared: ServerShared
  private let loops: [EventLoop]
  private let state = Mutex(State.made)

  /// Binds the sockets; connections queue from now on and are served after `start`.
  ///
  /// - Parameters:
  ///   - configuration: where to listen, and the limits.
  ///   - handler: answers the requests, on the threads of the loops.
  ///   - barrier: releases replies that were sent with a ticket.
  /// - Throws: `ServerError` if the address is malformed or taken, or descriptors are short.
  public init(
    configuration: ServerConfiguration, handler: any RequestHandler, barrier: Barrier = Barrier()
  ) throws(ServerError) {
    guard (1...256).contains(configuration.loopCount) else {
      throw .loopCount(configuration.loopCount)
    }
    var listener = try Listener(address: configuration.address)
    let shared = ServerShared(configuration, handler: handler, barrier: barrier)
    let (descriptors, port) = try listener.open(count: configuration.loopCount)
    var loops: [EventLoop] = []
    for (index, descriptor) in descriptors.enumerated() {
      guard let loop = EventLoop(shared: shared, listener: descriptor) else {
        descriptors[index...].forEach { close($0) }
        throw .resources(reason: String(cString: strerror(errno)))
      }
      loops.append(loop)
    }
    self.shared = shared
    self.loops = loops
    localPort = port
  }

  /// Starts the threads of the loops.
  ///
  /// Ignores `SIGPIPE` for the process.
  ///
  /// - Throws: `ServerError.alreadyStarted`, or `.resources` if no thread can be had.
  public func start() throws(ServerError) {
    signal(SIGPIPE, SIG_IGN)
    let failure: ServerError? = state.withLock { state in
      guard case .made = state else { return .alreadyStarted }
      var threads: [pthread_t] = []
      for loop in loops {
        guard let thread = Self.spawn(loop) else {
          state = .running(threads)
          return .resources(reason: "pthread_create")
        }
        threads.append(thread)
      }
      state = .running(threads)
      return nil
    }
    if let failure { throw failure }
  }

  /// Stops accepting, lets requests under way finish, closes idle connections and event streams,
  /// and returns when all threads have ended.
  ///
  /// - Parameter deadlineSeconds: after so long everything still open is cut, 0-86,400.
  public func shutdown(deadlineSeconds: Int) {
    let threads = state.withLock { state -> [pthread_t] in
      defer { state = .stopped }
      guard case .running(let threads) = state else { return [] }
      return threads
    }
    let milliseconds = min(max(deadlineSeconds, 0), 86_400) * 1_000
    for loop in loops { loop.mailbox.post(.drain(milliseconds: milliseconds)) }
    for thread in threads { pthread_join(thread, nil) }
  }

  /// Counters since the start.
  public var statistics: ServerStatistics {
    var statistics = ServerStatistics(
      openConnections: shared.openConnections.load(ordering: .relaxed), requestsServed: 0,
      requestsRefused: 0)
    for loop in loops {
      statistics.requestsServed += loop.counters.served.load(ordering: .relaxed)
      statistics.requestsRefused += loop.counters.refused.load(ordering: .relaxed)
    }
    return statistics
  }

  /// Runs a loop on a thread of its own.
  ///
  /// Nonisolated on purpose: a thread closure made in an isolated context would trap in the
  /// runtime's executor check.
  private static func spawn(_ loop: EventLoop) -> pthread_t? {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(loop)
    let status = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let loop = Unmanaged<EventLoop>.fromOpaque(context).takeRetainedValue()
        loop.run()
        return nil
      }, context.toOpaque())
    guard status == 0 else {
      context.release()
      return nil
    }
    return thread
  }
}
