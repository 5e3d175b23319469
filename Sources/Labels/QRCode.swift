// QRCode: a text as a square of dark and light modules (ISO/IEC 18004), made by libqrencode.
import CQREncode
import Glibc

/// A QR code with error correction of level M, which survives the loss of 15 % of it.
public struct QRCode: Hashable, Sendable {
  /// Longest text in bytes; level M has room for 2,331, which no label can show.
  public static let textByteCountMax = 1_536
  /// Light modules that must be free on every side (ISO/IEC 18004 section 6.3.8).
  public static let quietModules = 4

  /// 1 to 40; each step adds four modules to a side.
  public let version: Int
  private let modules: [Bool]

  /// Modules of a side: 21 to 177, without the quiet zone.
  public var side: Int { 17 + 4 * version }

  /// Encodes a text.
  ///
  /// - Parameters:
  ///   - text: not empty, at most `textByteCountMax` bytes of UTF-8 without NUL.
  ///   - version: the smallest version to use, so that the codes of a sheet look alike.
  /// - Throws: `LabelError.unencodable` for other texts and when memory is lacking.
  public init(_ text: String, atLeast version: Int = 1) throws(LabelError) {
    guard !text.isEmpty, text.utf8.count <= Self.textByteCountMax, !text.utf8.contains(0) else {
      throw .unencodable(byteCount: text.utf8.count)
    }
    // The mode hint says that bytes are the fallback; digits and capitals are packed.
    let made = text.withCString { characters in
      QRcode_encodeString(characters, Int32(version), QR_ECLEVEL_M, QR_MODE_8, 1)
    }
    guard let made else { throw .unencodable(byteCount: text.utf8.count) }
    defer { QRcode_free(made) }
    let width = Int(made.pointee.width)
    self.version = Int(made.pointee.version)
    // The lowest bit is the colour; the others say what a module is for (qrencode.h).
    modules = (0..<width * width).map { made.pointee.data[$0] & 1 == 1 }
  }

  /// Whether a module is dark; outside of the code everything is light.
  public func isDark(column: Int, row: Int) -> Bool {
    let range = 0..<side
    return range.contains(column) && range.contains(row) && modules[row * side + column]
  }
}
