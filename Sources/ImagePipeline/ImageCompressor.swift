// Packs images with Zstandard (RFC 8878), streaming and on all cores. Memory is bounded by level
// and worker count, not by the image.
import CZstd
import Glibc

/// Compression settings, checked once.
public struct ImageCompressor: Sendable {
  /// Levels that zstd calls regular and ultra.
  public static let levels = 1...22
  private static let workerCounts = 0...64

  /// 1 is fast, 22 is small.
  public let level: Int
  /// Threads besides the caller's; 0 packs on the caller's own.
  public let workerCount: Int
  /// Looks for repetitions up to 128 MiB back: smaller, but a device needs that much memory.
  public let usesLongDistanceMatching: Bool

  /// Checks the settings; without `workerCount` all cores are used.
  public init(
    level: Int, workerCount: Int? = nil, usesLongDistanceMatching: Bool = false
  ) throws(ImageError) {
    guard Self.levels.contains(level) else {
      throw .option(name: "compression level", value: level, range: Self.levels)
    }
    let cores = min(max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1), 64)
    let workers = workerCount ?? cores
    guard Self.workerCounts.contains(workers) else {
      throw .option(name: "compression workers", value: workers, range: Self.workerCounts)
    }
    self.level = level
    self.workerCount = workers
    self.usesLongDistanceMatching = usesLongDistanceMatching
  }

  /// Packs `source` into a new temporary file in `directory`, durable and hashed like an upload.
  ///
  /// Returns nil when the result would not be below 97 % of the original; the attempt stops at that
  /// size, and is not made when samples of a large image do not shrink. `progress` gets bytes read
  /// and bytes to read; returning false stops with `cancelled`.
  public func compress(
    _ source: ImageFile, into directory: String,
    progress: (_ done: Int64, _ total: Int64) -> Bool = { _, _ in true }
  ) throws(ImageError) -> UploadedImage? {
    guard source.size > 0, try shrinks(source) else { return nil }
    // The largest size strictly below 97 %, computed without overflow.
    let limit = source.size / 100 * 97 + (source.size % 100 * 97 + 99) / 100 - 1
    let context = try CompressionContext()
    try configure(context, size: source.size)
    let writer = try ImageWriter(directory: directory, byteCountMax: limit)
    do throws(ImageError) {
      var done: Int64 = 0
      try source.forEachPiece(count: source.size) { (piece) throws(ImageError) in
        done += Int64(piece.count)
        try context.feed(piece, isLast: done == source.size) { (packed) throws(ImageError) in
          try writer.write(packed)
        }
        guard progress(done, source.size) else { throw .cancelled }
      }
      return try writer.finish()
    } catch .tooLarge {
      return nil
    }
  }

  // Images are often packed or encrypted already, and finding out the whole way costs several times
  // what hashing does. Pieces spread over the image tell: were a twentieth of it to shrink, some
  // would.
  private func shrinks(_ source: ImageFile) throws(ImageError) -> Bool {
    let pieceBytes = 64 << 10
    let pieceCount: Int64 = 64
    guard source.size >= 16 << 20 else { return true }
    var piece = [UInt8](repeating: 0, count: pieceBytes)
    var packed = [UInt8](repeating: 0, count: ZSTD_compressBound(pieceBytes))
    var packedBytes = 0
    for number in 0..<pieceCount {
      let offset = (source.size - Int64(pieceBytes)) / (pieceCount - 1) * number
      guard try source.read(at: offset, into: &piece) == pieceBytes else {
        throw .shrunk(at: offset)
      }
      let count = ZSTD_compress(&packed, packed.count, piece, pieceBytes, 1)
      guard ZSTD_isError(count) == 0 else {
        throw .compressor(reason: String(cString: ZSTD_getErrorName(count)))
      }
      packedBytes += min(count, pieceBytes)
    }
    // One in two hundred less is noise.
    return packedBytes < Int(pieceCount) * pieceBytes / 200 * 199
  }

  private func configure(_ context: borrowing CompressionContext, size: Int64) throws(ImageError) {
    try context.set(ZSTD_c_compressionLevel, Int32(level))
    try context.set(ZSTD_c_checksumFlag, 1)
    try context.set(ZSTD_c_nbWorkers, Int32(workerCount))
    if usesLongDistanceMatching {
      try context.set(ZSTD_c_enableLongDistanceMatching, 1)
    } else if level > 19 {
      // These levels would ask devices for up to 128 MiB; RFC 8878 section 3.1.1.1.2 has every
      // decoder support 8 MiB.
      try context.set(ZSTD_c_windowLog, 23)
    }
    try context.pledge(size)
  }
}

/// The owner of a `ZSTD_CCtx`.
private struct CompressionContext: ~Copyable {
  private let handle: OpaquePointer

  init() throws(ImageError) {
    guard let handle = ZSTD_createCCtx() else { throw .compressor(reason: "out of memory") }
    self.handle = handle
  }

  deinit { ZSTD_freeCCtx(handle) }

  func set(_ parameter: ZSTD_cParameter, _ value: Int32) throws(ImageError) {
    try check(ZSTD_CCtx_setParameter(handle, parameter, value))
  }

  func pledge(_ size: Int64) throws(ImageError) {
    try check(ZSTD_CCtx_setPledgedSrcSize(handle, UInt64(size)))
  }

  /// Consumes one piece of input and hands out whatever output is ready.
  func feed(
    _ piece: UnsafeRawBufferPointer, isLast: Bool,
    _ take: (UnsafeRawBufferPointer) throws(ImageError) -> Void
  ) throws(ImageError) {
    let room = UnsafeMutableRawBufferPointer.allocate(
      byteCount: ZSTD_CStreamOutSize(), alignment: 16)
    defer { room.deallocate() }
    var input = ZSTD_inBuffer(src: piece.baseAddress, size: piece.count, pos: 0)
    while true {
      var output = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
      let left = try check(
        ZSTD_compressStream2(handle, &output, &input, isLast ? ZSTD_e_end : ZSTD_e_continue))
      if output.pos > 0 { try take(UnsafeRawBufferPointer(rebasing: room[..<output.pos])) }
      if isLast ? left == 0 : input.pos == input.size { return }
    }
  }

  @discardableResult
  private func check(_ code: Int) throws(ImageError) -> Int {
    guard ZSTD_isError(code) == 0 else {
      throw .compressor(reason: String(cString: ZSTD_getErrorName(code)))
    }
    return code
  }
}
