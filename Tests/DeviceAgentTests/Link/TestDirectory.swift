// TestDirectory: a folder of one test, with what most agents in tests need in it.

import Crypto
import Glibc
import UpdateModel
import UpdateTrust

@testable import DeviceAgent

/// A temporary folder, gone with the object.
final class TestDirectory {
  let path: String

  init() throws {
    var template = Array("/tmp/agent-tests-XXXXXX\0".utf8CString)
    guard let made = mkdtemp(&template) else { throw LinkError.system("make", "a folder") }
    path = String(cString: made)
  }

  deinit { TestDirectory.remove(path) }

  /// The path of a file inside.
  func file(_ name: String) -> String { path + "/" + name }

  /// Writes a file.
  @discardableResult
  func write(_ text: String, to name: String, mode: mode_t = 0o600) throws -> String {
    try write(Array(text.utf8), to: name, mode: mode)
  }

  /// Writes a file.
  @discardableResult
  func write(_ bytes: [UInt8], to name: String, mode: mode_t = 0o600) throws -> String {
    let descriptor = open(file(name), O_WRONLY | O_CREAT | O_TRUNC, mode)
    guard descriptor >= 0 else { throw LinkError.system("create", file(name)) }
    defer { close(descriptor) }
    try StateDirectory.append(bytes, to: descriptor, named: file(name))
    return file(name)
  }

  /// Reads a file; nil when there is none.
  func read(_ name: String) throws -> [UInt8]? {
    try StateDirectory.read(file(name), atMost: 64 << 20)
  }

  /// Reads a file as text; empty when there is none.
  func text(_ name: String) throws -> String {
    String(decoding: try read(name) ?? [], as: UTF8.self)
  }

  private static func remove(_ path: String) {
    if let handle = opendir(path) {
      var names: [String] = []
      while let entry = readdir(handle) {
        let name = withUnsafePointer(to: entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
      }
      closedir(handle)
      for name in names { remove(path + "/" + name) }
    }
    Glibc.remove(path)
  }
}

/// Bytes that compress badly and are the same in each run.
func patternBytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return UInt8(truncatingIfNeeded: state)
  }
}

/// An image for `board-a`, signed by a key.
func signedImage(
  _ bytes: [UInt8], version: String, key: SigningKey, source: String, hardware: String = "board-a"
) throws -> UpdateImage {
  guard let sha256 = Digest(bytes: SHA256.digest(of: bytes.withUnsafeBytes { $0 })) else {
    preconditionFailure("a SHA-256 has 32 bytes")
  }
  let unsigned = UpdateImage(
    component: try Name("os"), name: try Name("app"), file: try Name("app.bin"),
    version: try FirmwareVersion(version), hardware: [try Name(hardware)], size: Int64(bytes.count),
    sha256: sha256, signature: "", source: source)
  return UpdateImage(
    component: unsigned.component, name: unsigned.name, file: unsigned.file,
    version: unsigned.version, hardware: unsigned.hardware, size: unsigned.size, sha256: sha256,
    signature: try unsigned.manifest.signature(by: key), source: source)
}

extension UpdateImage {
  /// As it stands in an offer.
  var document: JSON {
    [
      "component": .string(component.text), "name": .string(name.text), "file": .string(file.text),
      "version": .string(version.text), "hardware": .array(hardware.map { .string($0.text) }),
      "size": .integer(size), "sha256": .string("\(sha256)"), "signature": .string(signature),
      "url": .string(source),
    ]
  }
}
