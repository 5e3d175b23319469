// TwinSection: one of the three documents of a twin with its version and the age of each property.

/// Properties with a version that grows by one with each change, and the time of the last change of
/// each property.
public struct TwinSection: Equatable, Sendable {
  /// An object.
  public private(set) var properties: JSON
  /// How often it was changed; 0 for never.
  public private(set) var version: UInt64
  // When most properties last changed, and the others by their pointer: after a device described
  // itself once, that is one time for all, and a million twins are kept.
  private var since: Instant
  private var later: [String: Instant]

  /// Nothing yet.
  public init() {
    properties = .object([])
    version = 0
    since = .epoch
    later = [:]
  }

  /// A part of which only plain texts matter: version 1, all at one time. No limit is checked.
  public init(texts: [String: String], at now: Instant = .epoch) {
    self.init()
    guard !texts.isEmpty else { return }
    let sorted = texts.sorted { $0.key < $1.key }
    properties = .object(sorted.map { JSON.Member($0.key, .string($0.value)) })
    version = 1
    since = now
  }

  /// Whether there are no properties.
  public var isEmpty: Bool { properties.members?.isEmpty ?? true }

  /// A strong entity tag (RFC 9110 section 8.8.3): each change gives another one.
  public var entityTag: String { "\"\(version)\"" }

  /// Takes over properties; returns whether they are different.
  @discardableResult
  mutating func change(to new: JSON, at now: Instant) -> Bool {
    guard let patch = properties.mergePatch(to: new) else { return false }
    // A change has the very value that stands in `new`, so the leaves of both have the same names.
    let changed = Set(TwinSection.leaves(of: patch).map { ExactText($0) })
    var times: [String: Instant] = [:]
    for leaf in TwinSection.leaves(of: new) {
      times[leaf] = changed.contains(ExactText(leaf)) ? now : changedAt(pointer: leaf)
    }
    properties = new
    version += 1
    keep(times)
    return true
  }

  private mutating func keep(_ times: [String: Instant]) {
    var counts: [Instant: Int] = [:]
    for time in times.values { counts[time, default: 0] += 1 }
    since = counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? .epoch
    later = times.filter { $0.value != since }
  }

  private func changedAt(pointer: String) -> Instant { later[pointer] ?? since }

  /// When each property last changed, by its JSON pointer (RFC 6901), in the order of the document.
  public var times: [(pointer: String, at: Instant)] {
    TwinSection.leaves(of: properties).map { ($0, changedAt(pointer: $0)) }
  }

  /// The pointers of all values that are no objects, and of objects without members.
  static func leaves(of value: JSON) -> [String] {
    var found: [String] = []
    func walk(_ value: JSON, _ pointer: String) {
      guard case .object(let members) = value, !members.isEmpty else {
        if !pointer.isEmpty { found.append(pointer) }
        return
      }
      for member in members { walk(member.value, pointer + "/" + escaped(member.key)) }
    }
    walk(value, "")
    return found
  }

  // RFC 6901 section 3.
  private static func escaped(_ key: String) -> String {
    guard key.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else {
      return key
    }
    return key.reduce(into: "") { text, character in
      switch character {
      case "~": text += "~0"
      case "/": text += "~1"
      default: text.append(character)
      }
    }
  }

  // MARK: Plain texts

  /// A property as text: a member of this name, or else a path whose names are joined by dots.
  ///
  /// Strings are given as they are, numbers and truth values as JSON writes them; nil for what is
  /// missing, null, or has parts.
  public func text(_ key: String) -> String? {
    properties.property(named: key).flatMap(TwinSection.text)
  }

  private static func text(_ value: JSON) -> String? {
    switch value {
    case .string(let text): text
    case .bool(let value): "\(value)"
    case .integer(let number): "\(number)"
    case .decimal(let literal): literal
    case .null, .array, .object: nil
    }
  }

  /// The members that are plain values, as texts.
  public var texts: [String: String] {
    var texts: [String: String] = [:]
    for member in properties.members ?? [] { texts[member.key] = TwinSection.text(member.value) }
    return texts
  }

  // MARK: How it is kept

  /// Version and times, for the store and for memory; nil while nothing was ever set.
  public var history: JSON? {
    guard version > 0 else { return nil }
    return .members([
      "v": .integer(Int64(clamping: version)),
      "at": .integer(since.milliseconds),
      "later": later.isEmpty
        ? nil
        : .object(
          later.sorted { $0.key < $1.key }
            .map { JSON.Member($0.key, .integer($0.value.milliseconds)) }),
    ])
  }

  /// Puts a part together again from what was kept; without a history it counts as changed once.
  public init(properties: JSON, history: JSON?) {
    self.init()
    self.properties = properties.members == nil ? .object([]) : properties
    version =
      history?["v"]?.integer.flatMap(UInt64.init(exactly:)) ?? (isEmpty ? 0 : 1)
    since = Instant(milliseconds: history?["at"]?.integer ?? 0)
    for member in history?["later"]?.members ?? [] {
      later[member.key] = member.value.integer.map(Instant.init(milliseconds:))
    }
  }
}

extension JSON {
  /// What stands under a name as filters and policies write it: a member of that very name, or else
  /// the way over objects that its dots tell.
  public func property(named key: String) -> JSON? {
    if let value = self[key] { return value }
    guard key.utf8.contains(UInt8(ascii: ".")) else { return nil }
    let path = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    return self[path: path]
  }
}
