// DocumentReader: reads a JSON document field by field and collects every fault with line and path.

/// Reads one object of a document; faults are gathered so that a person can mend all at once.
public struct DocumentReader {
  /// Faults found so far, shared by the readers of one document.
  public final class Faults {
    /// In the order found.
    public private(set) var list: [Problem.Fault] = []
    /// More faults than this are not listed.
    public static let limit = 20

    /// Starts with no faults.
    public init() {}

    func add(_ fault: Problem.Fault) {
      if list.count < Faults.limit { list.append(fault) }
    }
  }

  /// The path of this object, such as `$.stages`.
  public let path: String
  private let members: [JSON.Member]
  private let lines: [String: Int]
  private let faults: Faults

  /// Opens the object at the top of a document; anything else is a fault.
  public init(_ document: JSON, lines: [String: Int] = [:], faults: Faults) {
    self.init(document, path: "$", lines: lines, faults: faults)
  }

  private init(_ value: JSON, path: String, lines: [String: Int], faults: Faults) {
    self.path = path
    self.lines = lines
    self.faults = faults
    if let members = value.members {
      self.members = members
    } else {
      self.members = []
      faults.add(
        Problem.Fault(
          line: lines[path], field: path, reason: "found \(value.kind) where an object is expected")
      )
    }
  }

  /// Reports members whose key is not in the list.
  public func allowOnly(_ keys: [String]) {
    for member in members where !keys.contains(member.key) {
      refuse(
        member.key,
        "unknown field; allowed here: \(keys.joined(separator: ", "))")
    }
  }

  /// Notes a fault of one field.
  public func refuse(_ key: String, _ reason: String) {
    let field = "\(path).\(key)"
    faults.add(Problem.Fault(line: lines[field] ?? lines[path], field: field, reason: reason))
  }

  /// Whether a field is there.
  public func has(_ key: String) -> Bool { members.contains { $0.key == key } }

  /// The raw value of a field.
  public func value(_ key: String) -> JSON? { members.first { $0.key == key }?.value }

  /// Reads a field with a conversion from its value; nil after noting a fault.
  ///
  /// A missing field reads as `fallback`, and is a fault when that is nil. `allowed` says in the
  /// fault what is allowed.
  public func read<Value>(
    _ key: String, default fallback: Value?, allowed: String, _ convert: (JSON) -> Value?
  ) -> Value? {
    guard let value = value(key) else {
      if fallback == nil { refuse(key, "missing; give \(allowed)") }
      return fallback
    }
    if let converted = convert(value) { return converted }
    refuse(key, "found \(value.kind) where \(allowed) is expected")
    return nil
  }

  /// Reads a whole number inside a range.
  public func integer(
    _ key: String, default fallback: Int? = nil, in range: ClosedRange<Int>
  ) -> Int? {
    read(
      key, default: fallback,
      allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)"
    ) {
      $0.integer.flatMap { Int(exactly: $0) }.flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// Reads a length of time inside a range.
  public func interval(
    _ key: String, default fallback: Interval? = nil, in range: ClosedRange<Interval>
  ) -> Interval? {
    read(
      key, default: fallback,
      allowed: "a time such as \"30m\" from \(range.lowerBound) to \(range.upperBound)"
    ) {
      $0.string.flatMap(Interval.init(text:)).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// Reads a share such as `"5%"` inside a range.
  public func share(
    _ key: String, default fallback: Share? = nil, from low: Share = .none
  ) -> Share? {
    read(key, default: fallback, allowed: "a share such as \"5%\" from \(low) to 100%") {
      $0.string.flatMap(Share.init(text:)).flatMap { $0 >= low ? $0 : nil }
    }
  }

  /// Reads a boolean.
  public func flag(_ key: String, default fallback: Bool? = nil) -> Bool? {
    read(key, default: fallback, allowed: "true or false") { $0.bool }
  }

  /// Reads text of limited length.
  public func text(
    _ key: String, default fallback: String? = nil, bytes: ClosedRange<Int> = 1...200
  ) -> String? {
    read(
      key, default: fallback,
      allowed: "text of \(bytes.lowerBound) to \(bytes.upperBound) bytes"
    ) {
      $0.string.flatMap { bytes.contains($0.utf8.count) ? $0 : nil }
    }
  }

  /// Reads a name.
  public func name(_ key: String, default fallback: Name? = nil) -> Name? {
    read(key, default: fallback, allowed: "a name of 1 to 64 of A-Z a-z 0-9 . _ -") {
      // A refused name becomes nil here and a fault with the path in `read`.
      $0.string.flatMap { try? Name($0) }
    }
  }

  /// Reads one word of a closed list.
  public func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, default fallback: Choice? = nil
  ) -> Choice? where Choice.RawValue == String {
    let words = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
    return read(key, default: fallback, allowed: words) {
      $0.string.flatMap(Choice.init(rawValue:))
    }
  }

  /// Opens a nested object; a missing one reads as empty, so that its defaults apply.
  public func object(_ key: String) -> DocumentReader {
    DocumentReader(
      value(key) ?? .object([]), path: "\(path).\(key)", lines: lines, faults: faults)
  }

  /// Opens each object of an array; nil when the field is no array.
  public func objects(_ key: String) -> [DocumentReader]? {
    guard let elements = value(key)?.array else { return nil }
    return elements.enumerated().map { position, element in
      DocumentReader(element, path: "\(path).\(key)[\(position)]", lines: lines, faults: faults)
    }
  }
}
