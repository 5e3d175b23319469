// FleetQueryTests: the index answers as if each device had been asked by itself, whatever changes.

import Testing
import UpdateModel

@testable import Orchestrator

@Suite struct FleetQueryTests {
  private static let now = Instant(milliseconds: 1_800_000_000_000)
  private static let tenant = "DEFAULT"

  private static let queries = [
    "true", "false", "hardware = 'board-a'", "hardware != 'board-a'", "hardware = null",
    "not (hardware = 'board-a')", "version < '1.10'", "version = null or version in ['1.2']",
    "version like '1.*'", "device like 'dev-*7'", "device = 'dev-7'", "device in ['dev-1', 'x']",
    "device > 'dev-5'", "lastSeen < 2h", "lastSeen = null", "not (lastSeen < 2h)",
    "createdAt > 30d", "createdAt < 2026-12-01T00:00:00Z", "tags.site = 'berlin'",
    "tags.site != 'berlin'", "tags.site = null", "exists(tags.site)", "tags.rack > 3",
    "text(tags.rack) = '4'", "tags.rack in [1, 2, 3.0]", "battery.percent < 20",
    "battery.percent >= 50%", "battery.percent = null", "not (battery.percent < 20)",
    "battery.charging = true", "exists(battery)", "number(level) > 10", "level = '7'",
    "temperature > 21.5", "temperature <= -3", "free > 5e9", "free < 4000000000",
    "free = 1073741823", "free = 1073741824", "free >= -1073741825", "modes contains 'eco'",
    "modes[0] = 'eco'", "desired.interval = 30", "a.b = 'nested'", "note like '*\"*'",
    "note like '*\\u{e9}*'", "long like 'x*'", "long != null", "serial like 'SN*9'",
    "state = 'active'", "state = null", "group = 'added'", "group = 'berlin'", "group != 'added'",
    "group in ['added', 'none']", "not (group = 'berlin')", "group contains 'berlin'",
    "tags.site = 'berlin' and battery.percent < 50 or hardware = 'board-b' and not inUse = true",
    "(tags.site = 'berlin' or tags.site = 'oslo') and (lastSeen < 1d or battery.percent > 5)",
  ]

  private static func device(_ id: String, _ dice: inout Dice) throws -> Device {
    func maybe(_ value: JSON) -> JSON? { Bool.random(using: &dice) ? value : nil }
    func number(_ range: ClosedRange<Int64>) -> JSON {
      .integer(Int64.random(in: range, using: &dice))
    }
    var twin = Twin()
    let edges: [JSON] = [
      1_073_741_823, 1_073_741_824, -1_073_741_824, -1_073_741_825, 0, .decimal("-0"),
      9_000_000_000,
    ]
    try twin.set(
      .members([
        "site": maybe(.string(dice.pick(["berlin", "oslo", "lima"]))), "rack": maybe(number(0...9)),
      ]), of: .tags, at: now)
    try twin.set(.members(["interval": maybe(30)]), of: .desired, at: now)
    let battery: JSON = ["percent": number(0...100), "charging": .bool(.random(using: &dice))]
    try twin.set(
      .members([
        "battery": maybe(battery),
        "version": maybe(.string("1.\(Int.random(in: 0...20, using: &dice))")),
        "level": maybe(dice.pick(["7", 7, "11", "x"])),
        "inUse": maybe(.bool(.random(using: &dice))),
        "temperature": maybe(.decimal("\(Int.random(in: -9...40, using: &dice)).5")),
        "free": maybe(dice.pick(edges)), "modes": maybe(dice.pick([["eco"], ["eco", 1], []])),
        "a.b": maybe("nested"), "a": maybe(["b": dice.pick(["nested", "other", 5])]),
        "note": maybe(dice.pick(["say \"x\"", "caf\u{e9}", "back\\slash\n", "}],\":{["])),
        "long": maybe(.string(String(repeating: dice.pick(["x", "y"]), count: 300))),
        "serial": maybe(.string("SN\(Int.random(in: 0...999_999, using: &dice))")),
      ]), of: .reported, at: now)
    return Device(
      key: DeviceKey(tenant: try Name(tenant), device: try DeviceID(id)),
      hardware: dice.pick([try Name("board-a"), try Name("board-b"), nil]), tokenDigest: nil,
      twin: twin, createdAt: now + .days(-Int64.random(in: 0...90, using: &dice)))
  }

  private static func groups() throws -> [(DeviceGroup, Set<DeviceID>)] {
    let members = Set(try ["dev-1", "dev-12", "never-there"].map { try DeviceID($0) })
    let filter = try DeviceFilter("tag.site=berlin")
    return [
      (DeviceGroup(name: try Name("added"), membership: .explicit), members),
      (DeviceGroup(name: try Name("berlin"), membership: .filter(filter)), []),
    ]
  }

  private func query(_ text: String, _ fleet: Fleet, limit: Int = 100_000) throws -> FleetAnswer {
    let statement = try QueryStatement(text)
    return try FleetQuery(
      fleet: fleet, statement: statement,
      groups: FleetQueryTests.groups().map { GroupRule($0.0, members: $0.1) }, cursor: nil,
      limit: statement.limit ?? limit, now: FleetQueryTests.now
    ).answer()
  }

  /// The devices that match, asked one by one.
  private func naive(_ text: String, _ fleet: Fleet) throws -> [DeviceSubject] {
    let query = try QueryStatement(text).filter
    var found: [DeviceSubject] = []
    let rules = try FleetQueryTests.groups()
    fleet.forEach(in: try Name(FleetQueryTests.tenant)) { device, lastSeen in
      let groups = rules.filter { group, members in
        members.contains(device.key.device)
          || group.query?.matches(DeviceSubject(device), at: .epoch) ?? false
      }
      let subject = DeviceSubject(device, lastSeen: lastSeen, groups: groups.map(\.0.name))
      if query.matches(subject, at: FleetQueryTests.now) { found.append(subject) }
    }
    return found.sorted { $0.device.key.device < $1.device.key.device }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `the index answers as every single device would`(seed: UInt64) throws {
    var dice = Dice(state: seed)
    let fleet = Fleet()
    var count = 0
    for round in 0..<12 {
      // Devices come, change and go between the questions, while some columns exist already.
      for _ in 0..<120 {
        let id = "dev-\(Int.random(in: 0..<400, using: &dice))"
        if Int.random(in: 0..<5, using: &dice) == 0 {
          _ = fleet.remove(try DeviceID(id))
        } else {
          let seen = FleetQueryTests.now + .minutes(-Int64.random(in: 0...300, using: &dice))
          fleet.put(
            try FleetQueryTests.device(id, &dice), lastSeen: dice.pick([seen, nil]),
            wantsAttributes: false, versionReportedAt: nil)
        }
      }
      for _ in 0..<20 {
        let text = dice.pick(FleetQueryTests.queries)
        let expected = try naive(text, fleet).map(\.device.key.device.text)
        let answer = try query(text, fleet)
        #expect(answer.count == expected.count, "seed \(seed), round \(round): \(text)")
        #expect(answer.devices.map(\.id) == expected, "seed \(seed), round \(round): \(text)")
        count += answer.count
      }
    }
    #expect(count > 1000)
  }

  @Test(arguments: [
    "group by hardware, tags.site", "battery.percent > 50 group by version", "group by modes",
    "group by battery.percent order by battery.percent", "group by group", "group by a.b, level",
    "group by hardware order by hardware desc", "group by free order by count", "group by long",
    "group by lastSeen", "group by device limit 7", "group by state",
  ])
  func `groups have as many devices as match and agree`(text: String) throws {
    var dice = Dice(state: 9)
    let fleet = Fleet()
    for number in 0..<500 {
      fleet.put(
        try FleetQueryTests.device("dev-\(number)", &dice),
        lastSeen: FleetQueryTests.now + .hours(-Int64(number % 5)), wantsAttributes: false,
        versionReportedAt: nil)
    }
    let statement = try QueryStatement(text)
    let matching = try naive(text, fleet)
    var expected: [[String]: Int] = [:]
    for subject in matching {
      expected[
        statement.grouping.map { "\(String(describing: subject.value(of: $0)))" }, default: 0] += 1
    }
    let answer = try query(text, fleet)
    let shown = Dictionary(
      answer.groups.map { ($0.values.map { "\(String(describing: $0))" }, $0.count) },
      uniquingKeysWith: +)
    #expect(answer.count == matching.count)
    #expect(shown.count == answer.groups.count, "no group is listed twice")
    if let limit = statement.limit {
      #expect(answer.groups.count == limit && answer.hasMore)
    } else {
      #expect(shown == expected)
    }
    if statement.order == nil {
      #expect(zip(answer.groups, answer.groups.dropFirst()).allSatisfy { $0.count >= $1.count })
    }
  }

  @Test(arguments: [
    "order by battery.percent", "order by battery.percent desc", "order by version desc",
    "order by lastSeen", "order by device desc", "order by temperature", "order by level",
    "hardware = 'board-a' order by tags.site desc", "order by serial", "order by free desc",
  ])
  func `the first devices of an order are the first of all`(text: String) throws {
    var dice = Dice(state: 11)
    let fleet = Fleet()
    for number in 0..<400 {
      fleet.put(
        try FleetQueryTests.device("dev-\(number)", &dice),
        lastSeen: FleetQueryTests.now + .hours(-Int64(number % 7)), wantsAttributes: false,
        versionReportedAt: nil)
    }
    let statement = try QueryStatement(text)
    guard let order = statement.order, case .field(let field) = order.key else { return }
    let sorted = try naive(text, fleet).map { ($0, QuerySortKey($0.value(of: field), of: field)) }
      .sorted { left, right in
        if left.1.isMissing != right.1.isMissing { return right.1.isMissing }
        switch left.1.order(to: right.1) {
        case .before: return !order.isDescending
        case .after: return order.isDescending
        case .same: return left.0.device.key.device < right.0.device.key.device
        }
      }.map(\.0.device.key.device.text)
    for limit in [1, 10, 399, 1000] {
      let answer = try query(text, fleet, limit: limit)
      #expect(answer.devices.map(\.id) == Array(sorted.prefix(limit)), "limit \(limit)")
      #expect(answer.hasMore == (sorted.count > limit))
    }
  }

  @Test func `devices are found by the state of their life`() throws {
    let fleet = Fleet()
    for (number, state) in Lifecycle.allCases.enumerated() {
      for copy in 0...number {
        var device = Device(
          key: DeviceKey(
            tenant: try Name(FleetQueryTests.tenant),
            device: try DeviceID("\(state.rawValue)-\(copy)")),
          hardware: nil, tokenDigest: nil, tags: [:], attributes: [:], createdAt: .epoch)
        device.enrolment.state = state
        fleet.put(device, lastSeen: nil, wantsAttributes: false, versionReportedAt: nil)
      }
    }
    for (number, state) in Lifecycle.allCases.enumerated() {
      let answer = try query("state = '\(state.rawValue)'", fleet)
      #expect(answer.count == number + 1, "\(state)")
      #expect(answer.devices.allSatisfy { $0.id.hasPrefix(state.rawValue) })
    }
    #expect(try query("group by state", fleet).groups.count == Lifecycle.allCases.count)
  }

  @Test func `columns are limited and the oldest go first`() throws {
    var dice = Dice(state: 5)
    let fleet = Fleet()
    for number in 0..<200 {
      fleet.put(
        try FleetQueryTests.device("dev-\(number)", &dice), lastSeen: nil, wantsAttributes: false,
        versionReportedAt: nil)
    }
    for number in 0..<100 {
      _ = try query("f\(number) = null", fleet)
      let kept = fleet.shards.map { $0.withLock { $0.columns.list.count } }.max() ?? 0
      #expect(kept <= Fleet.columnsMax)
    }
    #expect(
      try query("battery.percent >= 0", fleet).count == naive("battery.percent >= 0", fleet).count)
    let many = (0..<33).map { "f\($0) = 1" }.joined(separator: " or ")
    let problem = #expect(throws: Problem.self) { try query(many, fleet) }
    #expect(problem?.kind == .invalidRequest)
  }

  @Test func `values without end are looked up and not kept`() throws {
    let fleet = Fleet()
    for number in 0..<1000 {
      fleet.put(
        Device(
          key: DeviceKey(tenant: try Name(FleetQueryTests.tenant), device: try DeviceID("dev-7")),
          hardware: nil, tokenDigest: nil, tags: [:], attributes: ["serial": "SN\(number)"],
          createdAt: .epoch), lastSeen: nil, wantsAttributes: false, versionReportedAt: nil)
      #expect(try query("serial = 'SN\(number)'", fleet).count == 1)
    }
    let kept =
      fleet.shards.map { shard in
        shard.withLock { $0.columns.list.map(\.values.count).max() ?? 0 }
      }.max() ?? 0
    // What no device has any more leaves its number to the next value.
    #expect(kept <= 5)
  }
}

/// SplitMix64, so that a seed repeats a run.
private struct Dice: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &self)]
  }
}
