// What a server is told at its start, and why it may refuse.
public import Crypto

/// Where and how a server listens.
public struct ServerConfiguration: Sendable {
  /// Numeric address and port, such as `127.0.0.1:8080`, `[::1]:0` or `:8080` for all addresses;
  /// port 0 lets the kernel choose.
  public var address: String
  /// Event loops, each with a thread and a listening socket; one per core is right.
  ///
  /// 1-256.
  public var loopCount: Int
  /// Certificate and key; `nil` for plain HTTP.
  public var tls: TLSContext?
  /// Every size and time that is bounded.
  public var limits: Limits

  /// Makes a configuration.
  public init(
    address: String, loopCount: Int = 1, tls: TLSContext? = nil, limits: Limits = Limits()
  ) {
    self.address = address
    self.loopCount = loopCount
    self.tls = tls
    self.limits = limits
  }
}

/// Why a server cannot listen or start.
public enum ServerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The address is not a numeric address and a port.
  case malformedAddress(String)
  /// The number of loops is outside 1-256.
  case loopCount(Int)
  /// The address cannot be listened on; the text is the system's reason.
  case cannotListen(address: String, reason: String)
  /// The system refused a descriptor or a thread; the text is its reason.
  case resources(reason: String)
  /// The server was started before; make a new one.
  case alreadyStarted

  /// What happened, with which value, and what to do next.
  public var description: String {
    switch self {
    case .malformedAddress(let address):
      return "address \(address) is not understood; write 127.0.0.1:8080, [::1]:8080 or :8080"
    case .loopCount(let count):
      return "\(count) event loops are not possible; choose 1 to 256"
    case .cannotListen(let address, let reason):
      return "cannot listen on \(address): \(reason); choose another port or stop its user"
    case .resources(let reason):
      return "the system refused a descriptor or thread: \(reason); raise the limits (ulimit)"
    case .alreadyStarted:
      return "the server was started before; make a new one"
    }
  }
}

/// Counters of a server, read without stopping it.
public struct ServerStatistics: Sendable, Equatable {
  /// Connections open now, those being refused or lingering included.
  public var openConnections: Int
  /// Requests that reached the handler since the start.
  public var requestsServed: Int
  /// Requests the engine refused by itself: malformed, too large, too slow.
  public var requestsRefused: Int
}
