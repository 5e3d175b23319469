// Batch: devices that were provisioned together, such as one day's work of a line.

/// What a batch was made with.
public struct Batch: Equatable, Sendable {
  /// Number within the tenant.
  public let id: Int
  /// What people call it, 1 to 100 bytes.
  public let name: String
  /// More words, at most 1000 bytes.
  public let note: String
  /// The colour of its labels: a word or `#rrggbb`; nil for none.
  public let colour: String?
  /// Devices in it.
  public let count: Int
  /// Their hardware model; nil when they tell it themselves.
  public let hardware: Name?
  /// Tags they start with.
  public let tags: [String: String]
  /// Groups they start in.
  public let groups: [Name]
  /// From when on their codes are good for nothing.
  public let expires: Instant
  /// The ways in which they may enrol.
  public let ways: Set<EnrolmentWay>
  /// When it was made.
  public let createdAt: Instant
  /// Who made it.
  public let createdBy: String
  /// Whether all its devices are there; one that is not is undone at the next start.
  public var isComplete: Bool

  /// Devices in one batch.
  public static let countMax = 100_000
  /// How long codes may live.
  public static let lifetimes: ClosedRange<Interval> = .minutes(1)...Interval.days(3650)
  /// How long codes live unless told otherwise.
  public static let usualLifetime = Interval.days(90)

  /// Checks what a person gave.
  public init(
    id: Int, name: String, note: String, colour: String?, count: Int, hardware: Name?,
    tags: [String: String], groups: [Name], expires: Instant, ways: Set<EnrolmentWay> = [.claim],
    createdAt: Instant, createdBy: String, isComplete: Bool = false
  ) throws(InvalidValue) {
    func require(_ holds: Bool, _ field: String, _ reason: String) throws(InvalidValue) {
      guard holds else { throw InvalidValue(field: field, reason: reason) }
    }
    try require(Batch.isLine(name, 1...100), "name", "give 1 to 100 bytes in one line")
    try require(note.utf8.count <= 1000, "note", "give at most 1000 bytes")
    try require(
      colour.map(Batch.isColour) ?? true, "colour",
      "give a word of at most 20 letters such as orange, or #rrggbb")
    try require(
      (1...Batch.countMax).contains(count), "count", "give 1 to \(Batch.countMax) devices")
    try DeviceLimits.check(count: tags.count)
    for (key, value) in tags { try DeviceLimits.check(key: key, value: value) }
    try require(groups.count <= 20, "groups", "give at most 20 groups")
    self.id = id
    self.name = name
    self.note = note
    self.colour = colour
    self.count = count
    self.hardware = hardware
    self.tags = tags
    self.groups = groups
    self.expires = expires
    self.ways = ways
    self.createdAt = createdAt
    self.createdBy = createdBy
    self.isComplete = isComplete
  }

  private static func isLine(_ text: String, _ bytes: ClosedRange<Int>) -> Bool {
    bytes.contains(text.utf8.count) && text.unicodeScalars.allSatisfy { $0.value >= 0x20 }
  }

  private static func isColour(_ text: String) -> Bool {
    if text.hasPrefix("#") {
      let digits = text.utf8.dropFirst()
      return digits.count == 6 && digits.allSatisfy { HexText.decode("0" + Batch.lower($0)) != nil }
    }
    return (1...20).contains(text.utf8.count)
      && text.utf8.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) }
  }

  private static func lower(_ byte: UInt8) -> String {
    String(decoding: [byte >= 0x41 ? byte | 0x20 : byte], as: UTF8.self)
  }
}

extension Batch {
  /// The stored form, and what people see.
  public var document: JSON {
    .members([
      "id": JSON(id), "name": .string(name), "note": note.isEmpty ? nil : .string(note),
      "colour": colour.map { .string($0) }, "count": JSON(count),
      "hardware": hardware.map { .string($0.text) },
      "tags": tags.isEmpty
        ? nil
        : .object(
          tags.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .string($0.value)) }),
      "groups": groups.isEmpty ? nil : .array(groups.map { .string($0.text) }),
      "ways": .array(ways.map(\.rawValue).sorted().map { .string($0) }),
      "expires": .string(expires.description), "createdAt": .string(createdAt.description),
      "createdBy": .string(createdBy), "complete": .bool(isComplete),
    ])
  }

  /// Reads the stored form.
  public init(_ document: JSON) throws(InvalidValue) {
    func missing(_ field: String) -> InvalidValue {
      InvalidValue(field: "batch.\(field)", reason: "is missing or cannot be read")
    }
    guard let id = document["id"]?.integer.flatMap({ Int(exactly: $0) }) else {
      throw missing("id")
    }
    guard let name = document["name"]?.string else { throw missing("name") }
    guard let count = document["count"]?.integer.flatMap({ Int(exactly: $0) }) else {
      throw missing("count")
    }
    func instant(_ key: String) throws(InvalidValue) -> Instant {
      guard let instant = document[key]?.string.flatMap(Instant.init(rfc3339:)) else {
        throw missing(key)
      }
      return instant
    }
    var tags: [String: String] = [:]
    for member in document["tags"]?.members ?? [] { tags[member.key] = member.value.string }
    var groups: [Name] = []
    for group in document["groups"]?.array ?? [] { groups.append(try Name(group.string ?? "")) }
    try self.init(
      id: id, name: name, note: document["note"]?.string ?? "",
      colour: document["colour"]?.string, count: count,
      hardware: try document["hardware"]?.string.map { (text) throws(InvalidValue) in
        try Name(text)
      },
      tags: tags, groups: groups, expires: try instant("expires"),
      ways: Set(
        (document["ways"]?.array ?? []).compactMap { $0.string.flatMap(EnrolmentWay.init) }),
      createdAt: try instant("createdAt"), createdBy: document["createdBy"]?.string ?? "",
      isComplete: document["complete"]?.bool ?? false)
  }
}
