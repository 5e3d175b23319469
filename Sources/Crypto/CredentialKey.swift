// CredentialKey: the public key by which a device is known, Ed25519 or P-256.
//
// A key has exactly one spelling here, so its fingerprint is its identity: only the plain
// SubjectPublicKeyInfo of RFC 8410 and of RFC 5480 with a named curve and an uncompressed point is
// taken. The bytes are compared with these two forms before OpenSSL sees them, so the work for a
// hostile key is the same as for a good one.
import COpenSSL

/// The kinds of keys that devices may use.
public enum CredentialKeyKind: String, CaseIterable, Hashable, Sendable {
  /// EdDSA on edwards25519 (RFC 8032).
  case ed25519
  /// ECDSA with SHA-256 on NIST P-256, the kind that secure elements have (FIPS 186-4).
  case p256

  /// What stands before the bytes of the key in its SubjectPublicKeyInfo.
  fileprivate var prefix: [UInt8] {
    switch self {
    case .ed25519: [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
    case .p256:
      [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08,
        0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
      ]
    }
  }

  fileprivate var derByteCount: Int {
    switch self {
    case .ed25519: 44
    case .p256: 91
    }
  }

  /// Lengths that a signature may have: raw for Ed25519, DER for ECDSA.
  private var signatureByteCounts: ClosedRange<Int> {
    switch self {
    case .ed25519: 64...64
    case .p256: 8...72
    }
  }

  func allows(signatureOf count: Int) -> Bool { signatureByteCounts.contains(count) }

  /// The digest that OpenSSL is told to use; Ed25519 takes none.
  var digest: OpaquePointer? {
    switch self {
    case .ed25519: nil
    case .p256: FetchedDigest.sha256.handle
    }
  }
}

/// The public key of a device.
public struct CredentialKey: Sendable {
  let handle: KeyHandle
  /// Which algorithm the key is for.
  public let kind: CredentialKeyKind
  /// The SubjectPublicKeyInfo in DER: 44 bytes for Ed25519, 91 for P-256.
  public let derBytes: [UInt8]
  /// SHA-256 of `derBytes`: the name of the key.
  public let fingerprint: SHA256.Value

  /// Takes a SubjectPublicKeyInfo in DER.
  ///
  /// A point that is not on the curve is refused. Keys that their owner made weak on purpose, such
  /// as points of small order, are not looked for: that owner could as well publish the secret.
  public init(der: [UInt8]) throws(CryptoError) {
    let kind = CredentialKeyKind.allCases.first { kind in
      der.count == kind.derByteCount && der.starts(with: kind.prefix)
    }
    guard let kind else {
      throw .malformed(subject: "public key", reason: Self.reason(against: der))
    }
    let pointer = decodeDER(der, { d2i_PUBKEY(nil, &$0, $1) }, free: EVP_PKEY_free)
    guard let pointer else {
      throw .malformed(subject: "public key", reason: "is not a point on its curve")
    }
    handle = KeyHandle(owning: pointer)
    self.kind = kind
    derBytes = der
    fingerprint = SHA256.value(of: der)
  }

  /// Takes PEM text with a SubjectPublicKeyInfo of at most 16 KiB.
  public init(pem: String) throws(CryptoError) {
    let block = try PEMBlock(firstOf: Array(pem.utf8), subject: "public key")
    guard block.label == "PUBLIC KEY" else {
      throw .malformed(subject: "public key", reason: "is a PEM block of kind '\(block.label)'")
    }
    try self.init(der: block.bytes)
  }

  init(of handle: KeyHandle) throws(CryptoError) {
    guard let der = Crypto.derBytes({ i2d_PUBKEY(handle.pointer, $0) }) else {
      throw .fromQueue("write a public key")
    }
    try self.init(der: der)
  }

  /// The SubjectPublicKeyInfo as PEM text.
  public var pem: String { PEMBlock(label: "PUBLIC KEY", bytes: derBytes).text }

  /// True when `signature` is this key's over exactly these bytes: 64 raw bytes for Ed25519; for
  /// P-256 an ECDSA signature over their SHA-256 in DER (RFC 3279 section 2.2.3).
  ///
  /// A signature of a wrong length or shape is simply not valid.
  public func isValid(_ signature: [UInt8], for message: UnsafeRawBufferPointer) -> Bool {
    guard kind.allows(signatureOf: signature.count), let context = EVP_MD_CTX_new() else {
      return false
    }
    defer {
      EVP_MD_CTX_free(context)
      // A refused signature queues errors that the next failure must not inherit.
      ERR_clear_error()
    }
    return EVP_DigestVerifyInit(context, nil, kind.digest, nil, handle.pointer) == 1
      && EVP_DigestVerify(context, signature, signature.count, message.octets, message.count) == 1
  }

  /// True when `signature` is this key's over exactly these bytes.
  public func isValid(_ signature: [UInt8], for message: [UInt8]) -> Bool {
    message.withUnsafeBytes { isValid(signature, for: $0) }
  }

  /// Names the algorithm of a key that is refused, from its object identifier.
  private static func reason(against der: [UInt8]) -> String {
    let wanted = "use Ed25519 or P-256"
    // The identifiers stand at the start: two headers of at most five bytes, then up to 22 bytes.
    let start = der.prefix(40)
    for (identifier, name) in others where start.contains(run: identifier) {
      return "is \(name); \(wanted)"
    }
    if start.contains(run: p256Curve) {
      return "is a P-256 key with a compressed or damaged point; send the point uncompressed"
    }
    if start.contains(run: ellipticKey) {
      return "is an elliptic-curve key on another or an unnamed curve; \(wanted)"
    }
    return "is no SubjectPublicKeyInfo of a known kind; \(wanted)"
  }

  private static let ellipticKey: [UInt8] = [0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]
  private static let p256Curve: [UInt8] = [
    0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07,
  ]
  /// Object identifiers in DER (RFC 8017, RFC 5480, SEC 2, RFC 8410).
  private static let others: [(identifier: [UInt8], name: String)] = [
    ([0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01], "an RSA key"),
    ([0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x38, 0x04, 0x01], "a DSA key"),
    ([0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22], "a P-384 key"),
    ([0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23], "a P-521 key"),
    ([0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x0A], "a secp256k1 key"),
    ([0x06, 0x03, 0x2B, 0x65, 0x6E], "an X25519 key, which cannot sign"),
    ([0x06, 0x03, 0x2B, 0x65, 0x71], "an Ed448 key"),
  ]
}

extension CredentialKey: Hashable, CustomStringConvertible {
  /// Compares the DER bytes.
  public static func == (left: Self, right: Self) -> Bool { left.derBytes == right.derBytes }
  /// Feeds the fingerprint.
  public func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
  /// The kind and the fingerprint.
  public var description: String { "\(kind.rawValue):\(fingerprint.hex)" }
}

extension ArraySlice<UInt8> {
  fileprivate func contains(run: [UInt8]) -> Bool {
    guard count >= run.count else { return false }
    return (startIndex...endIndex - run.count).contains { self[$0...].starts(with: run) }
  }
}
