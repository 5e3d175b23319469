// QueryLiteral: the values that stand in queries, how they are written, and glob patterns.

/// A value written in a query.
public enum QueryLiteral: Hashable, Sendable, CustomStringConvertible {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number.
  case number(ExactDecimal)
  /// `30%`: compared with the number 30, which is how devices report percents.
  case percent(ExactDecimal)
  /// Text in quotes.
  case text(ExactText)
  /// `v"1.10.0"`.
  case version(OrderedVersion)
  /// A point in time.
  case time(Instant)
  /// A length of time, compared with the age of a time.
  case duration(Interval)

  /// As it is written in a query.
  public var description: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let number): "\(number)"
    case .percent(let number): "\(number)%"
    case .text(let text): QueryLiteral.quoted(text.text)
    case .version(let version): "v" + QueryLiteral.quoted(version.text.text)
    case .time(let time): QueryLiteral.written(time)
    case .duration(let interval): "\(interval)"
    }
  }

  /// What kind of value it is, with an article, and the value.
  var words: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let number): "the number \(number)"
    case .percent(let number): "the percentage \(number)%"
    case .text(let text): "the text \(QueryLiteral.quoted(String(text.text.prefix(40))))"
    case .version(let version): "the version \(version.text.text)"
    case .time(let time): "the time \(QueryLiteral.written(time))"
    case .duration(let interval): "the duration \(interval)"
    }
  }

  private static func written(_ time: Instant) -> String {
    let rest = time.milliseconds - time.milliseconds.flooredDivision(by: 1000) * 1000
    guard rest > 0 else { return time.description }
    return time.description.dropLast() + ".\(String(1000 + rest).dropFirst())Z"
  }

  /// In double quotes, with escapes for what cannot be seen.
  static func quoted(_ text: String) -> String {
    "\"" + escaped(text) + "\""
  }

  static func escaped(_ text: some StringProtocol) -> String {
    var output = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\t": output += "\\t"
      default:
        if QueryScanner.isAllowedInText(scalar) {
          output.unicodeScalars.append(scalar)
        } else {
          output += "\\u{\(String(scalar.value, radix: 16))}"
        }
      }
    }
    return output
  }
}

/// A pattern of `like`: `*` stands for any number of characters, `?` for one.
public struct QueryPattern: Hashable, Sendable, CustomStringConvertible {
  /// One part of a pattern.
  public enum Piece: Hashable, Sendable {
    /// A Unicode scalar that stands for itself.
    case scalar(Unicode.Scalar)
    /// Any one Unicode scalar.
    case one
    /// Any number of them.
    case any
  }

  /// The parts, never two `any` in a row.
  public let pieces: [Piece]

  /// Joins parts.
  public init(_ pieces: [Piece]) {
    var kept: [Piece] = []
    for piece in pieces where piece != .any || kept.last != .any { kept.append(piece) }
    self.pieces = kept
  }

  /// Whether the whole text fits; at most as many steps as scalars times parts.
  public func matches(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    var position = 0
    var piece = 0
    // Where to go on when it does not fit: behind the last `any`, which then swallows one more.
    var retry: (piece: Int, position: Int)?
    while position < scalars.count {
      if piece < pieces.count {
        switch pieces[piece] {
        case .any:
          retry = (piece, position)
          piece += 1
          continue
        case .one:
          piece += 1
          position += 1
          continue
        case .scalar(let wanted):
          if wanted == scalars[position] {
            piece += 1
            position += 1
            continue
          }
        }
      }
      guard let last = retry else { return false }
      retry = (last.piece, last.position + 1)
      piece = last.piece + 1
      position = last.position + 1
    }
    return pieces[piece...].allSatisfy { $0 == .any }
  }

  /// As it is written in a query, in double quotes.
  public var description: String {
    let text = pieces.map { piece in
      switch piece {
      case .any: "*"
      case .one: "?"
      case .scalar("*"): "\\*"
      case .scalar("?"): "\\?"
      case .scalar(let scalar): QueryLiteral.escaped(String(scalar))
      }
    }.joined()
    return "\"\(text)\""
  }
}
