// Unpacks Zstandard with fixed limits on memory and output, to prove a packed image good before any
// device gets it.
import CZstd
public import Crypto

/// Unpacking limits.
public struct ImageDecompressor: Sendable {
  /// 2^27 = 128 MiB, what long-distance matching uses; the format allows terabytes.
  private static let windowLogMax: Int32 = 27

  /// More output than this is refused.
  public let byteCountMax: Int64

  /// Takes the output limit in bytes.
  public init(byteCountMax: Int64) { self.byteCountMax = byteCountMax }

  /// Unpacks `source`, handing the output over in pieces; returns its length.
  ///
  /// Throws `corruptFrame`, `truncatedFrame`, `windowTooLarge` or `outputTooLarge`. Pieces handed
  /// over before a throw are not yet proven.
  @discardableResult
  public func decompress(
    _ source: ImageFile, _ take: (UnsafeRawBufferPointer) throws(ImageError) -> Void
  ) throws(ImageError) -> Int64 {
    try refuseAnnouncedExcess(source)
    let context = try DecompressionContext(windowLogMax: Self.windowLogMax)
    let room = UnsafeMutableRawBufferPointer.allocate(
      byteCount: ZSTD_DStreamOutSize(), alignment: 16)
    defer { room.deallocate() }
    var total: Int64 = 0
    var wanted = 1
    try source.forEachPiece(count: source.size) { (piece) throws(ImageError) in
      var input = ZSTD_inBuffer(src: piece.baseAddress, size: piece.count, pos: 0)
      // A full output buffer may hide more that needs no further input.
      var isFull = false
      while input.pos < input.size || isFull {
        var output = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
        wanted = try context.step(&output, &input)
        guard Int64(output.pos) <= byteCountMax - total else {
          throw .outputTooLarge(byteCountMax: byteCountMax)
        }
        total += Int64(output.pos)
        if output.pos > 0 { try take(UnsafeRawBufferPointer(rebasing: room[..<output.pos])) }
        isFull = output.pos == output.size && wanted != 0
      }
    }
    // Zero means that the last frame is complete and its checksum was right.
    guard wanted == 0 else { throw .truncatedFrame }
    return total
  }

  /// Proves that `source` unpacks to exactly these bytes.
  public func verify(_ source: ImageFile, size: Int64, sha256: SHA256.Value) throws(ImageError) {
    var digest = try StreamDigest.sha256()
    let actualSize = try decompress(source) { (piece) throws(ImageError) in
      try digest.add(piece)
    }
    guard actualSize == size else { throw .sizeMismatch(expected: size, actual: actualSize) }
    let actual = try digest.value()
    guard actual == sha256 else { throw .digestMismatch(expected: sha256, actual: actual) }
  }

  /// Refuses by the size in the first frame header, before any work.
  ///
  /// A header that lies low or says nothing is caught while unpacking.
  private func refuseAnnouncedExcess(_ source: ImageFile) throws(ImageError) {
    // ZSTD_FRAMEHEADERSIZE_MAX.
    var header = [UInt8](repeating: 0, count: 18)
    let count = try source.read(at: 0, into: &header)
    let announced = ZSTD_getFrameContentSize(header, count)
    // The two largest values mean unknown and unreadable (zstd.h).
    guard announced < UInt64.max - 1 else { return }
    guard announced <= UInt64(max(byteCountMax, 0)) else {
      throw .outputTooLarge(byteCountMax: byteCountMax)
    }
  }
}

/// The owner of a `ZSTD_DCtx`.
private struct DecompressionContext: ~Copyable {
  private let handle: OpaquePointer
  private let windowLogMax: Int32

  init(windowLogMax: Int32) throws(ImageError) {
    guard let handle = ZSTD_createDCtx() else { throw .compressor(reason: "out of memory") }
    guard ZSTD_isError(ZSTD_DCtx_setParameter(handle, ZSTD_d_windowLogMax, windowLogMax)) == 0
    else {
      ZSTD_freeDCtx(handle)
      throw .compressor(reason: "window limit 2^\(windowLogMax) is not supported")
    }
    self.handle = handle
    self.windowLogMax = windowLogMax
  }

  deinit { ZSTD_freeDCtx(handle) }

  func step(
    _ output: inout ZSTD_outBuffer, _ input: inout ZSTD_inBuffer
  ) throws(ImageError) -> Int {
    let code = ZSTD_decompressStream(handle, &output, &input)
    guard ZSTD_isError(code) != 0 else { return code }
    switch ZSTD_getErrorCode(code) {
    case ZSTD_error_frameParameter_windowTooLarge:
      throw .windowTooLarge(byteCountMax: 1 << Int64(windowLogMax))
    case ZSTD_error_memory_allocation:
      throw .compressor(reason: "out of memory")
    default:
      throw .corruptFrame(reason: String(cString: ZSTD_getErrorName(code)))
    }
  }
}
