// CredentialPrivateKey: the private half of a device's key, for devices, tools and the authority.
import COpenSSL

/// A private key of a device or of a certificate authority.
///
/// It never prints: its description names the public half only, and a mirror finds nothing.
public struct CredentialPrivateKey: Sendable {
  let handle: KeyHandle
  /// The public half.
  public let publicKey: CredentialKey

  init(_ handle: KeyHandle) throws(CryptoError) {
    self.handle = handle
    publicKey = try CredentialKey(of: handle)
  }

  /// Makes a new key.
  public static func generate(
    _ kind: CredentialKeyKind
  ) throws(CryptoError) -> CredentialPrivateKey {
    let name =
      switch kind {
      case .ed25519: "ED25519"
      case .p256: "EC"
      }
    guard let context = EVP_PKEY_CTX_new_from_name(nil, name, nil) else {
      throw .fromQueue("prepare a \(kind.rawValue) key")
    }
    defer { EVP_PKEY_CTX_free(context) }
    guard EVP_PKEY_keygen_init(context) == 1,
      kind != .p256 || EVP_PKEY_CTX_set_group_name(context, "prime256v1") == 1
    else { throw .fromQueue("prepare a \(kind.rawValue) key") }
    var key: OpaquePointer?
    guard EVP_PKEY_generate(context, &key) == 1, let key else {
      throw .fromQueue("generate a \(kind.rawValue) key")
    }
    return try CredentialPrivateKey(KeyHandle(owning: key))
  }

  /// Signs a message so that `CredentialKey.isValid` accepts it: 64 raw bytes for Ed25519, ECDSA
  /// over SHA-256 in DER (at most 72 bytes) for P-256.
  public func sign(_ message: [UInt8]) throws(CryptoError) -> [UInt8] {
    guard let context = EVP_MD_CTX_new() else { throw .fromQueue("allocate a signature") }
    defer { EVP_MD_CTX_free(context) }
    var signature = [UInt8](repeating: 0, count: 72)
    var count = signature.count
    guard
      EVP_DigestSignInit(context, nil, publicKey.kind.digest, nil, handle.pointer) == 1,
      EVP_DigestSign(context, &signature, &count, message, message.count) == 1
    else { throw .fromQueue("sign") }
    return Array(signature.prefix(count))
  }

  /// Writes an unencrypted PKCS#8 PEM file of mode 0600, whole or not at all; an existing file is
  /// an error.
  public func save(to path: String) throws(CryptoError) { try KeyFile.save(handle, to: path) }

  /// Reads an unencrypted PEM file (PKCS#8 or SEC 1) that only its owner can reach.
  public static func load(from path: String) throws(CryptoError) -> CredentialPrivateKey {
    try CredentialPrivateKey(try KeyFile.load(from: path))
  }

  /// A certificate signing request (PKCS#10) as PEM text, with this common name as its subject.
  ///
  /// - Parameter commonName: 1 to 64 characters (RFC 5280 appendix A.1); a wish, which a server
  ///   may override.
  /// - Returns: a PEM block of kind `CERTIFICATE REQUEST`.
  /// - Throws: `malformed` for a name of another length.
  public func signingRequest(commonName: String) throws(CryptoError) -> String {
    guard let request = X509_REQ_new(), let name = X509_NAME_new() else {
      throw .fromQueue("allocate a signing request")
    }
    defer {
      X509_REQ_free(request)
      X509_NAME_free(name)
    }
    try add(NID_commonName, commonName, to: name)
    guard X509_REQ_set_version(request, 0) == 1,
      X509_REQ_set_subject_name(request, name) == 1,
      X509_REQ_set_pubkey(request, handle.pointer) == 1,
      X509_REQ_sign(request, handle.pointer, publicKey.kind.digest) > 0,
      let der = derBytes({ i2d_X509_REQ(request, $0) })
    else { throw .fromQueue("make a signing request") }
    return PEMBlock(label: "CERTIFICATE REQUEST", bytes: der).text
  }
}

extension CredentialPrivateKey: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// Names the public half.
  public var description: String { "private key of \(publicKey) (hidden)" }
  /// Names the public half.
  public var debugDescription: String { description }
  /// Shows nothing.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Adds a part to a distinguished name; OpenSSL checks the length that X.520 allows.
func add(_ part: Int32, _ text: String, to name: OpaquePointer) throws(CryptoError) {
  let characters = Array(text.utf8)
  guard
    X509_NAME_add_entry_by_NID(
      name, part, MBSTRING_FLAG, characters, Int32(clamping: characters.count), -1, 0) == 1
  else {
    ERR_clear_error()
    throw .malformed(subject: "name '\(text.prefix(80))'", reason: "has not 1 to 64 characters")
  }
}
