// Typeface: the three of the standard fonts of PDF that labels use, and how wide their letters are.

/// Fonts that every reader of PDF has (ISO 32000-1 section 9.6.2.2).
enum Typeface: Int, CaseIterable, Hashable, Sendable {
  case regular
  case bold
  /// For codes: letters of one width that do not look alike.
  case monospaced

  /// The name in PDF.
  var name: String {
    switch self {
    case .regular: "Helvetica"
    case .bold: "Helvetica-Bold"
    case .monospaced: "Courier-Bold"
    }
  }

  /// What SVG shows instead, with the same widths where it is installed.
  var family: String {
    switch self {
    case .regular, .bold: "Helvetica, Arial, 'Liberation Sans', sans-serif"
    case .monospaced: "Courier, 'Courier New', 'Liberation Mono', monospace"
    }
  }

  /// How high a capital letter is, in thousandths of the size (Adobe's font metrics).
  var capitalHeight: Int {
    switch self {
    case .regular, .bold: 718
    case .monospaced: 562
    }
  }

  /// Width of a text in the unit of `size`, rounded up.
  func width(of text: String, size: Int) -> Int {
    let thousandths = WinAnsi.bytes(of: text).reduce(0) { $0 + width(of: $1) }
    return (thousandths * size + 999) / 1000
  }

  private func width(of character: UInt8) -> Int {
    guard self != .monospaced, character >= 32 else { return 600 }
    let widths = self == .bold ? Self.boldWidths : Self.regularWidths
    return Int(widths[Int(character) - 32])
  }

  /// Helvetica in WinAnsiEncoding from 32 on, from Adobe's font metrics; 0 has no letter.
  private static let regularWidths: [UInt16] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, 0,
    556, 0, 222, 556, 333, 1000, 556, 556, 333, 1000, 667, 333, 1000, 0, 611, 0,
    0, 222, 222, 333, 333, 350, 556, 1000, 333, 1000, 500, 333, 944, 0, 500, 667,
    278, 333, 556, 556, 556, 556, 260, 556, 333, 737, 370, 556, 584, 333, 737, 333,
    400, 584, 333, 333, 333, 578, 537, 278, 333, 333, 365, 556, 834, 834, 834, 611,
    667, 667, 667, 667, 667, 667, 1000, 722, 667, 667, 667, 667, 278, 278, 278, 278,
    722, 722, 778, 778, 778, 778, 778, 584, 778, 722, 722, 722, 722, 667, 667, 611,
    556, 556, 556, 556, 556, 556, 889, 500, 556, 556, 556, 556, 278, 278, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 584, 611, 556, 556, 556, 556, 500, 556, 500,
  ]

  /// Helvetica-Bold in the same order.
  private static let boldWidths: [UInt16] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611,
    975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556,
    333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611,
    611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584, 0,
    556, 0, 278, 556, 500, 1000, 556, 556, 333, 1000, 667, 333, 1000, 0, 611, 0,
    0, 278, 278, 500, 500, 350, 556, 1000, 333, 1000, 556, 333, 944, 0, 500, 667,
    278, 333, 556, 556, 556, 556, 280, 556, 333, 737, 370, 556, 584, 333, 737, 333,
    400, 584, 333, 333, 333, 611, 556, 278, 333, 333, 365, 556, 834, 834, 834, 611,
    722, 722, 722, 722, 722, 722, 1000, 722, 667, 667, 667, 667, 278, 278, 278, 278,
    722, 722, 778, 778, 778, 778, 778, 584, 778, 722, 722, 722, 722, 667, 667, 611,
    556, 556, 556, 556, 556, 556, 889, 556, 556, 556, 556, 556, 278, 278, 278, 278,
    611, 611, 611, 611, 611, 611, 611, 584, 611, 611, 611, 611, 611, 556, 611, 556,
  ]
}
