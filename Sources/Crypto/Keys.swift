// Ed25519 keys (RFC 8032): sign, verify, and the public half's spellings. Key files are in
// KeyFile.swift.
import COpenSSL

/// An `EVP_PKEY` and its reference.
///
/// Sendable because OpenSSL counts references atomically and every operation here reads the key
/// through a context of its own (openssl-threads(7)).
final class KeyHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  init(owning pointer: OpaquePointer) { self.pointer = pointer }

  deinit { EVP_PKEY_free(pointer) }

  var isEd25519: Bool { EVP_PKEY_get_id(pointer) == EVP_PKEY_ED25519 }

  func rawPublicBytes() throws(CryptoError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 32)
    var length = bytes.count
    guard EVP_PKEY_get_raw_public_key(pointer, &bytes, &length) == 1, length == 32 else {
      throw .fromQueue("read the public key")
    }
    return bytes
  }
}

/// An Ed25519 private key.
///
/// It never prints: its description names the public half only, and a mirror finds nothing.
public struct SigningKey: Sendable {
  let handle: KeyHandle
  /// The public half.
  public let verifyingKey: VerifyingKey

  init(_ handle: KeyHandle) throws(CryptoError) {
    guard handle.isEd25519 else {
      throw .malformed(subject: "private key", reason: "is not an Ed25519 key")
    }
    self.handle = handle
    self.verifyingKey = try VerifyingKey(rawBytes: try handle.rawPublicBytes())
  }

  /// Makes a new key.
  public static func generate() throws(CryptoError) -> SigningKey {
    guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil) else {
      throw .fromQueue("prepare an Ed25519 key")
    }
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_keygen(context, &key) == 1, let key else {
      throw .fromQueue("generate an Ed25519 key")
    }
    return try SigningKey(KeyHandle(owning: key))
  }

  /// Takes the 32 secret bytes of RFC 8032 section 5.1.5.
  public init(seed: [UInt8]) throws(CryptoError) {
    guard seed.count == 32 else {
      throw .malformed(subject: "Ed25519 seed", reason: "has \(seed.count) bytes instead of 32")
    }
    guard let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count) else {
      throw .fromQueue("read an Ed25519 seed")
    }
    try self.init(KeyHandle(owning: key))
  }

  /// Signs a message with pure Ed25519; returns 64 bytes.
  public func sign(_ message: UnsafeRawBufferPointer) throws(CryptoError) -> [UInt8] {
    guard let context = EVP_MD_CTX_new() else { throw .fromQueue("allocate a signature") }
    defer { EVP_MD_CTX_free(context) }
    var signature = [UInt8](repeating: 0, count: 64)
    var length = signature.count
    // Ed25519 takes no digest and is one-shot only (EVP_SIGNATURE-ED25519(7)).
    guard EVP_DigestSignInit(context, nil, nil, nil, handle.pointer) == 1,
      EVP_DigestSign(context, &signature, &length, message.octets, message.count) == 1,
      length == 64
    else { throw .fromQueue("sign") }
    return signature
  }

  /// Signs a message with pure Ed25519; returns 64 bytes.
  public func sign(_ message: [UInt8]) throws(CryptoError) -> [UInt8] {
    let result = message.withUnsafeBytes { buffer -> Result<[UInt8], CryptoError> in
      do throws(CryptoError) { return .success(try sign(buffer)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}

extension SigningKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Names the public half.
  public var description: String { "private key of \(verifyingKey.keyID) (hidden)" }
  /// Names the public half.
  public var debugDescription: String { description }
  /// Shows nothing.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// An Ed25519 public key.
public struct VerifyingKey: Sendable {
  let handle: KeyHandle
  /// The 32 bytes of RFC 8032 section 5.1.5.
  public let rawBytes: [UInt8]

  /// Takes the 32 raw bytes.
  public init(rawBytes: [UInt8]) throws(CryptoError) {
    guard rawBytes.count == 32 else {
      throw .malformed(
        subject: "Ed25519 public key", reason: "has \(rawBytes.count) bytes instead of 32")
    }
    guard
      let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, rawBytes, rawBytes.count)
    else { throw .fromQueue("read an Ed25519 public key") }
    self.handle = KeyHandle(owning: key)
    self.rawBytes = rawBytes
  }

  /// Takes 64 hexadecimal digits.
  public init(hex: String) throws(CryptoError) {
    guard let bytes = Hex.decode(hex) else {
      throw .malformed(subject: "Ed25519 public key", reason: "is not hexadecimal text")
    }
    try self.init(rawBytes: bytes)
  }

  /// 64 hexadecimal digits, as TUF writes it.
  public var hex: String { Hex.encode(rawBytes) }

  /// SHA-256 of the raw bytes in hexadecimal: a name for logs and files.
  ///
  /// Not a TUF key id, which digests a JSON object around the key.
  public var keyID: String { SHA256.value(of: rawBytes).hex }

  /// True when `signature` is this key's over exactly these bytes.
  ///
  /// A signature of a wrong length or shape is simply not valid.
  public func isValid(_ signature: [UInt8], for message: UnsafeRawBufferPointer) -> Bool {
    guard signature.count == 64, let context = EVP_MD_CTX_new() else { return false }
    defer {
      EVP_MD_CTX_free(context)
      // A refused signature queues errors that the next failure must not inherit.
      ERR_clear_error()
    }
    return EVP_DigestVerifyInit(context, nil, nil, nil, handle.pointer) == 1
      && EVP_DigestVerify(context, signature, signature.count, message.octets, message.count) == 1
  }

  /// True when `signature` is this key's over exactly these bytes.
  public func isValid(_ signature: [UInt8], for message: [UInt8]) -> Bool {
    message.withUnsafeBytes { isValid(signature, for: $0) }
  }
}

extension VerifyingKey: Hashable {
  /// Compares the raw bytes.
  public static func == (left: Self, right: Self) -> Bool { left.rawBytes == right.rawBytes }
  /// Feeds the raw bytes.
  public func hash(into hasher: inout Hasher) { hasher.combine(rawBytes) }
}

extension UnsafeRawBufferPointer {
  /// The base address as OpenSSL spells bytes; memory is only read as bytes.
  var octets: UnsafePointer<UInt8>? { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}
