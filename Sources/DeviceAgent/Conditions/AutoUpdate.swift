// AutoUpdate: the wish of the device's owner about when updates may install by themselves.

/// When the device installs without being asked (reported property `autoUpdate`).
public enum AutoUpdate: Equatable, Sendable, CustomStringConvertible {
  /// At any time.
  case always
  /// Only when a person at the device says so.
  case manual
  /// Inside a daily window of local time, in minutes after midnight; it may cross midnight.
  case daily(from: Int, until: Int)

  /// Reads `always`, `manual` or `at HH:MM-HH:MM`; nil for anything else.
  public init?(_ text: String) {
    switch text {
    case "always": self = .always
    case "manual": self = .manual
    default:
      guard text.hasPrefix("at ") else { return nil }
      let parts = text.dropFirst(3).split(separator: "-", omittingEmptySubsequences: false)
      guard parts.count == 2, let from = AutoUpdate.minute(parts[0]),
        let until = AutoUpdate.minute(parts[1]), from != until
      else { return nil }
      self = .daily(from: from, until: until)
    }
  }

  private static func minute(_ text: Substring) -> Int? {
    let bytes = Array(text.utf8)
    guard bytes.count == 5, bytes[2] == UInt8(ascii: ":") else { return nil }
    let digits = [bytes[0], bytes[1], bytes[3], bytes[4]].map { Int($0) - 48 }
    guard digits.allSatisfy({ (0...9).contains($0) }) else { return nil }
    let hour = digits[0] * 10 + digits[1]
    let minute = digits[2] * 10 + digits[3]
    return hour < 24 && minute < 60 ? hour * 60 + minute : nil
  }

  /// Whether a minute of the local day is inside; manual has none.
  public func contains(minuteOfDay: Int) -> Bool {
    switch self {
    case .always: true
    case .manual: false
    case .daily(let from, let until):
      from < until
        ? (from..<until).contains(minuteOfDay) : minuteOfDay >= from || minuteOfDay < until
    }
  }

  /// What `init` reads.
  public var description: String {
    func time(_ minutes: Int) -> String {
      func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
      return "\(two(minutes / 60)):\(two(minutes % 60))"
    }
    return switch self {
    case .always: "always"
    case .manual: "manual"
    case .daily(let from, let until): "at \(time(from))-\(time(until))"
    }
  }
}
