// DocumentMembers: reads members of the server's documents for display; absent ones show as such.

import UpdateModel

extension JSON {
  /// The text of a member, also when it is a number; nil when it is absent.
  func text(_ key: String) -> String? {
    switch self[key] {
    case .string(let text): text
    case .integer(let number): String(number)
    case .decimal(let literal): literal
    case .bool(let value): value ? "yes" : "no"
    default: nil
    }
  }

  /// The text of a member or a dash.
  func shown(_ key: String) -> String { text(key) ?? "-" }

  /// A count; 0 when absent.
  func count(_ key: String) -> Int {
    self[key]?.integer.flatMap { Int(exactly: $0) } ?? 0
  }

  /// A point in time.
  func instant(_ key: String) -> Instant? { self[key]?.string.flatMap(Instant.init(text:)) }

  /// A length of time, given in whole seconds.
  func seconds(_ key: String) -> Interval? {
    self[key]?.integer.flatMap(Interval.init(wholeSeconds:))
  }

  /// How long ago a point in time was, or a dash.
  func ago(_ key: String, now: Instant) -> String {
    instant(key).map { Wording.ago($0, now: now) } ?? "-"
  }

  /// The elements of an array member.
  func items(_ key: String) -> [JSON] { self[key]?.array ?? [] }

  /// Strings of an array member, joined.
  func joined(_ key: String) -> String {
    let texts = items(key).compactMap(\.string)
    return texts.isEmpty ? "-" : texts.joined(separator: ",")
  }

  /// The members of an object member as `key=value`, joined.
  func pairs(_ key: String) -> String {
    let pairs = (self[key]?.members ?? []).map { "\($0.key)=\($0.value.string ?? "?")" }
    return pairs.isEmpty ? "-" : pairs.joined(separator: " ")
  }
}

extension Interval {
  /// Wraps seconds from outside; nil for more than a thousand years.
  init?(wholeSeconds: Int64) {
    guard abs(wholeSeconds) < 31_557_600_000 else { return nil }
    self = .seconds(wholeSeconds)
  }
}
