// Certificate: an X.509 certificate (RFC 5280) that a peer showed or that our authority issued.
import COpenSSL
import Glibc

/// A certificate, read once.
///
/// Reading one proves nothing about it: `fault(under:at:)` tells whether an authority vouches for
/// it, and a TLS handshake whether the peer has its key.
public struct Certificate: Sendable {
  /// Larger ones are refused before they are looked at.
  public static let byteCountMax = 16 << 10

  let handle: CertificateHandle
  /// The certificate in DER.
  public let derBytes: [UInt8]
  /// The key it speaks of; nil when that is neither Ed25519 nor P-256.
  public let publicKey: CredentialKey?
  /// SHA-256 of the SubjectPublicKeyInfo: equal to `CredentialKey.fingerprint` of the same key.
  public let fingerprint: SHA256.Value
  /// The common name of the subject; nil when there is none or more than one.
  public let commonName: String?
  /// The organization of the subject; nil when there is none or more than one.
  public let organization: String?
  /// The common name of the issuer, for people.
  public let issuerName: String?
  /// The serial number in hexadecimal.
  public let serial: String
  /// The first second it is valid in, since 1970.
  public let notBefore: Int64
  /// When it ends, in seconds since 1970; that second is already too late for OpenSSL.
  public let notAfter: Int64

  /// Takes a certificate in DER, as `Request.clientCertificate` has it.
  public init(der: [UInt8]) throws(CryptoError) {
    guard der.count <= Self.byteCountMax else {
      throw .malformed(
        subject: "certificate", reason: "is larger than \(Self.byteCountMax) bytes")
    }
    let pointer = decodeDER(der, { d2i_X509(nil, &$0, $1) }, free: X509_free)
    guard let pointer else {
      throw .malformed(subject: "certificate", reason: "is not X.509 in DER")
    }
    handle = CertificateHandle(owning: pointer)
    derBytes = der
    guard let info = X509_get_X509_PUBKEY(pointer),
      let keyBytes = Crypto.derBytes({ i2d_X509_PUBKEY(info, $0) })
    else { throw .malformed(subject: "certificate", reason: "holds no public key") }
    // Other keys are no credentials, but such a certificate can still be looked at and refused.
    publicKey = try? CredentialKey(der: keyBytes)
    fingerprint = SHA256.value(of: keyBytes)
    let subject = X509_get_subject_name(pointer)
    commonName = subject.flatMap { text(of: NID_commonName, in: $0) }
    organization = subject.flatMap { text(of: NID_organizationName, in: $0) }
    issuerName = X509_get_issuer_name(pointer).flatMap { text(of: NID_commonName, in: $0) }
    serial = Self.serial(of: pointer)
    guard let first = Self.seconds(X509_get0_notBefore(pointer)),
      let last = Self.seconds(X509_get0_notAfter(pointer))
    else { throw .malformed(subject: "certificate", reason: "has no readable validity") }
    notBefore = first
    notAfter = last
  }

  /// Takes the first PEM block of a text of at most 16 KiB.
  public init(pem: String) throws(CryptoError) {
    let block = try PEMBlock(firstOf: Array(pem.utf8), subject: "certificate")
    guard block.label == "CERTIFICATE" else {
      throw .malformed(subject: "certificate", reason: "is a PEM block of kind '\(block.label)'")
    }
    try self.init(der: block.bytes)
  }

  /// The certificate as PEM text.
  public var pem: String { PEMBlock(label: "CERTIFICATE", bytes: derBytes).text }

  /// Why this certificate does not count as a client's, directly issued by an authority, at a time.
  ///
  /// Checked are the signature, both validities, that the authority may issue, and that the purpose
  /// allows TLS clients (RFC 5280 section 6). Revocation is the business of whoever keeps a list of
  /// keys. A root and an intermediate are equally good as `authority`, since an operator named it.
  ///
  /// - Parameters:
  ///   - authority: the certificate of the only authority that is believed.
  ///   - now: seconds since 1970.
  /// - Returns: the reason in OpenSSL's words; nil when the authority vouches for it.
  public func fault(under authority: Certificate, at now: Int64) -> String? {
    guard let store = X509_STORE_new(), let context = X509_STORE_CTX_new() else {
      return "no memory to check the certificate"
    }
    defer {
      X509_STORE_CTX_free(context)
      X509_STORE_free(store)
      ERR_clear_error()
    }
    guard X509_STORE_add_cert(store, authority.handle.pointer) == 1,
      X509_STORE_CTX_init(context, store, handle.pointer, nil) == 1,
      X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) == 1
    else { return "the certificate cannot be checked" }
    // The authority itself is the only anchor, so it is no client of its own.
    guard fingerprint != authority.fingerprint else { return "is the authority itself" }
    X509_STORE_CTX_set_flags(context, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    X509_STORE_CTX_set_time(context, 0, time_t(now))
    guard X509_verify_cert(context) != 1 else { return nil }
    return String(cString: X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(context))))
  }

  private static func serial(of pointer: OpaquePointer) -> String {
    guard let number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(pointer), nil) else { return "" }
    defer { BN_free(number) }
    guard let digits = BN_bn2hex(number) else { return "" }
    defer { CRYPTO_free(digits, nil, 0) }
    return String(cString: digits).lowercased()
  }

  private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    var parts = tm()
    guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
    return Int64(timegm(&parts))
  }
}

extension Certificate: Hashable {
  /// Compares the DER bytes.
  public static func == (left: Self, right: Self) -> Bool { left.derBytes == right.derBytes }
  /// Feeds the DER bytes.
  public func hash(into hasher: inout Hasher) { hasher.combine(derBytes) }
}

/// An `X509` and its reference.
///
/// Sendable because OpenSSL counts references atomically, takes a lock for what it computes lazily,
/// and nothing here changes a certificate once it was read (openssl-threads(7)).
final class CertificateHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  init(owning pointer: OpaquePointer) { self.pointer = pointer }

  deinit { X509_free(pointer) }
}
