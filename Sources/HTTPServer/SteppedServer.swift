// A server without threads and network, for simulations: whoever holds it moves it step by step.
// Parser, handler, barrier and writing are those of every server; only the sockets are local pairs.
internal import CLinux
import Glibc

/// An event loop that runs on the caller's thread when it is told to. Not for two threads at once.
///
/// Its time limits are out of reach, since the time of the machine means nothing in a simulation.
public final class SteppedServer {
  private let loop: EventLoop

  /// Makes a server; replies sent with a ticket wait for the barrier. Throws when descriptors are
  /// short.
  public init(handler: any RequestHandler, barrier: Barrier) throws(ServerError) {
    var limits = Limits()
    let never = Duration.seconds(1_000_000)
    limits.headerTimeout = never
    limits.idleTimeout = never
    limits.bodyTimeout = never
    limits.writeTimeout = never
    let shared = ServerShared(
      ServerConfiguration(address: "", limits: limits), handler: handler, barrier: barrier)
    guard let loop = EventLoop(shared: shared, listener: -1) else {
      throw .resources(reason: String(cString: strerror(errno)))
    }
    self.loop = loop
  }

  deinit { loop.closeEverything() }

  /// Opens a connection; throws when descriptors are short.
  public func connect() throws(ServerError) -> SteppedConnection {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
      throw .resources(reason: String(cString: strerror(errno)))
    }
    loop.admit(ends[0])
    return SteppedConnection(descriptor: ends[1])
  }

  /// Lets the loop do everything that can be done without anything new coming in.
  public func step() {
    while loop.turn(waitMilliseconds: 0) {}
  }
}

/// The client's end of a connection to a stepped server; closed when this goes.
public final class SteppedConnection {
  private let descriptor: Int32

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { _ = Glibc.close(descriptor) }

  /// Sends a request of up to some ten thousand bytes; larger ones do not fit the socket.
  ///
  /// - Returns: Whether all of it was taken.
  public func send(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes {
      Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) == $0.count
    }
  }

  /// What the server has sent since the last call; empty when it is silent or gone.
  public func receive() -> [UInt8] {
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return received }
      received += buffer[..<count]
      guard count == buffer.count else { return received }
    }
  }
}
