// The handler's view of one request: nothing is copied out of the connection's buffer.
internal import Crypto
import Glibc

/// One request, valid only during the call that received it.
///
/// All byte views point into the connection's buffer; copy what must outlive the call.
public struct Request {
  let head: UnsafePointer<RequestHead>
  let base: UnsafePointer<UInt8>
  let connection: Unmanaged<Connection>

  /// The complete body when the plan was `.buffer`; empty otherwise.
  public let body: UnsafeRawBufferPointer

  /// The request method (RFC 9110 section 9).
  public var method: Method { head.pointee.method }

  /// The path as sent, percent-encoded, without query; `*` for a server-wide OPTIONS.
  public var path: UnsafeRawBufferPointer { view(head.pointee.path) }

  /// The query as sent, without its question mark; empty if there is none.
  public var query: UnsafeRawBufferPointer { view(head.pointee.query) }

  /// The host and port the request is for; empty only in HTTP/1.0 without Host.
  public var host: UnsafeRawBufferPointer { view(head.pointee.host) }

  /// The length of the body in bytes, `nil` for a chunked body; 0 without a body.
  public var contentLength: Int? {
    switch head.pointee.framing {
    case .none: return 0
    case .length(let count): return count
    case .chunked: return nil
    }
  }

  /// Whether the request came over TLS.
  public var isSecure: Bool { connection.takeUnretainedValue().tls != nil }

  /// The other end of the connection; costs a system call.
  public var peer: PeerAddress {
    PeerAddress(descriptor: connection.takeUnretainedValue().descriptor)
  }

  /// The client's certificate as DER, checked against the configured client authorities; `nil`
  /// without TLS, without client authorities, or if the client sent none.
  public var clientCertificate: [UInt8]? {
    connection.takeUnretainedValue().tls?.peerCertificate
  }

  /// The trimmed value of the first header field with this name.
  ///
  /// - Parameter name: the field name in any case; all names are compared ignoring case.
  /// - Returns: `nil` if there is no such field. Repeated fields: use `forEachHeader`.
  public func header(_ name: StaticString) -> UnsafeRawBufferPointer? {
    let length = UInt32(name.utf8CodeUnitCount)
    let wanted = name.utf8Start
    for index in 0..<head.pointee.fieldCount {
      let field = head.pointee.fields[index]
      if field.name.count == length, equals(base + Int(field.name.start), wanted, Int(length)) {
        return view(field.value)
      }
    }
    return nil
  }

  /// Calls `body` with name and trimmed value of each header field, in order.
  public func forEachHeader(
    _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
  ) {
    for index in 0..<head.pointee.fieldCount {
      let field = head.pointee.fields[index]
      body(view(field.name), view(field.value))
    }
  }

  private func equals(
    _ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int
  ) -> Bool {
    for offset in 0..<count
    where ByteClass.lowercase(left[offset]) != ByteClass.lowercase(right[offset]) {
      return false
    }
    return true
  }

  private func view(_ run: ByteRun) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + Int(run.start), count: Int(run.count))
  }
}
