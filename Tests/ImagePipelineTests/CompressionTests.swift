// Packing round-trips; unpacking trusts nothing.
import Crypto
import Glibc
import ImagePipeline
import Testing

@Suite("Compression")
struct CompressionTests {
  let folder = Folder()

  @Test(arguments: [(1, 0, false), (3, 1, false), (9, 2, false), (3, 2, true), (20, 2, false)])
  func `what is packed unpacks to the same bytes`(
    level: Int, workers: Int, longDistance: Bool
  ) throws {
    var random = SeededBytes(seed: 7)
    let bytes = random.firmware(3_000_001)
    let source = try folder.image(bytes)
    let compressor = try ImageCompressor(
      level: level, workerCount: workers, usesLongDistanceMatching: longDistance)
    var seen: [Int64] = []
    let packed = try #require(
      try compressor.compress(source, into: folder.path) { done, total in
        #expect(total == 3_000_001)
        seen.append(done)
        return true
      })
    #expect(seen == seen.sorted() && seen.last == 3_000_001)
    #expect(packed.size < 2_000_000)
    try ImageDecompressor(byteCountMax: 3_000_001)
      .verify(packed.file, size: 3_000_001, sha256: SHA256.value(of: bytes))
    #expect(throws: ImageError.outputTooLarge(byteCountMax: 3_000_000)) {
      try ImageDecompressor(byteCountMax: 3_000_000).decompress(packed.file) { _ in }
    }
  }

  @Test(.enabled(if: isInstalled("/usr/bin/zstd"), "needs zstd"))
  func `the command-line tool agrees with us`() throws {
    var random = SeededBytes(seed: 8)
    let bytes = random.firmware(500_000)
    let source = try folder.image(bytes, named: "plain")
    let packed = try #require(
      try ImageCompressor(level: 5).compress(source, into: folder.path))
    let status = run(
      "/usr/bin/zstd", ["-q", "-d", packed.temporaryPath, "-o", "\(folder.path)/back"])
    #expect(status == 0)
    #expect(run("/usr/bin/cmp", ["\(folder.path)/plain", "\(folder.path)/back"]) == 0)
  }

  @Test func `what does not shrink is discarded`() throws {
    var random = SeededBytes(seed: 9)
    let source = try folder.image(random.bytes(400_000))
    #expect(try ImageCompressor(level: 3).compress(source, into: folder.path) == nil)
    let one = try folder.image([1], named: "one")
    #expect(try ImageCompressor(level: 3).compress(one, into: folder.path) == nil)
    #expect(folder.files() == ["image", "one"])
  }

  @Test func `cancelling leaves nothing`() throws {
    let source = try folder.image([UInt8](repeating: 0, count: 1_000_000))
    #expect(throws: ImageError.cancelled) {
      try ImageCompressor(level: 3).compress(source, into: folder.path) { done, _ in
        done < 500_000
      }
    }
    #expect(folder.files() == ["image"])
  }

  @Test(arguments: [(0, 1), (23, 1), (3, -1), (3, 65)])
  func `options outside their range are refused`(level: Int, workers: Int) {
    #expect(throws: ImageError.self) { try ImageCompressor(level: level, workerCount: workers) }
  }

  @Test func `a damaged or cut-off frame never passes`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededBytes(seed: seed)
    let bytes = random.firmware(100_000)
    let digest = SHA256.value(of: bytes)
    let image = try #require(
      try ImageCompressor(level: 3, workerCount: 0)
        .compress(try folder.image(bytes), into: folder.path))
    var frame = [UInt8](repeating: 0, count: Int(image.size))
    _ = try frame.withUnsafeMutableBytes { try image.file.read(at: 0, into: $0) }
    let unpack = ImageDecompressor(byteCountMax: 100_000)
    for _ in 0..<200 {
      var damaged = frame
      let at = Int(random.next() % UInt64(frame.count))
      damaged[at] ^= 1 << UInt8(random.next() % 8)
      let file = try folder.image(damaged)
      // A bit that the format does not use may flip without effect; the bytes are then the same.
      let passed: Void? = try? unpack.verify(file, size: 100_000, sha256: digest)
      if passed != nil {
        var unpacked: [UInt8] = []
        try unpack.decompress(file) { unpacked += $0 }
        #expect(unpacked == bytes, "seed \(seed): a flipped bit in byte \(at) went unnoticed")
      }
      let cut = Int(random.next() % UInt64(frame.count))
      let short = try folder.image(Array(frame.prefix(cut)))
      #expect(throws: ImageError.self, "seed \(seed): cut at \(cut)") {
        try unpack.decompress(short) { _ in }
      }
    }
    #expect(throws: ImageError.truncatedFrame) {
      try unpack.decompress(try folder.image(Array(frame.dropLast()))) { _ in }
    }
    let checksum = frame.dropLast() + [~(frame.last ?? 0)]
    #expect(throws: ImageError.corruptFrame(reason: "Restored data doesn't match checksum")) {
      try unpack.decompress(try folder.image(Array(checksum))) { _ in }
    }
  }

  @Test func `a frame that asks for a huge window is refused`() throws {
    // RFC 8878 section 3.1.1: magic, descriptor without size, window of 2^(10+19) bytes, empty
    // last block.
    let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 19 << 3, 0x01, 0x00, 0x00]
    #expect(throws: ImageError.windowTooLarge(byteCountMax: 128 << 20)) {
      try ImageDecompressor(byteCountMax: .max).decompress(try folder.image(frame)) { _ in }
    }
  }

  @Test(arguments: [true, false])
  func `a bomb of a gibibyte is refused with flat memory`(announcesSize: Bool) throws {
    let frame = bomb(blockCount: 8192, announcesSize: announcesSize)
    #expect(frame.count < 40_000)
    let file = try folder.image(frame)
    let before = residentByteCountMax()
    var handed = 0
    let error = #expect(throws: ImageError.self) {
      try ImageDecompressor(byteCountMax: 64 << 20).decompress(file) { handed += $0.count }
    }
    #expect(error == .outputTooLarge(byteCountMax: 64 << 20))
    #expect(announcesSize ? handed == 0 : handed <= 64 << 20)
    // Other tests run beside this one, so the bound is a quarter of the output, not a tight one.
    #expect(residentByteCountMax() - before < 256 << 20)
  }

  /// A frame of run-length blocks of 128 KiB of zeros each (RFC 8878 section 3.1.1.2), window 128
  /// KiB.
  private func bomb(blockCount: Int, announcesSize: Bool) -> [UInt8] {
    let size = UInt64(blockCount) << 17
    var frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, announcesSize ? 0xC0 : 0x00, 7 << 3]
    if announcesSize {
      frame += (0..<8).map { UInt8(truncatingIfNeeded: size >> ($0 * 8)) }
    }
    for index in 0..<blockCount {
      let isLast: UInt32 = index == blockCount - 1 ? 1 : 0
      let header = isLast | 1 << 1 | (128 << 10) << 3
      frame += (0..<3).map { UInt8(truncatingIfNeeded: header >> ($0 * 8)) } + [0]
    }
    return frame
  }

  private func residentByteCountMax() -> Int {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_maxrss * 1024
  }
}
