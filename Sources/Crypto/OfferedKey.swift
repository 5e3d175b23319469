// OfferedKey: what a device sends to become known: a public key, or a certificate signing request
// (PKCS#10, RFC 2986) that carries one and proves that the sender has its private half.
import COpenSSL

/// A key that somebody offers as a device's credential.
public struct OfferedKey: Sendable, Hashable {
  /// More text than this is refused before it is looked at.
  public static let byteCountMax = PEMBlock.textByteCountMax

  /// How the key came.
  public enum Form: Hashable, Sendable {
    /// Bare: a signature has to prove that the sender has the private half.
    case publicKey
    /// In a signing request, whose own signature was checked.
    case signingRequest
  }

  /// The key.
  public let key: CredentialKey
  /// How it came.
  public let form: Form
  /// The one common name that the request wishes for; it decides nothing.
  public let commonName: String?

  /// True when the text itself proved that its sender has the private half at some time.
  public var provesPossession: Bool { form == .signingRequest }

  /// Reads the first PEM block: `PUBLIC KEY`, `CERTIFICATE REQUEST` or `NEW CERTIFICATE REQUEST`.
  ///
  /// Throws `malformed` for everything else, keys other than Ed25519 and P-256, and requests whose
  /// signature is not the key's. The kind of the key is checked before its signature.
  public init(pem: String) throws(CryptoError) {
    let block = try PEMBlock(firstOf: Array(pem.utf8), subject: "offered key")
    switch block.label {
    case "PUBLIC KEY":
      key = try CredentialKey(der: block.bytes)
      form = .publicKey
      commonName = nil
    case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
      (key, commonName) = try Self.read(request: block.bytes)
      form = .signingRequest
    default:
      let isPrivate = block.label.hasSuffix("PRIVATE KEY")
      throw .malformed(
        subject: "offered key",
        reason: isPrivate
          ? "is a private key, which must never leave its device; make a new one and send its "
            + "public half"
          : "is a PEM block of kind '\(block.label)'; send PUBLIC KEY or CERTIFICATE REQUEST")
    }
  }

  private static func read(
    request der: [UInt8]
  ) throws(CryptoError) -> (CredentialKey, String?) {
    let request = decodeDER(der, { d2i_X509_REQ(nil, &$0, $1) }, free: X509_REQ_free)
    guard let request else {
      throw .malformed(subject: "signing request", reason: "is not PKCS#10 in DER")
    }
    defer {
      X509_REQ_free(request)
      ERR_clear_error()
    }
    guard let info = X509_REQ_get_X509_PUBKEY(request),
      let keyBytes = derBytes({ i2d_X509_PUBKEY(info, $0) })
    else { throw .malformed(subject: "signing request", reason: "holds no public key") }
    let key = try CredentialKey(der: keyBytes)
    let algorithm = X509_REQ_get_signature_nid(request)
    guard signatureAlgorithms(of: key.kind).contains(algorithm) else {
      throw .malformed(
        subject: "signing request",
        reason: "is signed by an algorithm that does not fit its key; sign with SHA-256 or better")
    }
    guard X509_REQ_verify(request, key.handle.pointer) == 1 else {
      throw .malformed(subject: "signing request", reason: "is not signed by the key it holds")
    }
    return (key, X509_REQ_get_subject_name(request).flatMap { text(of: NID_commonName, in: $0) })
  }

  private static func signatureAlgorithms(of kind: CredentialKeyKind) -> [Int32] {
    switch kind {
    case .ed25519: [NID_ED25519]
    case .p256: [NID_ecdsa_with_SHA256, NID_ecdsa_with_SHA384, NID_ecdsa_with_SHA512]
    }
  }
}

/// The text of a part of a distinguished name; nil when it is missing, there more than once, or no
/// text.
func text(of part: Int32, in name: OpaquePointer) -> String? {
  let first = X509_NAME_get_index_by_NID(name, part, -1)
  guard first >= 0, X509_NAME_get_index_by_NID(name, part, first) < 0,
    let value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, first))
  else { return nil }
  var characters: UnsafeMutablePointer<UInt8>?
  let count = ASN1_STRING_to_UTF8(&characters, value)
  guard count >= 0, let characters else {
    ERR_clear_error()
    return nil
  }
  defer { CRYPTO_free(characters, nil, 0) }
  let bytes = UnsafeBufferPointer(start: characters, count: Int(count))
  return String(validating: bytes, as: UTF8.self)
}
