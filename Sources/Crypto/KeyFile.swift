// Keys as PEM text and as files. A private key file is complete or absent, readable by its owner
// only, and never replaced by accident.
import COpenSSL
import Glibc

extension SigningKey {
  /// Writes an unencrypted PKCS#8 PEM file of mode 0600.
  ///
  /// The file appears whole or not at all, and survives a power cut once this returns. An existing
  /// file is an error: losing a signing key strands the fleet that trusts it.
  public func save(to path: String) throws(CryptoError) { try KeyFile.save(handle, to: path) }

  /// Reads an unencrypted PKCS#8 PEM file.
  ///
  /// Refuses what group or others can reach, what belongs to somebody else, symbolic links and
  /// anything that is not a regular file.
  public static func load(from path: String) throws(CryptoError) -> SigningKey {
    try SigningKey(try KeyFile.load(from: path))
  }
}

/// Private keys of any kind as files of mode 0600, and the public files beside them.
enum KeyFile {
  /// A PEM file larger than this is no key (at most 241 bytes) with any sane commentary.
  private static let byteCountMax = 16 << 10

  /// Writes an unencrypted PKCS#8 PEM file; refuses to replace one.
  static func save(_ handle: KeyHandle, to path: String) throws(CryptoError) {
    // The secure-memory BIO wipes its buffer when freed (BIO_s_secmem(3)).
    guard let output = BIO_new(BIO_s_secmem()) else { throw .fromQueue("allocate a buffer") }
    defer { BIO_free(output) }
    guard PEM_write_bio_PKCS8PrivateKey(output, handle.pointer, nil, nil, 0, nil, nil) == 1 else {
      throw .fromQueue("write a private key")
    }
    var start: UnsafeMutablePointer<CChar>?
    let count = groundswell_BIO_get_mem_data(output, &start)
    try create(path, mode: 0o600, UnsafeRawBufferPointer(start: start, count: count))
  }

  /// Creates a file that appears whole or not at all; refuses to replace one.
  static func create(
    _ path: String, mode: mode_t, _ bytes: UnsafeRawBufferPointer
  ) throws(CryptoError) {
    let suffix = Hex.encode(try SecureRandom.bytes(8))
    let temporary = "\(path).\(suffix).tmp"
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard file >= 0 else { throw .fromErrno("create", temporary) }
    defer {
      close(file)
      unlink(temporary)
    }
    // The umask may have taken bits from the owner; nothing else sets the mode exactly.
    guard fchmod(file, mode) == 0 else { throw .fromErrno("set the mode of", temporary) }
    guard write(file, bytes.baseAddress, bytes.count) == bytes.count else {
      throw .fromErrno("write", temporary)
    }
    guard fsync(file) == 0 else { throw .fromErrno("sync", temporary) }
    // link, unlike rename, refuses to replace.
    guard link(temporary, path) == 0 else { throw .fromErrno("create", path) }
    try syncDirectory(of: path)
  }

  /// Creates a file with a text that appears whole or not at all; refuses to replace one.
  static func create(_ path: String, mode: mode_t, _ text: String) throws(CryptoError) {
    let written = Array(text.utf8).withUnsafeBytes { bytes -> Result<Void, CryptoError> in
      do throws(CryptoError) {
        return .success(try create(path, mode: mode, bytes))
      } catch { return .failure(error) }
    }
    try written.get()
  }

  /// Reads an unencrypted PEM key that nobody but its owner can reach.
  static func load(from path: String) throws(CryptoError) -> KeyHandle {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else { throw .fromErrno("open", path) }
    defer { close(file) }
    // Checked on the open file, so that it cannot be exchanged after the check.
    var status = stat()
    guard fstat(file, &status) == 0 else { throw .fromErrno("inspect", path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .malformed(subject: path, reason: "is not a regular file")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw .exposedKey(path: path, mode: status.st_mode & 0o7777)
    }
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      throw .foreignKey(path: path, owner: status.st_uid)
    }
    var text = [UInt8](repeating: 0, count: byteCountMax + 1)
    defer { text.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
    let count = read(file, &text, text.count)
    guard count >= 0 else { throw .fromErrno("read", path) }
    guard count <= byteCountMax else {
      throw .malformed(subject: path, reason: "is larger than \(byteCountMax) bytes")
    }
    return try readKey(text, count: count, subject: path) {
      PEM_read_bio_PrivateKey($0, nil, refusePassword, nil)
    }
  }

  /// Reads a small public file, such as a certificate.
  static func readPublic(_ path: String) throws(CryptoError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw .fromErrno("open", path) }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: byteCountMax + 1)
    let count = read(file, &bytes, bytes.count)
    guard count >= 0 else { throw .fromErrno("read", path) }
    guard count <= byteCountMax else {
      throw .malformed(subject: path, reason: "is larger than \(byteCountMax) bytes")
    }
    return Array(bytes.prefix(count))
  }
}

extension VerifyingKey {
  /// Takes PEM text with a SubjectPublicKeyInfo (RFC 8410).
  public init(pem: String) throws(CryptoError) {
    let text = Array(pem.utf8)
    let handle = try readKey(text, count: text.count, subject: "public key") {
      PEM_read_bio_PUBKEY($0, nil, refusePassword, nil)
    }
    guard handle.isEd25519 else {
      throw .malformed(subject: "public key", reason: "is not an Ed25519 key")
    }
    try self.init(rawBytes: try handle.rawPublicBytes())
  }

  /// PEM text with a SubjectPublicKeyInfo (RFC 8410).
  public func pem() throws(CryptoError) -> String {
    guard let output = BIO_new(BIO_s_mem()) else { throw .fromQueue("allocate a buffer") }
    defer { BIO_free(output) }
    guard PEM_write_bio_PUBKEY(output, handle.pointer) == 1 else {
      throw .fromQueue("write a public key")
    }
    var start: UnsafeMutablePointer<CChar>?
    let count = groundswell_BIO_get_mem_data(output, &start)
    guard let start else { throw .fromQueue("write a public key") }
    return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
  }
}

/// Without it OpenSSL would ask the terminal for the password of an encrypted key.
private func refusePassword(
  _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _: UnsafeMutableRawPointer?
) -> Int32 { -1 }

private func readKey(
  _ text: [UInt8], count: Int, subject: String, with reader: (OpaquePointer) -> OpaquePointer?
) throws(CryptoError) -> KeyHandle {
  let key = text.withUnsafeBytes { bytes -> OpaquePointer? in
    guard let input = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: count)) else { return nil }
    defer { BIO_free(input) }
    return reader(input)
  }
  guard let key else {
    ERR_clear_error()
    throw .malformed(subject: subject, reason: "holds no unencrypted PEM key")
  }
  return KeyHandle(owning: key)
}

private func syncDirectory(of path: String) throws(CryptoError) {
  var directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  if directory.isEmpty { directory = "/" }
  let file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard file >= 0 else { throw .fromErrno("open", directory) }
  defer { close(file) }
  guard fsync(file) == 0 else { throw .fromErrno("sync", directory) }
}
