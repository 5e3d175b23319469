// Every size, count and time the server bounds, in one value.

/// Every size, count and time the server bounds, with its default and the reason for it.
///
/// Sizes are bytes. Times are coarse: the wheel behind them ticks every 100 ms.
public struct Limits: Sendable {
  /// Longest request line; beyond it the answer is 414.
  ///
  /// RFC 9112 section 3 asks for 8,000 at least.
  public var requestLineBytes = 8_192
  /// All header lines together; beyond it the answer is 431.
  ///
  /// Tokens and cookies fit four times.
  public var headerBytes = 32_768
  /// Header fields of one request, at most 128; beyond it the answer is 431.
  public var headerCount = 100
  /// Largest body held in memory, whatever a handler asks for; beyond it the answer is 413.
  public var bufferedBodyBytes = 1 << 20
  /// Buffered bodies of all connections together; beyond it the answer is 503.
  ///
  /// Reserved by declared length, so that many slow senders cannot fill the memory.
  public var bufferedBodyBytesTotal = 256 << 20
  /// Largest streamed body; beyond it the answer is 413.
  ///
  /// Images above 16 GiB are not firmware.
  public var streamedBodyBytes = 16 << 30
  /// Chunk extensions and trailers of one body; they carry nothing we use (RFC 9112 section 7.1.1).
  public var chunkOverheadBytes = 8_192
  /// Open connections of the whole server; further ones get 503 and are closed.
  public var connections = 16_384
  /// Time from the first byte of a request head, or from accepting, to its last byte.
  public var headerTimeout: Duration = .seconds(15)
  /// Time for the TLS handshake; a slow device over a bad link needs about 5 s.
  public var handshakeTimeout: Duration = .seconds(15)
  /// Time a keep-alive connection may stay silent; longer than the 60 s of common proxies.
  public var idleTimeout: Duration = .seconds(75)
  /// Longest silence inside a request body, and the time granted before the rate counts.
  public var bodyTimeout: Duration = .seconds(20)
  /// Slowest mean rate of a request body, in bytes per second; 2G devices reach ten times that.
  public var bodyBytesPerSecond = 1_000
  /// Longest time a response makes no progress, and the time granted before the rate counts.
  public var writeTimeout: Duration = .seconds(30)
  /// Slowest mean rate at which a client must take a response, in bytes per second.
  public var writeBytesPerSecond = 1_000
  /// Time a closed connection is still read, so that the last response is not lost to a reset.
  public var lingerTimeout: Duration = .seconds(2)
  /// Bytes read and thrown away while lingering.
  public var lingerBytes = 1 << 20
  /// Silence on an event stream after which a comment line is sent to find dead readers.
  public var eventHeartbeat: Duration = .seconds(20)
  /// Ranges of one request; beyond it the whole file is sent (RFC 9110 section 14.2).
  public var rangeCount = 16

  /// The defaults, right for a public server.
  public init() {}
}
