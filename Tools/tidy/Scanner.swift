// Separates Swift text into code, comments and literals, so that rules read only what they mean.
//
// It knows line and nested block comments, plain, raw and multi-line strings, interpolation (whose
// inside is code again) and regular expressions written between #/ and /#. It does not know bare
// /.../ expressions: telling them from division needs a parser, and this code base has none.

/// The views of one file.
///
/// Each has the length of the text, with blanks where it does not apply.
struct Views: Sendable {
  var code: [UInt8]
  var comments: [UInt8]
  /// One entry per line, true when the line begins inside a multi-line string.
  var beginsInLiteral: [Bool]
}

struct Scanner {
  private enum Context {
    /// Code, with the number of parentheses open since it began.
    case code(parentheses: Int)
    case string(hashes: Int, multiline: Bool)
  }

  private let bytes: [UInt8]
  private var position = 0
  private var contexts: [Context] = [.code(parentheses: 0)]
  private var views: Views

  static func views(of bytes: [UInt8]) -> Views {
    var scanner = Scanner(bytes)
    while scanner.position < bytes.count {
      switch scanner.contexts[scanner.contexts.count - 1] {
      case .code(let parentheses): scanner.scanCode(parentheses)
      case .string(let hashes, let multiline): scanner.scanString(hashes, multiline)
      }
    }
    return scanner.views
  }

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
    let blank = [UInt8](repeating: Ascii.space, count: bytes.count)
    views = Views(code: blank, comments: blank, beginsInLiteral: [false])
  }

  private func byte(_ offset: Int) -> UInt8 {
    offset < bytes.count ? bytes[offset] : 0
  }

  private func hashCount(at start: Int) -> Int {
    var count = 0
    while byte(start + count) == Ascii.hash { count += 1 }
    return count
  }

  private func isTripleQuote(at start: Int) -> Bool {
    byte(start) == Ascii.quote && byte(start + 1) == Ascii.quote
      && byte(start + 2) == Ascii.quote
  }

  private mutating func newline() {
    views.code[position] = Ascii.newline
    views.comments[position] = Ascii.newline
    if case .string(_, multiline: true) = contexts[contexts.count - 1] {
      views.beginsInLiteral.append(true)
    } else {
      views.beginsInLiteral.append(false)
    }
    position += 1
  }

  private mutating func keepCode() {
    views.code[position] = bytes[position]
    position += 1
  }

  private mutating func scanCode(_ parentheses: Int) {
    let here = bytes[position]
    if here == Ascii.newline { return newline() }
    if here == Ascii.slash && byte(position + 1) == Ascii.slash { return scanLineComment() }
    if here == Ascii.slash && byte(position + 1) == Ascii.star { return scanBlockComment() }
    if here == Ascii.quote { return openString(hashes: 0) }
    if here == Ascii.hash {
      let hashes = hashCount(at: position)
      if byte(position + hashes) == Ascii.quote { return openString(hashes: hashes) }
      if byte(position + hashes) == Ascii.slash { return skipExpression(hashes: hashes) }
    }
    if here == Ascii.open {
      contexts[contexts.count - 1] = .code(parentheses: parentheses + 1)
    }
    if here == Ascii.close {
      if parentheses == 0 && contexts.count > 1 {
        contexts.removeLast()
      } else {
        contexts[contexts.count - 1] = .code(parentheses: parentheses - 1)
      }
    }
    keepCode()
  }

  private mutating func scanLineComment() {
    while position < bytes.count && bytes[position] != Ascii.newline {
      views.comments[position] = bytes[position]
      position += 1
    }
  }

  private mutating func scanBlockComment() {
    var depth = 0
    repeat {
      let pair = (byte(position), byte(position + 1))
      var width = 1
      if pair == (Ascii.slash, Ascii.star) {
        depth += 1
        width = 2
      } else if pair == (Ascii.star, Ascii.slash) {
        depth -= 1
        width = 2
      }
      for _ in 0..<width where position < bytes.count {
        if bytes[position] == Ascii.newline {
          newline()
        } else {
          views.comments[position] = bytes[position]
          position += 1
        }
      }
    } while depth > 0 && position < bytes.count
  }

  private mutating func openString(hashes: Int) {
    position += hashes
    let multiline = isTripleQuote(at: position)
    position += multiline ? 3 : 1
    contexts.append(.string(hashes: hashes, multiline: multiline))
  }

  private mutating func skipExpression(hashes: Int) {
    position += hashes + 1
    while position < bytes.count && bytes[position] != Ascii.newline {
      if bytes[position] == Ascii.slash && hashCount(at: position + 1) >= hashes {
        position += 1 + hashes
        return
      }
      position += 1
    }
  }

  private mutating func scanString(_ hashes: Int, _ multiline: Bool) {
    let here = bytes[position]
    if here == Ascii.newline {
      // A plain string ends with its line at the latest; the compiler reports that it is open.
      if !multiline { contexts.removeLast() }
      return newline()
    }
    if here == Ascii.backslash && hashCount(at: position + 1) >= hashes {
      position += 1 + hashes
      if byte(position) == Ascii.open {
        contexts.append(.code(parentheses: 0))
        keepCode()
      } else if byte(position) != Ascii.newline && position < bytes.count {
        position += 1
      }
      return
    }
    let closes = multiline ? isTripleQuote(at: position) : here == Ascii.quote
    let width = multiline ? 3 : 1
    if closes && hashCount(at: position + width) >= hashes {
      position += width + hashes
      contexts.removeLast()
    } else {
      position += 1
    }
  }
}

enum Ascii {
  static let tab = UInt8(ascii: "\t")
  static let newline = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let quote = UInt8(ascii: "\"")
  static let hash = UInt8(ascii: "#")
  static let open = UInt8(ascii: "(")
  static let close = UInt8(ascii: ")")
  static let star = UInt8(ascii: "*")
  static let comma = UInt8(ascii: ",")
  static let slash = UInt8(ascii: "/")
  static let backslash = UInt8(ascii: "\\")
  static let openBracket = UInt8(ascii: "[")
  static let closeBracket = UInt8(ascii: "]")
  static let openBrace = UInt8(ascii: "{")
  static let closeBrace = UInt8(ascii: "}")

  static func isIdentifier(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...0xFF:
      true
    default: false
    }
  }

  static func isBlank(_ byte: UInt8) -> Bool {
    byte == space || byte == tab || byte == carriageReturn
  }
}
