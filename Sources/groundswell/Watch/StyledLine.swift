// StyledLine: a line of coloured pieces that is cut to the width of the terminal.

/// The colours of the live picture: the eight that every terminal has.
enum Colour: String, Sendable {
  case plain = "0"
  case bold = "1"
  case grey = "90"
  case red = "31"
  case green = "32"
  case yellow = "33"
  case blue = "34"
  case magenta = "35"
  case cyan = "36"
}

/// A line made of pieces with a colour each.
struct StyledLine: Sendable, ExpressibleByStringInterpolation {
  private var pieces: [(text: String, colour: Colour)] = []

  init() {}

  init(stringLiteral text: String) { pieces = [(text, .plain)] }

  /// Adds text.
  mutating func append(_ text: String, _ colour: Colour = .plain) {
    pieces.append((text, colour))
  }

  /// Columns that it takes. Every character counts as one; names of the API are ASCII.
  var width: Int { pieces.reduce(0) { $0 + $1.text.count } }

  /// Fills up with spaces to a width.
  mutating func pad(to column: Int) {
    if width < column { append(String(repeating: " ", count: column - width)) }
  }

  /// The line with escape sequences, when colours are wanted, and never wider than `columns`.
  func text(columns: Int, hasColours: Bool) -> String {
    var text = ""
    var room = columns
    for (piece, colour) in pieces where room > 0 && !piece.isEmpty {
      let shown = String(piece.prefix(room))
      room -= shown.count
      text +=
        hasColours && colour != .plain
        ? "\u{1B}[\(colour.rawValue)m\(shown)\u{1B}[0m" : shown
    }
    return text
  }
}
