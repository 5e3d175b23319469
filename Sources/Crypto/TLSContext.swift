// TLS settings shared by many connections: certificate and key of a server, trust of a client.
// Owns one SSL_CTX; every session made from it keeps it alive.
internal import COpenSSL
import Glibc

/// Why a TLS context could not be made.
public enum TLSError: Error, Equatable, Sendable, CustomStringConvertible {
  /// OpenSSL could not give a context; the text is its reason.
  case unavailable(reason: String)
  /// The certificate chain could not be read from this file.
  case certificate(path: String, reason: String)
  /// The private key could not be read from this file, or does not belong to the certificate.
  case privateKey(path: String, reason: String)
  /// The file of trusted authorities could not be read.
  case authorities(path: String, reason: String)

  /// What happened, with which file, and what to do next.
  public var description: String {
    switch self {
    case .unavailable(let reason):
      return "no TLS context: \(reason)"
    case .certificate(let path, let reason):
      return "certificate \(path): \(reason); give a PEM file, leaf first, then the chain"
    case .privateKey(let path, let reason):
      return "private key \(path): \(reason); give the PEM key that belongs to the certificate"
    case .authorities(let path, let reason):
      return "authorities \(path): \(reason); give a PEM file of CA certificates"
    }
  }
}

/// A certificate chain and its key, both as PEM files.
public struct TLSIdentity: Sendable, Equatable {
  /// The file with the certificate chain, leaf first.
  public var certificatePath: String
  /// The file with the private key, without pass phrase.
  public var keyPath: String

  /// Names the two files; they are read when a context is made.
  public init(certificatePath: String, keyPath: String) {
    self.certificatePath = certificatePath
    self.keyPath = keyPath
  }
}

/// Whom a client believes.
public enum TLSTrust: Sendable, Equatable {
  /// The authorities installed on this machine.
  case system
  /// Only the authorities in this PEM file.
  case authorities(path: String)
  /// Anybody: for tests and first contact only.
  case anyone
}

// Sendable: an SSL_CTX is reference counted and thread safe once it is no longer changed
// (OpenSSL manual, openssl-threads(7)); all changes happen in the initialisers.

/// TLS settings shared by many sessions, TLS 1.2 or newer.
///
/// Making the first context ignores `SIGPIPE` for the process, since OpenSSL writes to sockets
/// without `MSG_NOSIGNAL`.
public final class TLSContext: @unchecked Sendable {
  let handle: OpaquePointer
  let verifiesHost: Bool

  /// Makes the context of a server.
  ///
  /// - Parameters:
  ///   - identity: certificate chain and key shown to every client.
  ///   - clientAuthorities: PEM file of authorities for client certificates; a client may still
  ///     come without one, a wrong one fails the handshake. `nil` asks for none.
  /// - Throws: `TLSError` if a file is missing, malformed or the two do not match.
  public init(server identity: TLSIdentity, clientAuthorities: String? = nil) throws(TLSError) {
    handle = try Self.makeHandle(TLS_server_method())
    verifiesHost = false
    // One ticket instead of two: saves about 10 % of a handshake's CPU, and a device needs one.
    SSL_CTX_set_num_tickets(handle, 1)
    // Required for resumption as soon as client certificates are asked for.
    let sessionName: [UInt8] = Array("groundswell".utf8)
    SSL_CTX_set_session_id_context(handle, sessionName, UInt32(sessionName.count))
    try use(identity)
    if let clientAuthorities {
      try trust(clientAuthorities)
      SSL_CTX_set_client_CA_list(handle, SSL_load_client_CA_file(clientAuthorities))
      SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
    }
  }

  /// Makes the context of a client.
  ///
  /// - Parameters:
  ///   - trust: whom to believe; with anything but `.anyone` the host name is checked too.
  ///   - identity: the client's own certificate, if the server asks for one.
  /// - Throws: `TLSError` if a file is missing or malformed.
  public init(client trust: TLSTrust, identity: TLSIdentity? = nil) throws(TLSError) {
    handle = try Self.makeHandle(TLS_client_method())
    switch trust {
    case .system:
      verifiesHost = true
      SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
      guard SSL_CTX_set_default_verify_paths(handle) == 1 else {
        throw .authorities(path: "(system)", reason: tlsFailureText())
      }
    case .authorities(let path):
      verifiesHost = true
      SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
      try self.trust(path)
    case .anyone:
      verifiesHost = false
      SSL_CTX_set_verify(handle, SSL_VERIFY_NONE, nil)
    }
    if let identity {
      try use(identity)
    }
  }

  deinit { SSL_CTX_free(handle) }

  private static func makeHandle(_ method: OpaquePointer?) throws(TLSError) -> OpaquePointer {
    signal(SIGPIPE, SIG_IGN)
    ERR_clear_error()
    guard let handle = SSL_CTX_new(method) else {
      throw .unavailable(reason: tlsFailureText())
    }
    guard tls_context_harden(handle) == 1 else {
      SSL_CTX_free(handle)
      throw .unavailable(reason: tlsFailureText())
    }
    return handle
  }

  private func use(_ identity: TLSIdentity) throws(TLSError) {
    guard SSL_CTX_use_certificate_chain_file(handle, identity.certificatePath) == 1 else {
      throw .certificate(path: identity.certificatePath, reason: tlsFailureText())
    }
    guard SSL_CTX_use_PrivateKey_file(handle, identity.keyPath, SSL_FILETYPE_PEM) == 1,
      SSL_CTX_check_private_key(handle) == 1
    else {
      throw .privateKey(path: identity.keyPath, reason: tlsFailureText())
    }
  }

  private func trust(_ path: String) throws(TLSError) {
    guard SSL_CTX_load_verify_locations(handle, path, nil) == 1 else {
      throw .authorities(path: path, reason: tlsFailureText())
    }
  }
}

/// The reason of the oldest OpenSSL error of this thread; empties the queue.
func tlsFailureText() -> String {
  let code = ERR_get_error()
  ERR_clear_error()
  guard code != 0 else { return "unknown failure" }
  if let reason = ERR_reason_error_string(code) {
    return String(cString: reason)
  }
  return "system error"
}
