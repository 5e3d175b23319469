// One TLS connection on a socket: handshake, read, write and close without ever blocking a
// non-blocking socket. Owns the SSL object, never the socket.
internal import COpenSSL
import Glibc

/// What a step of a TLS session came to.
public enum TLSProgress: Equatable, Sendable {
  /// So many bytes were moved; 0 after a finished handshake.
  case done(Int)
  /// The step must be repeated once the socket is readable.
  case wantRead
  /// The step must be repeated once the socket is writable, with the same bytes.
  case wantWrite
  /// The peer closed the connection.
  case closed
  /// The session is broken; the socket can only be closed.
  case failed
}

/// One TLS connection on a connected socket.
///
/// Not thread safe: one thread at a time may use a session.
public final class TLSSession {
  private let handle: OpaquePointer
  private let context: TLSContext
  private let checksHost: Bool

  /// Makes the server's side of a session on a connected socket; `nil` if memory is short.
  ///
  /// - Parameters:
  ///   - context: a context made with `init(server:)`.
  ///   - descriptor: the socket; stays owned by the caller.
  public init?(server context: TLSContext, descriptor: Int32) {
    guard let handle = SSL_new(context.handle) else { return nil }
    self.handle = handle
    self.context = context
    checksHost = false
    guard SSL_set_fd(handle, descriptor) == 1 else { return nil }
    SSL_set_accept_state(handle)
  }

  /// Makes the client's side of a session on a connected socket; `nil` if `host` is malformed.
  ///
  /// - Parameters:
  ///   - context: a context made with `init(client:)`.
  ///   - descriptor: the socket; stays owned by the caller.
  ///   - host: name or address literal the certificate must be made out to (RFC 9525).
  public init?(client context: TLSContext, descriptor: Int32, host: String) {
    guard let handle = SSL_new(context.handle) else { return nil }
    self.handle = handle
    self.context = context
    checksHost = context.verifiesHost
    guard SSL_set_fd(handle, descriptor) == 1 else { return nil }
    SSL_set_connect_state(handle)
    let isAddress = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handle), host) == 1
    if !isAddress {
      // Server name indication carries names only (RFC 6066 section 3).
      guard tls_session_set_server_name(handle, host) == 1 else { return nil }
      guard !checksHost || SSL_set1_host(handle, host) == 1 else { return nil }
    }
  }

  deinit { SSL_free(handle) }

  /// Takes the next step of the handshake.
  public func handshake() -> TLSProgress {
    ERR_clear_error()
    let result = SSL_do_handshake(handle)
    return result == 1 ? .done(0) : progress(of: result)
  }

  /// Reads decrypted bytes.
  ///
  /// - Parameter buffer: where to put them; not empty.
  /// - Returns: `.done` with the count, at most one TLS record (16 KiB), or why there are none.
  public func read(into buffer: UnsafeMutableRawBufferPointer) -> TLSProgress {
    ERR_clear_error()
    let result = SSL_read(handle, buffer.baseAddress, Int32(clamping: buffer.count))
    return result > 0 ? .done(Int(result)) : progress(of: result)
  }

  /// Encrypts and writes bytes.
  ///
  /// - Parameter bytes: what to write; not empty. After `.wantWrite` the next call must begin with
  ///   the same bytes and be no shorter, though the buffer may have moved.
  /// - Returns: `.done` with the count written, which may be less than offered.
  public func write(_ bytes: UnsafeRawBufferPointer) -> TLSProgress {
    ERR_clear_error()
    let result = SSL_write(handle, bytes.baseAddress, Int32(clamping: bytes.count))
    return result > 0 ? .done(Int(result)) : progress(of: result)
  }

  /// Tells the peer that nothing more will be sent (close_notify, RFC 8446 section 6.1).
  public func close() {
    // Without a finished handshake there is nothing to close, and OpenSSL reports an error.
    guard SSL_is_init_finished(handle) == 1 else { return }
    ERR_clear_error()
    _ = SSL_shutdown(handle)
    ERR_clear_error()
  }

  /// Decrypted bytes that wait inside the session, of which the socket will not tell.
  public var pendingCount: Int { Int(SSL_pending(handle)) }

  /// Keeps the record buffers between calls while a bulk transfer runs.
  ///
  /// Without it an idle session gives about 34 kB back, but each write allocates again.
  public func keepBuffers(_ keep: Bool) {
    tls_session_keep_buffers(handle, keep ? 1 : 0)
  }

  /// The peer's certificate as DER (RFC 5280), `nil` if it sent none.
  ///
  /// On a server it was checked against the client authorities during the handshake.
  public var peerCertificate: [UInt8]? {
    guard let certificate = SSL_get1_peer_certificate(handle) else { return nil }
    defer { X509_free(certificate) }
    let count = Int(i2d_X509(certificate, nil))
    guard count > 0 else { return nil }
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
      var position = buffer.baseAddress
      written = max(0, Int(i2d_X509(certificate, &position)))
    }
  }

  /// Why the last step failed, for a message; call it right after the step, on the same thread.
  public func failureText() -> String {
    let verification = SSL_get_verify_result(handle)
    if verification != Int(X509_V_OK), let text = X509_verify_cert_error_string(verification) {
      return "certificate not trusted: " + String(cString: text)
    }
    return tlsFailureText()
  }

  private func progress(of result: Int32) -> TLSProgress {
    switch SSL_get_error(handle, result) {
    case SSL_ERROR_WANT_READ: return .wantRead
    case SSL_ERROR_WANT_WRITE: return .wantWrite
    case SSL_ERROR_ZERO_RETURN: return .closed
    default: return .failed
    }
  }
}
