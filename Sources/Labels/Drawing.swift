// What a page consists of before it is written in a format. Micrometres from the top left corner.

/// A rectangle.
struct Box: Hashable, Sendable {
  var x: Int
  var y: Int
  var width: Int
  var height: Int

  var right: Int { x + width }
  var bottom: Int { y + height }
}

/// A text on one line.
struct Line: Hashable, Sendable {
  let text: String
  let font: Typeface
  /// The font's size in micrometres: one point is 353.
  let size: Int
  let x: Int
  /// Where the letters stand.
  let baseline: Int
  let colour: LabelColour

  /// In micrometres.
  var width: Int { font.width(of: text, size: size) }
}

/// One thing to draw; later ones cover earlier ones.
enum Shape: Hashable, Sendable {
  case rectangle(Box, LabelColour)
  case line(Line)
  /// A QR code in black, with the size of a module and where its first module starts.
  case code(QRCode, x: Int, y: Int, module: Int)
}

/// Colours of labels.
public struct LabelColour: Hashable, Sendable {
  /// Red, 0 to 255.
  public let red: UInt8
  /// Green, 0 to 255.
  public let green: UInt8
  /// Blue, 0 to 255.
  public let blue: UInt8

  init(_ value: UInt32) {
    red = UInt8(truncatingIfNeeded: value >> 16)
    green = UInt8(truncatingIfNeeded: value >> 8)
    blue = UInt8(truncatingIfNeeded: value)
  }

  static let black = LabelColour(0x000000)
  static let grey = LabelColour(0x555555)

  /// Names that may be given instead of numbers; colours that differ well on paper.
  public static let names: [(name: String, colour: LabelColour)] = [
    ("red", LabelColour(0xD7263D)), ("orange", LabelColour(0xF46036)),
    ("yellow", LabelColour(0xF4C20D)), ("green", LabelColour(0x2E9E5B)),
    ("teal", LabelColour(0x1B998B)), ("blue", LabelColour(0x1F6FEB)),
    ("purple", LabelColour(0x7B4FBF)), ("pink", LabelColour(0xE25CA0)),
    ("brown", LabelColour(0x8D5B2F)), ("grey", LabelColour(0x7A7A7A)), ("black", .black),
  ]

  /// Reads a name or `#rrggbb`.
  public init(_ text: String) throws(LabelError) {
    if let named = Self.names.first(where: { $0.name == text.lowercased() }) {
      self = named.colour
      return
    }
    let digits = text.dropFirst()
    let isHex =
      digits.utf8.count == 6
      && digits.utf8.allSatisfy { byte in
        (48...57).contains(byte) || (65...70).contains(byte & 0xDF)
      }
    guard text.hasPrefix("#"), isHex, let value = UInt32(digits, radix: 16) else {
      let names = Self.names.map(\.name).joined(separator: ", ")
      throw .option(
        name: "colour", reason: "'\(text.prefix(40))' is neither #rrggbb nor one of \(names)")
    }
    self.init(value)
  }

  /// `#rrggbb`.
  public var hex: String {
    "#"
      + [red, green, blue].map { part in
        (part < 16 ? "0" : "") + String(part, radix: 16)
      }.joined()
  }
}
