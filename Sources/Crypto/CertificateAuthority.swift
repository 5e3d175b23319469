// CertificateAuthority: a small authority of our own that issues client certificates to devices.
//
// A certificate is a convenience for TLS; what makes a device known is the key in it. So there are
// no revocation lists: the server looks up the key with each request.
import COpenSSL
import Glibc

/// How long a certificate counts, in seconds since 1970.
public struct CertificateValidity: Sendable, Hashable {
  /// What a device's certificate gets unless told otherwise.
  public static let deviceDaysUsual = 90
  /// What a new authority gets.
  public static let authorityDays = 3650
  /// Certificates count from this long before they are made: other clocks may be slow.
  public static let leadSeconds: Int64 = 3600

  /// The first second.
  public let notBefore: Int64
  /// The last second.
  public let notAfter: Int64

  /// From an hour before `now` until `days` after it; 1 to 36,500 days.
  public init(days: Int, at now: Int64) throws(CryptoError) {
    guard (1...36_500).contains(days) else {
      throw .malformed(subject: "validity", reason: "is \(days) days; use 1 to 36500")
    }
    notBefore = now - Self.leadSeconds
    notAfter = now + Int64(days) * 86_400
  }

  init(notBefore: Int64, notAfter: Int64) {
    self.notBefore = notBefore
    self.notAfter = notAfter
  }
}

/// A certificate that may issue others, and its key.
public struct CertificateAuthority: Sendable {
  /// What devices and servers trust.
  public let certificate: Certificate
  private let key: CredentialPrivateKey

  /// Joins a certificate and its key; throws when they do not belong together or the certificate
  /// may not issue others.
  public init(certificate: Certificate, key: CredentialPrivateKey) throws(CryptoError) {
    guard certificate.publicKey == key.publicKey else {
      throw .malformed(
        subject: "authority", reason: "has a certificate and a key that do not belong together")
    }
    guard X509_check_ca(certificate.handle.pointer) == 1 else {
      throw .malformed(subject: "authority", reason: "has a certificate that may not issue others")
    }
    self.certificate = certificate
    self.key = key
  }

  /// Makes a self-signed authority that may issue to devices but not to further authorities.
  ///
  /// - Parameters:
  ///   - key: its key; P-256 for the widest reach.
  ///   - name: its common name, 1 to 64 characters.
  ///   - serial: 8 to 20 random bytes.
  ///   - now: seconds since 1970; it is valid for 3650 days.
  /// - Returns: the authority, ready to issue.
  /// - Throws: `malformed` for a name or a serial number of a wrong length.
  public static func selfSigned(
    _ key: CredentialPrivateKey, name: String, serial: [UInt8], at now: Int64
  ) throws(CryptoError) -> CertificateAuthority {
    let subject = try DistinguishedName()
    try add(NID_commonName, name, to: subject.pointer)
    let draft = try CertificateDraft(
      key: key.publicKey, subject: subject, issuer: subject, serial: serial,
      validity: try CertificateValidity(days: CertificateValidity.authorityDays, at: now))
    try draft.extend(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
    try draft.extend(NID_key_usage, "critical,keyCertSign,cRLSign")
    try draft.extend(NID_subject_key_identifier, "hash")
    return try CertificateAuthority(certificate: try draft.sign(with: key), key: key)
  }

  /// Reads the authority of a server, or makes a P-256 one where there is none.
  ///
  /// The key file comes first and nothing is ever replaced, so an interrupted start is completed by
  /// the next one.
  public static func loadOrCreate(
    certificatePath: String, keyPath: String, name: String, at now: Int64
  ) throws(CryptoError) -> CertificateAuthority {
    let hasCertificate = access(certificatePath, F_OK) == 0
    if access(keyPath, F_OK) != 0 {
      guard !hasCertificate else {
        throw .malformed(
          subject: certificatePath, reason: "has lost its key \(keyPath); restore it from a backup")
      }
      try CredentialPrivateKey.generate(.p256).save(to: keyPath)
    }
    let key = try CredentialPrivateKey.load(from: keyPath)
    if !hasCertificate {
      let serial = try SecureRandom.bytes(16)
      let authority = try selfSigned(key, name: name, serial: serial, at: now)
      try KeyFile.create(certificatePath, mode: 0o644, authority.certificate.pem)
    }
    let text = String(decoding: try KeyFile.readPublic(certificatePath), as: UTF8.self)
    return try CertificateAuthority(certificate: try Certificate(pem: text), key: key)
  }

  /// Issues a client certificate for a key.
  ///
  /// The subject is the server's decision: common name = device, organization = tenant. A device id
  /// of more than 64 characters does not fit a common name (RFC 5280 appendix A.1) and is shortened
  /// to `sha256-` and 57 hexadecimal digits of its digest, so that no two ids share a name. The
  /// certificate never outlives its authority.
  ///
  /// - Parameters:
  ///   - key: the key of the device.
  ///   - device: the device id.
  ///   - tenant: the tenant's name, at most 64 characters.
  ///   - serial: 8 to 20 random bytes.
  ///   - validity: when it counts, usually `CertificateValidity.deviceDaysUsual` days.
  /// - Returns: the certificate of the device.
  /// - Throws: `malformed` for a tenant, a device or a serial number of a wrong length, and when
  ///   the authority is about to expire.
  public func issue(
    for key: CredentialKey, device: String, tenant: String, serial: [UInt8],
    validity: CertificateValidity
  ) throws(CryptoError) -> Certificate {
    let last = min(validity.notAfter, certificate.notAfter)
    guard last > validity.notBefore else {
      throw .malformed(
        subject: "authority", reason: "expires too soon to issue certificates; replace it")
    }
    guard let ownName = X509_get_subject_name(certificate.handle.pointer) else {
      throw .fromQueue("read the name of the authority")
    }
    let subject = try DistinguishedName()
    try add(NID_organizationName, tenant, to: subject.pointer)
    try add(NID_commonName, Self.commonName(of: device), to: subject.pointer)
    let draft = try CertificateDraft(
      key: key, subject: subject, issuer: try DistinguishedName(copying: ownName), serial: serial,
      validity: CertificateValidity(
        notBefore: max(validity.notBefore, certificate.notBefore), notAfter: last))
    draft.issuer = certificate
    try draft.extend(NID_basic_constraints, "critical,CA:FALSE")
    try draft.extend(NID_key_usage, "critical,digitalSignature")
    try draft.extend(NID_ext_key_usage, "clientAuth")
    try draft.extend(NID_subject_key_identifier, "hash")
    try draft.extend(NID_authority_key_identifier, "keyid:always")
    return try draft.sign(with: self.key)
  }

  /// The common name that stands for a device id.
  static func commonName(of device: String) -> String {
    guard device.unicodeScalars.count > 64 else { return device }
    return "sha256-" + SHA256.value(of: device).hex.prefix(57)
  }
}
