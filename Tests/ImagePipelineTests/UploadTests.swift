// What an upload leaves behind: the image, or nothing.
import Crypto
import Glibc
import ImagePipeline
import Testing

@Suite("Uploads")
struct UploadTests {
  let folder = Folder()

  @Test func `an upload in chunks is stored under its digest and reads back`() throws {
    let store = try BlobDirectory(root: "\(folder.path)/store")
    var random = SeededBytes(seed: 1)
    let bytes = random.bytes(300_000)
    let writer = try store.makeWriter(byteCountMax: 300_000)
    for start in stride(from: 0, to: bytes.count, by: 7_001) {
      try writer.write(Array(bytes[start..<min(start + 7_001, bytes.count)]))
    }
    #expect(writer.written == 300_000)
    let expected = SHA256.value(of: bytes)
    let uploaded = try writer.finish(expectedSize: 300_000, expectedSHA256: expected)
    #expect(uploaded.digests.sha256 == expected)
    #expect(uploaded.digests.sha1.count == 20 && uploaded.digests.md5.count == 16)
    let stored = try store.commit(uploaded)
    #expect(stored.path == "\(store.root)/\(expected.hex.prefix(2))/\(expected.hex)")
    #expect(!stored.wasAlreadyStored)
    #expect(folder.files() == ["store/\(expected.hex.prefix(2))/\(expected.hex)"])
    var status = stat()
    #expect(stat(stored.path, &status) == 0 && status.st_mode & 0o777 == 0o440)
    let file = try store.open(expected)
    #expect(file.size == 300_000)
    var back = [UInt8](repeating: 0, count: 300_000)
    let count = try back.withUnsafeMutableBytes { try file.read(at: 0, into: $0) }
    #expect(count == 300_000 && back == bytes)
    try store.verify(expected)
    #expect(try store.list() == [expected])
  }

  @Test func `the same bytes twice are stored once`() throws {
    let store = try BlobDirectory(root: folder.path)
    let stored = try (0..<2).map { _ in
      let writer = try store.makeWriter(byteCountMax: 10)
      try writer.write([1, 2, 3])
      return try store.commit(try writer.finish())
    }
    #expect(stored.map(\.wasAlreadyStored) == [false, true])
    #expect(stored[0].path == stored[1].path)
    #expect(folder.files().count == 1)
  }

  @Test func `a cut-off stored file is replaced by the whole one`() throws {
    let store = try BlobDirectory(root: folder.path)
    let first = try store.commit(try folder.upload([1, 2, 3]))
    chmod(first.path, 0o600)
    #expect(truncate(first.path, 1) == 0)
    #expect(throws: ImageError.self) { try store.verify(first.sha256) }
    #expect(!(try store.commit(try folder.upload([1, 2, 3])).wasAlreadyStored))
    try store.verify(first.sha256)
  }

  @Test func `an image is committed once`() throws {
    let image = try folder.upload([1])
    _ = try image.commit(into: folder.path)
    unlink(try image.commit(into: folder.path).path)
    #expect(throws: ImageError.closed) { try image.commit(into: folder.path) }
  }

  @Test func `one byte over the limit is refused and leaves nothing`() throws {
    let writer = try ImageWriter(directory: folder.path, byteCountMax: 100)
    try writer.write([UInt8](repeating: 0, count: 100))
    #expect(throws: ImageError.tooLarge(byteCountMax: 100)) { try writer.write([1]) }
    #expect(folder.files().isEmpty)
    #expect(throws: ImageError.closed) { try writer.write([1]) }
    #expect(throws: ImageError.closed) { try writer.finish() }
  }

  @Test func `a truncated upload leaves nothing`() throws {
    let writer = try ImageWriter(directory: folder.path, byteCountMax: 100)
    try writer.write([1, 2, 3])
    #expect(folder.files().count == 1)
    #expect(throws: ImageError.sizeMismatch(expected: 4, actual: 3)) {
      try writer.finish(expectedSize: 4)
    }
    #expect(folder.files().isEmpty)
  }

  @Test func `a wrong digest, an empty upload, an abort and a lost writer leave nothing`() throws {
    let expected = SHA256.value(of: "other")
    let wrong = try ImageWriter(directory: folder.path, byteCountMax: 100)
    try wrong.write([1])
    #expect(
      throws: ImageError.digestMismatch(
        expected: expected, actual: SHA256.value(of: [1]))
    ) { try wrong.finish(expectedSHA256: expected) }
    let none = try ImageWriter(directory: folder.path, byteCountMax: 100)
    #expect(throws: ImageError.empty) { try none.finish() }
    let aborted = try ImageWriter(directory: folder.path, byteCountMax: 100)
    try aborted.write([1])
    aborted.abort()
    aborted.abort()
    var lost: ImageWriter? = try ImageWriter(directory: folder.path, byteCountMax: 100)
    try lost?.write([1])
    lost = nil
    var unused: UploadedImage? = try folder.upload([9])
    #expect(unused != nil)
    unused = nil
    #expect(folder.files().isEmpty)
  }

  @Test func `a temporary file exchanged before the commit is refused`() throws {
    let image = try folder.upload([1, 2, 3])
    rename(image.temporaryPath, "\(folder.path)/aside")
    _ = try folder.image([6, 6, 6], named: "evil")
    rename("\(folder.path)/evil", image.temporaryPath)
    #expect(throws: ImageError.exchanged(path: image.temporaryPath)) {
      try image.commit(into: folder.path)
    }
    #expect(folder.files() == ["aside"])
  }

  @Test(.enabled(if: canMount, "a full disk needs the right to mount a small tmpfs"))
  func `a full disk is named as such and leaves nothing`() throws {
    let small = "\(folder.path)/small"
    mkdir(small, 0o700)
    try #require(mount("tmpfs", small, "tmpfs", 0, "size=256k") == 0)
    defer { umount2(small, Int32(MNT_DETACH)) }
    let writer = try ImageWriter(directory: small, byteCountMax: .max)
    let error = #expect(throws: ImageError.self) {
      for _ in 0..<64 { try writer.write([UInt8](repeating: 1, count: 16 << 10)) }
    }
    #expect(error == .diskFull(directory: small))
    #expect(error?.description.contains("no room left") == true)
    #expect(folder.files().isEmpty)
    // The room is back at once, so the next upload can succeed.
    let next = try ImageWriter(directory: small, byteCountMax: .max)
    try next.write([UInt8](repeating: 1, count: 128 << 10))
    _ = try next.finish()
  }

  @Test func `stored images are opened, deleted and missed by digest`() throws {
    let store = try BlobDirectory(root: folder.path)
    let stored = try store.commit(try folder.upload([1, 2, 3]))
    let open = try store.open(stored.sha256)
    #expect(try store.delete(stored.sha256))
    #expect(!(try store.delete(stored.sha256)))
    #expect(throws: ImageError.missing(stored.sha256)) { try store.open(stored.sha256) }
    #expect(throws: ImageError.missing(stored.sha256)) { try store.verify(stored.sha256) }
    var back = [UInt8](repeating: 0, count: 3)
    #expect(try back.withUnsafeMutableBytes { try open.read(at: 0, into: $0) } == 3)
    #expect(back == [1, 2, 3])
  }

  @Test func `a flipped bit in the store is found`() throws {
    let store = try BlobDirectory(root: folder.path)
    let stored = try store.commit(try folder.upload([1, 2, 3]))
    chmod(stored.path, 0o600)
    let file = open(stored.path, O_WRONLY)
    #expect(pwrite(file, [9 as UInt8], 1, 1) == 1)
    close(file)
    #expect(
      throws: ImageError.digestMismatch(
        expected: stored.sha256, actual: SHA256.value(of: [1, 9, 3]))
    ) { try store.verify(stored.sha256) }
  }

  @Test func `a sweep takes what a crash left and nothing else`() throws {
    let store = try BlobDirectory(root: folder.path)
    let stored = try store.commit(try folder.upload([1]))
    for name in [".groundswell-old.tmp", ".groundswell-new.tmp", "notes.txt"] {
      _ = try folder.image([1], named: "incoming/\(name)")
    }
    for name in [".groundswell-old.tmp", "notes.txt"] {
      var times = [timeval(tv_sec: 1000, tv_usec: 0), timeval(tv_sec: 1000, tv_usec: 0)]
      #expect(utimes("\(store.incoming)/\(name)", &times) == 0)
    }
    #expect(try store.sweepTemporary(before: 1000) == 0)
    #expect(try store.sweepTemporary(before: 1001) == 1)
    let kept = ["incoming/.groundswell-new.tmp", "incoming/notes.txt"]
    #expect(folder.files().filter { $0.hasPrefix("incoming") } == kept)
    #expect(try store.list() == [stored.sha256])
  }
}

/// True when this process may mount, tried on a folder of its own.
private let canMount: Bool = {
  let folder = Folder()
  guard mount("tmpfs", folder.path, "tmpfs", 0, "size=4k") == 0 else { return false }
  umount2(folder.path, Int32(MNT_DETACH))
  return true
}()
