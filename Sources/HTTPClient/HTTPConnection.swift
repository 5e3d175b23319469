// One keep-alive connection to a server, opened when needed and again when it was lost.
import Crypto
import Glibc

/// A blocking HTTP/1.1 connection (RFC 9112).
///
/// Not thread safe; make one for each thread.
public final class HTTPConnection {
  /// Host name or address of the server.
  public let host: String
  /// Port of the server.
  public let port: Int
  private let context: TLSContext?
  private let timeoutSeconds: Int
  private var open: (transport: Transport, reader: ResponseReader)?

  /// Names a server; the connection is made with the first request.
  ///
  /// - Parameters:
  ///   - host: name or numeric address, IPv6 without brackets.
  ///   - port: 1-65535.
  ///   - tls: how to secure the connection; `nil` for plain HTTP.
  ///   - timeoutSeconds: longest wait for connecting and for each read or write, 1-86,400.
  /// - Throws: `HTTPClientError.tls` if a certificate file cannot be used.
  public init(
    host: String, port: Int, tls: TLSClientOptions? = nil, timeoutSeconds: Int = 30
  ) throws(HTTPClientError) {
    self.host = host
    self.port = port
    self.timeoutSeconds = min(max(timeoutSeconds, 1), 86_400)
    guard let tls else {
      context = nil
      return
    }
    do throws(TLSError) {
      context = try TLSContext(client: tls.trust, identity: tls.identity)
    } catch {
      throw .tls("\(host):\(port)", reason: error.description)
    }
  }

  /// Names the server of a URL; `tls` counts only if the scheme is https.
  ///
  /// - Throws: `HTTPClientError.tls` if a certificate file cannot be used.
  public convenience init(
    _ address: HTTPAddress, tls: TLSClientOptions = TLSClientOptions(), timeoutSeconds: Int = 30
  ) throws(HTTPClientError) {
    try self.init(
      host: address.host, port: address.port, tls: address.isSecure ? tls : nil,
      timeoutSeconds: timeoutSeconds)
  }

  /// Sends a request and reads the whole response.
  ///
  /// A kept connection that the server closed meanwhile is opened again. Once bytes of a request
  /// went out, only a request whose method may be repeated (RFC 9110 section 9.2.2) is sent twice.
  ///
  /// - Parameters:
  ///   - method: such as `GET`.
  ///   - target: path and query, percent-encoded.
  ///   - headers: further fields; Host and Content-Length are added.
  ///   - body: what to send.
  ///   - bodyLimit: longest response body taken into memory, in bytes.
  /// - Returns: the response, whatever its status.
  /// - Throws: `HTTPClientError` if there is no complete response.
  public func send(
    _ method: String, _ target: String, headers: [(name: String, value: String)] = [],
    body: HTTPRequestBody = .none, bodyLimit: Int = 16 << 20
  ) throws(HTTPClientError) -> HTTPResponse {
    var collected: [UInt8] = []
    var isTooLarge = false
    do throws(HTTPClientError) {
      var response = try exchange(method, target, headers, body) { _, bytes in
        isTooLarge = collected.count + bytes.count > bodyLimit
        if !isTooLarge { collected.append(contentsOf: bytes) }
        return !isTooLarge
      }
      response.body = collected
      return response
    } catch {
      throw isTooLarge ? .tooLarge(limit: bodyLimit) : error
    }
  }

  /// Gets a resource and hands its body on as it arrives.
  ///
  /// To resume, send `Range: bytes=N-` with `If-Range`, and look at the status: 206 goes on at N,
  /// 200 starts again.
  ///
  /// - Parameters:
  ///   - target: path and query, percent-encoded.
  ///   - headers: further fields.
  ///   - receive: takes the head of the response and the next bytes; returns `false` to stop.
  /// - Returns: the response without its body.
  /// - Throws: `HTTPClientError` if the body is not complete, `.cancelled` if `receive` stopped.
  public func download(
    _ target: String, headers: [(name: String, value: String)] = [],
    receive: (_ response: HTTPResponse, _ bytes: UnsafeRawBufferPointer) -> Bool
  ) throws(HTTPClientError) -> HTTPResponse {
    try exchange("GET", target, headers, .none, receive)
  }

  /// Closes the connection; the next request opens it again.
  public func close() { open = nil }

  // MARK: One exchange

  private func exchange(
    _ method: String, _ target: String, _ headers: [(name: String, value: String)],
    _ body: HTTPRequestBody, _ receive: (HTTPResponse, UnsafeRawBufferPointer) -> Bool
  ) throws(HTTPClientError) -> HTTPResponse {
    if let open, open.transport.isStale || open.reader.hasLeftover { self.open = nil }
    let wasKept = open != nil
    let isRepeatable = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"].contains(method)
    do throws(HTTPClientError) {
      return try attempt(method, target, headers, body, receive)
    } catch {
      let hasStarted = open?.reader.hasStarted ?? false
      open = nil
      guard case .disconnected = error else { throw error }
      guard wasKept, isRepeatable, !hasStarted else {
        throw .disconnected("\(host):\(port)")
      }
      return try attempt(method, target, headers, body, receive)
    }
  }

  private func attempt(
    _ method: String, _ target: String, _ headers: [(name: String, value: String)],
    _ body: HTTPRequestBody, _ receive: (HTTPResponse, UnsafeRawBufferPointer) -> Bool
  ) throws(HTTPClientError) -> HTTPResponse {
    var (transport, reader) = try connect()
    defer { if open != nil { open = (transport, reader) } }
    let source = try RequestSource(body)
    let head = try requestHead(method, target, headers, length: source.length)
    do throws(HTTPClientError) {
      try source.send(head: head, to: transport)
    } catch {
      // A server that refuses a body answers first and closes then: its answer says why.
      guard case .disconnected = error, let response = try? reader.readHead() else { throw error }
      try finish(response, method, &reader, receive)
      open = nil
      return response
    }
    let response = try reader.readHead()
    try finish(response, method, &reader, receive)
    if !reader.isReusable { open = nil }
    return response
  }

  private func finish(
    _ response: HTTPResponse, _ method: String, _ reader: inout ResponseReader,
    _ receive: (HTTPResponse, UnsafeRawBufferPointer) -> Bool
  ) throws(HTTPClientError) {
    try reader.readBody(of: response, isHead: method == "HEAD") { receive(response, $0) }
  }

  private func connect() throws(HTTPClientError) -> (Transport, ResponseReader) {
    if let open { return open }
    let transport = try Transport(host: host, port: port, tls: context, seconds: timeoutSeconds)
    let fresh = (transport, ResponseReader(transport))
    open = fresh
    return fresh
  }

  private func requestHead(
    _ method: String, _ target: String, _ headers: [(name: String, value: String)], length: Int?
  ) throws(HTTPClientError) -> [UInt8] {
    let isWord = { (byte: UInt8) in byte > 0x20 && byte < 0x7F }
    guard !method.isEmpty, method.utf8.allSatisfy(isWord) else { throw .malformedRequest("method") }
    guard target.hasPrefix("/") || target == "*", target.utf8.allSatisfy(isWord) else {
      throw .malformedRequest("target \(target)")
    }
    let name = host.contains(":") ? "[\(host)]" : host
    var head = "\(method) \(target) HTTP/1.1\r\nHost: \(name):\(port)\r\n"
    for (name, value) in headers {
      guard !name.isEmpty, name.utf8.allSatisfy({ isWord($0) && $0 != 0x3A }) else {
        throw .malformedRequest("header \(name)")
      }
      guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
        throw .malformedRequest("the value of header \(name)")
      }
      head += "\(name): \(value)\r\n"
    }
    if let length { head += "Content-Length: \(length)\r\n" }
    head += "\r\n"
    return Array(head.utf8)
  }
}
