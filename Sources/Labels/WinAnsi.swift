// WinAnsi: the one encoding that PDF's standard fonts share (ISO 32000-1 annex D.2).

enum WinAnsi {
  private static let questionMark = UInt8(ascii: "?")

  /// The characters 128 to 159; nil where there is none.
  private static let middle: [Unicode.Scalar?] = [
    "€", nil, "‚", "ƒ", "„", "…", "†", "‡", "ˆ", "‰", "Š", "‹", "Œ", nil, "Ž", nil,
    nil, "‘", "’", "“", "”", "•", "–", "—", "˜", "™", "š", "›", "œ", nil, "ž", "Ÿ",
  ]

  /// The text as these fonts can show it, with `?` for the rest.
  static func bytes(of text: String) -> [UInt8] {
    text.unicodeScalars.map { byte(of: $0) ?? questionMark }
  }

  /// Whether every character can be shown.
  static func canShow(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { byte(of: $0) != nil }
  }

  private static func byte(of scalar: Unicode.Scalar) -> UInt8? {
    switch scalar.value {
    case 32...126, 160...255: return UInt8(truncatingIfNeeded: scalar.value)
    default: return middle.firstIndex(of: scalar).map { UInt8(128 + $0) }
    }
  }
}
