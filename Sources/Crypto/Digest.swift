// Digests of whole buffers and of streams. Algorithms are fetched once: a fetch for each digest
// costs several times the digest of a short input.
import COpenSSL

/// The digests that update protocols ask for.
public enum DigestKind: String, CaseIterable, Hashable, Sendable {
  /// The digest that identifies artifacts and is signed.
  case sha256
  /// Wanted by DDI clients beside SHA-256; never trusted alone.
  case sha1
  /// Wanted by old DDI clients and HTTP caches; never trusted alone.
  case md5

  /// Length of the digest in bytes.
  public var byteCount: Int {
    switch self {
    case .sha256: 32
    case .sha1: 20
    case .md5: 16
    }
  }

  var algorithm: FetchedDigest {
    switch self {
    case .sha256: FetchedDigest.sha256
    case .sha1: FetchedDigest.sha1
    case .md5: FetchedDigest.md5
    }
  }
}

/// An `EVP_MD` held for the life of the process.
///
/// Sendable because a fetched `EVP_MD` is immutable and meant to be shared (EVP_DigestInit(3)).
struct FetchedDigest: @unchecked Sendable {
  let handle: OpaquePointer

  static let sha256 = FetchedDigest("SHA256")
  static let sha1 = FetchedDigest("SHA1")
  static let md5 = FetchedDigest("MD5")

  private init(_ name: String) {
    guard let handle = EVP_MD_fetch(nil, name, nil) else {
      preconditionFailure("this OpenSSL offers no \(name); its default provider must be enabled")
    }
    self.handle = handle
  }
}

/// A digest over bytes that arrive in pieces.
///
/// Not named Hasher, because that would hide the standard library's in every importing file.
///
/// Sendable because the one owner of a noncopyable value is the only one who can use the context.
public struct StreamDigest: ~Copyable, @unchecked Sendable {
  /// The digest being computed.
  public let kind: DigestKind
  private let context: OpaquePointer

  /// Starts an empty digest; throws when OpenSSL has no memory.
  public init(_ kind: DigestKind) throws(CryptoError) {
    guard let context = EVP_MD_CTX_new() else { throw .fromQueue("allocate a digest") }
    guard EVP_DigestInit_ex2(context, kind.algorithm.handle, nil) == 1 else {
      EVP_MD_CTX_free(context)
      throw .fromQueue("start \(kind.rawValue)")
    }
    self.kind = kind
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Adds bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) throws(CryptoError) {
    guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else {
      throw .fromQueue("continue \(kind.rawValue)")
    }
  }

  /// Ends the digest and returns its `kind.byteCount` bytes.
  public consuming func finish() throws(CryptoError) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: kind.byteCount)
    guard EVP_DigestFinal_ex(context, &digest, nil) == 1 else {
      throw .fromQueue("finish \(kind.rawValue)")
    }
    return digest
  }
}

/// The three digests of an artifact, computed in one pass over its bytes.
public struct ArtifactHasher: ~Copyable, Sendable {
  private var sha256: StreamDigest
  private var sha1: StreamDigest
  private var md5: StreamDigest

  /// Starts three empty digests; throws when OpenSSL has no memory.
  public init() throws(CryptoError) {
    let first = try StreamDigest(.sha256)
    let second = try StreamDigest(.sha1)
    let third = try StreamDigest(.md5)
    sha256 = first
    sha1 = second
    md5 = third
  }

  /// Adds bytes to all three, a cache-sized piece at a time so that memory is read once.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) throws(CryptoError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      // 16 KiB stays in the first-level cache for all three passes.
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(16 << 10))
      try sha256.update(piece)
      try sha1.update(piece)
      try md5.update(piece)
      rest = rest.dropFirst(piece.count)
    }
  }

  /// Ends all three digests.
  public consuming func finish() throws(CryptoError) -> ArtifactDigests {
    let sha256 = try self.sha256.finish()
    guard let value = SHA256.Value(sha256) else {
      preconditionFailure("SHA-256 has 32 bytes")
    }
    return ArtifactDigests(sha256: value, sha1: try sha1.finish(), md5: try md5.finish())
  }
}

/// What `ArtifactHasher` found.
public struct ArtifactDigests: Hashable, Sendable {
  /// The digest that identifies the artifact.
  public let sha256: SHA256.Value
  /// 20 bytes.
  public let sha1: [UInt8]
  /// 16 bytes.
  public let md5: [UInt8]
}
