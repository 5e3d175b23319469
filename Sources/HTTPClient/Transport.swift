// A connected socket with optional TLS: blocking reads and writes with a time limit.
import Crypto
import Glibc

/// One connected socket, closed with the object.
final class Transport {
  private let descriptor: Int32
  private let address: String
  private let seconds: Int
  private var session: TLSSession?

  /// Connects, trying all addresses of the host in turn.
  init(host: String, port: Int, tls: TLSContext?, seconds: Int) throws(HTTPClientError) {
    address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    self.seconds = seconds
    descriptor = try Self.connect(host: host, port: port, address: address, seconds: seconds)
    guard let tls else { return }
    guard let session = TLSSession(client: tls, descriptor: descriptor, host: host) else {
      throw .tls(address, reason: "host name \(host) cannot be checked")
    }
    switch session.handshake() {
    case .done: break
    case .wantRead, .wantWrite: throw .timedOut(address, seconds: seconds)
    case .closed: throw .tls(address, reason: "the server closed; does it speak TLS?")
    case .failed: throw .tls(address, reason: session.failureText())
    }
    self.session = session
  }

  deinit {
    session?.close()
    session = nil
    close(descriptor)
  }

  /// Whether an idle connection has been closed by the server, or says something unasked.
  var isStale: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) != 0
  }

  /// Reads at least one byte; 0 at the end of the stream.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(HTTPClientError) -> Int {
    if let session {
      switch session.read(into: buffer) {
      case .done(let count): return count
      case .closed: return 0
      case .wantRead, .wantWrite: throw .timedOut(address, seconds: seconds)
      case .failed: throw .disconnected(address)
      }
    }
    while true {
      let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
      if count >= 0 { return count }
      if errno == EINTR { continue }
      throw errno == EAGAIN
        ? .timedOut(address, seconds: seconds) : .disconnected(address)
    }
  }

  /// Writes all bytes.
  func write(_ bytes: UnsafeRawBufferPointer) throws(HTTPClientError) {
    var sent = 0
    while sent < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
      sent += try writeSome(rest)
    }
  }

  private func writeSome(_ bytes: UnsafeRawBufferPointer) throws(HTTPClientError) -> Int {
    if let session {
      switch session.write(bytes) {
      case .done(let count): return count
      case .wantRead, .wantWrite: throw .timedOut(address, seconds: seconds)
      case .closed, .failed: throw .disconnected(address)
      }
    }
    let count = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    if count >= 0 { return count }
    if errno == EINTR { return 0 }
    throw errno == EAGAIN ? .timedOut(address, seconds: seconds) : .disconnected(address)
  }

  // MARK: Connecting

  private static func connect(
    host: String, port: Int, address: String, seconds: Int
  ) throws(HTTPClientError) -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &found)
    guard status == 0 else {
      throw .unknownHost(host, reason: String(cString: gai_strerror(status)))
    }
    defer { freeaddrinfo(found) }
    var failure = ENETUNREACH
    var entry = found
    while let candidate = entry {
      let descriptor = socket(
        candidate.pointee.ai_family, candidate.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue),
        0)
      guard descriptor >= 0 else {
        throw .unreachable(address, reason: String(cString: strerror(errno)))
      }
      // The send timeout also bounds connect (socket(7)).
      prepare(descriptor, seconds: seconds)
      if Glibc.connect(descriptor, candidate.pointee.ai_addr, candidate.pointee.ai_addrlen) == 0 {
        return descriptor
      }
      failure = errno
      close(descriptor)
      entry = candidate.pointee.ai_next
    }
    switch failure {
    case ECONNREFUSED: throw .refused(address)
    case EINPROGRESS, ETIMEDOUT, EAGAIN: throw .timedOut(address, seconds: seconds)
    default: throw .unreachable(address, reason: String(cString: strerror(failure)))
    }
  }

  private static func prepare(_ descriptor: Int32, seconds: Int) {
    var timeout = timeval(tv_sec: seconds, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
    // Without it a TLS 1.2 resumption stalls 40 ms on delayed acknowledgements.
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(4))
  }
}
