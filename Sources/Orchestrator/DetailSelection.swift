// DetailSelection: the few tags and attributes that a walk over the whole fleet needs.
//
// Reading all that a million devices said about themselves takes seconds; finding three values in
// the text that is kept of each takes a fraction of one.

import FleetStore
import RolloutEngine
import UpdateModel

/// Names tags and attributes.
struct DetailSelection {
  private(set) var tags: [[UInt8]] = []
  private(set) var attributes: [[UInt8]] = []
  // Properties that queries look into; they come with all that is in them.
  private var properties: [QueryField] = []
  private var ways: [TwinWay] = []

  /// What tells which release a device runs, and its time zone.
  init() {
    for attribute in [ReportedAttribute.version, .imageDigest, .timeZone] {
      for spelling in attribute.spellings { add(.attribute(spelling)) }
    }
  }

  /// All that decides which of a policy's devices are which, and whether they may go on now; nil
  /// when that can be any property.
  init?(
    _ policy: Policy, _ target: RolloutSpecification.Target?, _ conditions: [UpdateConditions],
    _ ledger: Ledger
  ) {
    guard !conditions.contains(where: \.asksForAnything) else { return nil }
    self.init()
    let asked =
      conditions.contains { !$0.isEmpty }
      ? UpdateConditions.properties : [UpdateWish.property, UpdateWish.approvalProperty]
    for property in asked { add(.attribute(property)) }
    for group in [target?.group, policy.canary?.group] { add(group: group, ledger) }
    switch target {
    case nil, .group: break
    case .filter(let filter): add(filter)
    case .query(let query): for field in query.fields { add(field) }
    }
    for safeguard in ledger.safeguards.values { add(safeguard.filter) }
    for field in policy.evidence?.strata ?? [] { add(field) }
    if let domain = policy.evidence?.domain { add(domain) }
    for budget in policy.limits.domains {
      switch budget.by {
      case .tag(let key): add(.tag(key))
      case .attribute(let key): add(.attribute(key))
      }
    }
  }

  /// Adds what tells the members of a group.
  mutating func add(group: Name?, _ ledger: Ledger) {
    guard let known = group.flatMap({ ledger.groups[$0] }) else { return }
    switch known.group.membership {
    case .explicit: break
    case .filter(let filter): add(filter)
    case .query(let query): for field in query.fields { add(field) }
    }
  }

  /// Adds a field with all that is in it, as a query sees it.
  mutating func add(_ field: QueryField) {
    for member in field.members where !properties.contains(member) {
      guard let way = TwinWay(member) else { continue }
      properties.append(member)
      ways.append(way)
    }
  }

  private mutating func add(_ filter: DeviceFilter) { for c in filter.conditions { add(c.field) } }

  /// Adds a field; the version is there already, and id and hardware model are no details.
  mutating func add(_ field: DeviceFilter.Condition.Field) {
    switch field {
    case .tag(let key): tags.append(Array(key.utf8))
    case .attribute(let key): attributes.append(Array(key.utf8))
    case .version, .device, .hardware: break
    }
  }
}

extension DetailSelection {
  /// A device with no more than what is selected.
  func device(_ record: DeviceRecord, _ key: DeviceKey, hardware: Name?) -> Device {
    let details = SelectedDetails(record.details, reading: self)
    var device = Device(
      key: key, hardware: hardware, tokenDigest: nil, tags: details.tags,
      attributes: details.attributes, createdAt: record.createdAt, ran: details.ran)
    device.enrolment.state = record.flags.state
    if !ways.isEmpty { complete(&device, record.details) }
    return device
  }

  private func complete(_ device: inout Device, _ text: [UInt8]?) {
    guard let text else { return }
    let values = text.withUnsafeBufferPointer { bytes -> [JSON?] in
      var scanner = TwinScanner(bytes)
      guard let found = scanner.find(ways) else { return [] }
      // The text was written by our own writer, so it parses.
      return found.map { range in range.flatMap { try? JSON.parse(Array(bytes[$0])) } }
    }
    for (field, value) in zip(properties, values) {
      guard let value, let (part, name) = field.place else { continue }
      let change = JSON.object([JSON.Member(name, value)])
      device.twin[part] = TwinSection(
        properties: device.twin[part].properties.merging(change), history: nil)
    }
  }
}

extension QueryField {
  /// The members of the twin in which the property may be: the first of its path, and the one that
  /// is named like all of it.
  fileprivate var members: [QueryField] {
    switch self {
    case .tag(let path): path.members.map { .tag($0) }
    case .desired(let path): path.members.map { .desired($0) }
    case .reported(let path): path.members.map { .reported($0) }
    case .device, .hardware, .version, .state, .group, .lastSeen, .createdAt: []
    }
  }

  /// Where a single member stands.
  fileprivate var place: (Twin.Part, String)? {
    switch self {
    case .tag(let path): path.name.map { (.tags, $0) }
    case .desired(let path): path.name.map { (.desired, $0) }
    case .reported(let path): path.name.map { (.reported, $0) }
    case .device, .hardware, .version, .state, .group, .lastSeen, .createdAt: nil
    }
  }
}

extension QueryPath {
  fileprivate var members: [QueryPath] {
    [QueryPath(Array(steps.prefix(1)))] + (dottedName.map { [QueryPath(members: $0)] } ?? [])
  }

  fileprivate var name: String? {
    if case .member(let name) = steps.first { name.text } else { nil }
  }
}

extension RolloutSpecification.Target {
  fileprivate var group: Name? { if case .group(let name) = self { name } else { nil } }
}

extension DetailSelection {
  // A name with a dot may be a path into a property, which only the full reader follows.
  fileprivate var isPlain: Bool {
    (tags + attributes).allSatisfy { !$0.contains(UInt8(ascii: ".")) }
  }
}

/// The plain tags and reported properties that were asked for, as texts, and what `Device.ran` is.
struct SelectedDetails: Equatable {
  var tags: [String: String] = [:]
  var attributes: [String: String] = [:]
  var ran: [ReleaseID] = []

  /// Reads only what is selected.
  init(_ text: [UInt8]?, reading selection: DetailSelection) {
    guard let text else { return }
    // What has to be unescaped, and what the scanner does not know, is left to the full reader.
    if selection.isPlain {
      let isRead = text.withUnsafeBufferPointer { bytes in
        var scanner = DetailScanner(bytes)
        return scanner.read(selection, into: &self)
      }
      if isRead { return }
    }
    self = SelectedDetails(DeviceDetails(text), selection)
  }

  private init(_ details: DeviceDetails, _ selection: DetailSelection) {
    func select(_ keys: [[UInt8]], _ section: TwinSection) -> [String: String] {
      var texts: [String: String] = [:]
      for key in keys.map({ String(decoding: $0, as: UTF8.self) }) {
        texts[key] = section.text(key)
      }
      return texts
    }
    tags = select(selection.tags, details.twin.tags)
    attributes = select(selection.attributes, details.twin.reported)
    ran = details.ran
  }
}

/// Steps over the compact JSON that `DeviceDetails.encoded` writes.
private struct DetailScanner {
  private var cursor: CompactCursor

  init(_ bytes: UnsafeBufferPointer<UInt8>) { cursor = CompactCursor(bytes) }

  /// False when the text is not as simple as expected; what was found so far is worth nothing then.
  mutating func read(_ selection: DetailSelection, into details: inout SelectedDetails) -> Bool {
    guard cursor.take("{") else { return false }
    repeat {
      guard let section = text(), section.count == 1, cursor.take(":") else { return false }
      switch cursor.bytes[section.lowerBound] {
      case UInt8(ascii: "t"):
        guard members(selection.tags, into: &details.tags) else { return false }
      case UInt8(ascii: "a"):
        guard members(selection.attributes, into: &details.attributes) else { return false }
      case UInt8(ascii: "r"):
        guard numbers(into: &details.ran) else { return false }
      case UInt8(ascii: "d"): guard cursor.skip() else { return false }
      // The versions and times stand last, and what is known of its credentials.
      case UInt8(ascii: "h"), UInt8(ascii: "e"): return true
      default: return false
      }
    } while cursor.take(",")
    return cursor.take("}") && cursor.position == cursor.bytes.count
  }

  private mutating func members(_ wanted: [[UInt8]], into texts: inout [String: String]) -> Bool {
    guard cursor.take("{") else { return false }
    if cursor.take("}") { return true }
    repeat {
      guard let key = text(), cursor.take(":") else { return false }
      guard wanted.contains(where: { $0.elementsEqual(cursor.bytes[key]) }) else {
        guard cursor.skip() else { return false }
        continue
      }
      guard let value = scalar() else { return false }
      texts[String(decoding: cursor.bytes[key], as: UTF8.self)] =
        String(decoding: cursor.bytes[value], as: UTF8.self)
    } while cursor.take(",")
    return cursor.take("}")
  }

  // The bytes of a string without its quotes, or of a number or truth value.
  private mutating func scalar() -> Range<Int>? {
    guard cursor.position < cursor.bytes.count else { return nil }
    switch cursor.bytes[cursor.position] {
    case UInt8(ascii: "\""): return text()
    case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "n"): return nil
    default:
      let start = cursor.position
      cursor.skipScalar()
      return start..<cursor.position
    }
  }

  private mutating func numbers(into releases: inout [ReleaseID]) -> Bool {
    guard cursor.take("[") else { return false }
    repeat {
      let start = cursor.position
      while cursor.position < cursor.bytes.count,
        (0x30...0x39).contains(cursor.bytes[cursor.position])
      { cursor.position += 1 }
      let digits = String(decoding: cursor.bytes[start..<cursor.position], as: UTF8.self)
      guard let number = UInt32(digits) else { return false }
      releases.append(ReleaseID(number))
    } while cursor.take(",")
    return cursor.take("]")
  }

  // The bytes between two quotes; nil for a text with escapes.
  private mutating func text() -> Range<Int>? {
    guard cursor.take("\"") else { return nil }
    let start = cursor.position
    while cursor.position < cursor.bytes.count, cursor.bytes[cursor.position] != UInt8(ascii: "\"")
    {
      guard cursor.bytes[cursor.position] != UInt8(ascii: "\\") else { return nil }
      cursor.position += 1
    }
    let end = cursor.position
    return cursor.take("\"") ? start..<end : nil
  }
}
