// CertificateDraft: a certificate on its way to being signed.
import COpenSSL
import Glibc

/// A name that is being built.
///
/// Not Sendable: it stays in the function that makes it.
final class DistinguishedName {
  let pointer: OpaquePointer

  init() throws(CryptoError) {
    guard let pointer = X509_NAME_new() else { throw .fromQueue("allocate a name") }
    self.pointer = pointer
  }

  init(copying name: OpaquePointer) throws(CryptoError) {
    guard let pointer = X509_NAME_dup(name) else { throw .fromQueue("copy a name") }
    self.pointer = pointer
  }

  deinit { X509_NAME_free(pointer) }
}

/// A certificate before its signature. Not Sendable: it stays in the function that makes it.
final class CertificateDraft {
  /// RFC 5280 section 4.1.2.2 allows 20; fewer than 8 can be guessed (CA/B Forum BR 7.1).
  private static let serialByteCounts = 8...20

  private let pointer: OpaquePointer
  /// Whose key identifier goes into the draft; nil for a certificate that signs itself.
  var issuer: Certificate?

  init(
    key: CredentialKey, subject: DistinguishedName, issuer: DistinguishedName, serial: [UInt8],
    validity: CertificateValidity
  ) throws(CryptoError) {
    guard let pointer = X509_new() else { throw .fromQueue("allocate a certificate") }
    self.pointer = pointer
    try setSerial(serial)
    // Version 3 is written as 2 (RFC 5280 section 4.1.2.1).
    guard X509_set_version(pointer, 2) == 1,
      X509_set_subject_name(pointer, subject.pointer) == 1,
      X509_set_issuer_name(pointer, issuer.pointer) == 1,
      X509_set_pubkey(pointer, key.handle.pointer) == 1
    else { throw .fromQueue("fill a certificate") }
    guard
      ASN1_TIME_set(X509_getm_notBefore(pointer), time_t(validity.notBefore)) != nil,
      ASN1_TIME_set(X509_getm_notAfter(pointer), time_t(validity.notAfter)) != nil
    else { throw .fromQueue("set the validity of a certificate") }
  }

  deinit { X509_free(pointer) }

  private func setSerial(_ serial: [UInt8]) throws(CryptoError) {
    guard Self.serialByteCounts.contains(serial.count), serial.contains(where: { $0 != 0 }) else {
      throw .malformed(subject: "serial number", reason: "is not 8 to 20 random bytes")
    }
    var bytes = serial
    // Positive, and of the same length for every draw.
    bytes[0] = bytes[0] & 0x7F | 0x40
    guard let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else {
      throw .fromQueue("set a serial number")
    }
    defer { BN_free(number) }
    guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(pointer)) != nil else {
      throw .fromQueue("set a serial number")
    }
  }

  /// Adds an extension in OpenSSL's notation (x509v3_config(5)). The values are constants of ours;
  /// nothing from outside is ever part of them.
  func extend(_ kind: Int32, _ value: StaticString) throws(CryptoError) {
    var context = X509V3_CTX()
    X509V3_set_ctx(&context, issuer?.handle.pointer ?? pointer, pointer, nil, nil, 0)
    let text = "\(value)"
    guard let made = X509V3_EXT_nconf_nid(nil, &context, kind, text) else {
      throw .fromQueue("make the extension \(text)")
    }
    defer { X509_EXTENSION_free(made) }
    guard X509_add_ext(pointer, made, -1) == 1 else {
      throw .fromQueue("add the extension \(text)")
    }
  }

  /// Signs the draft and reads it back, so that what is handed out is what a reader sees.
  func sign(with key: CredentialPrivateKey) throws(CryptoError) -> Certificate {
    guard X509_sign(pointer, key.handle.pointer, key.publicKey.kind.digest) > 0,
      let der = derBytes({ i2d_X509(pointer, $0) })
    else { throw .fromQueue("sign a certificate") }
    return try Certificate(der: der)
  }
}
