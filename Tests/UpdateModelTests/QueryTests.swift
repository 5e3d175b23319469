// QueryTests: what accepted queries mean, how they are written out, and how results are explained.

import Testing
import UpdateModel

@Suite struct QueryTests {
  @Test(arguments: [
    ("device = 'dev-7'", true), ("device == \"dev-7\"", true), ("device != 'dev-7'", false),
    ("hardware like 'board-?'", true), ("hardware like 'board'", false),
    ("hardware not like 'x*'", true), ("state = 'active' and hardware = 'board-a'", true),
    ("state = 'retired' or hardware = 'board-a'", true), ("not state = 'retired'", true),
    ("state in ['active', 'retired']", true), ("state not in ['active']", false),
    ("tags.site = 'berlin'", true), ("tags.site = 'Berlin'", false), ("tags.room.left = '3'", true),
    ("tags.'a b' = 'c'", true), ("tags.rack > 9", true), ("tags.rack = '12'", false),
    ("text(tags.rack) = '12'", true), ("tags.owner.team = 'red'", true), ("tags.none = 'x'", false),
    ("tags.none != 'x'", false),
    ("not (tags.none = 'x')", true), ("tags.none = null", true), ("tags.site = null", false),
    ("tags.site != null", true), ("tags.note like '* ?'", true), ("tags.note like 'caf? *'", true),
    ("tags.note = 'cafe\\u{301} \\u{1f600}'", false), ("tags.note = 'caf\\u{e9} \\u{1f600}'", true),
    ("battery.percent < 30", true), ("battery.percent < 30%", true),
    ("battery.percent >= 21", true), ("battery.percent > 21.0", false),
    ("battery.percent = 2.1e1", true), ("battery.percent in [20, 21%]", true),
    ("battery.percent not in [20, 22]", true), ("battery.charging = false", true),
    ("inUse = true", true), ("inUse != true", false), ("temperature = 36.6", true),
    ("temperature <= 36.6", true), ("temperature > 36.59999999999999999999", true),
    ("huge > 1e399", true), ("huge = 5", false), ("location.latitude < -52.4", true),
    ("location.latitude > -52.50000001", true), ("level = 30", false), ("level != 30", false),
    ("number(level) = 30.0", true), ("number(caption) = 1", false), ("level = '30'", true),
    ("text(battery.percent) = '21'", true), ("text(inUse) like 't*'", true),
    ("text(network) = ''", false), ("modes contains 'eco'", true), ("modes contains 7.0", true),
    ("modes contains 'day'", false), ("modes[1] = 'night'", true), ("modes[3] = 'x'", false),
    ("modes = 'eco'", false), ("caption contains 'a'", false),
    ("reported.'a b'.c[1].d = 'deep'", true), ("reported.\"a b\".c[0] = 1", true),
    ("exists(battery)", true), ("exists(nothing)", false), ("not exists(battery.health)", true),
    ("empty = ''", true), ("caption like 'a\\*b\\?c\\\\d'", true), ("caption = 'a*b?c\\\\d'", true),
    ("caption like 'a?b*'", true), ("caption like '**c**'", true), ("empty like '?'", false),
    ("empty like '*'", true), ("empty like ''", true), ("device like 'DEV-7'", false),
    ("version < '1.11'", true), ("version < v'1.9.0'", false), ("version = '1.10.0'", true),
    ("version = '1.10'", false), ("version = v'1.10'", true), ("version in [v'1.10', v'2']", true),
    ("version >= '1.10.0-rc.1'", true), ("version like '1.*'", true),
    ("reported.version <= '1.10'", true), ("desired.version > '1.10'", true),
    ("version(app) < '2024.10'", true), ("version(app) > '2024.10-rc.1'", true),
    ("version(app) = '2024.10-rc.2+build'", true), ("app < '2024.11'", true),
    ("version(hardware) < '9'", false), ("desired.rate = 5", true),
    ("lastSeen < 2h", true), ("lastSeen > 1h30m", false), ("lastSeen >= 90m", true),
    ("lastSeen <= 90m", true), ("createdAt > 30d", true), ("checkedAt < 2h", true),
    ("checkedAt > 2h", false), ("caption < 2h", false), ("lastSeen < 2027-01-15T08:00:00Z", true),
    ("lastSeen > 2027-01-15T07:29:59.999+01:00", true),
    ("lastSeen = 2027-01-15T06:30:00Z", true), ("group = 'lab'", true), ("group = 'x'", false),
    ("group != 'lab'", false), ("group != 'x'", true), ("group in ['x', 'beta']", true),
    ("group not in ['x']", true), ("group contains 'beta'", true), ("group like 'be*'", true),
    ("group not like 'be*'", false), ("exists(group)", true), ("group = null", false),
    ("reported.limit = 4 and (network.type = 'wifi' or network.metered = true)", true),
    ("true", true), ("false", false), ("not false and not (not true)", true),
    ("TRUE AND NOT FALSE", true), ("battery.percent<30and inUse=true", false),
    ("battery.percent<30 and\n\tinUse=true", true), ("network.type = 'wifi' OR false", true),
    ("false or true and false", false), ("(false or true) and true", true),
    ("not true or true", true), ("not (true or true)", false),
  ])
  func `a query means what it says`(text: String, expected: Bool) throws {
    guard text != "battery.percent<30and inUse=true" else {
      #expect(throws: QueryFault.self) { try Query(text) }
      return
    }
    let query = try Query(text)
    #expect(query.matches(TwinSpecimen.berlin, at: TwinSpecimen.now) == expected)
    #expect((query.explain(TwinSpecimen.berlin, at: TwinSpecimen.now) == .holds) == expected)
    #expect(try Query(query.description) == query)
  }

  @Test(arguments: [
    ("hardware=board-a", "hardware = \"board-a\""),
    (
      "hardware=board-a, tag.site!=lab , attr.region=eu-*",
      "hardware = \"board-a\" and not text(tags.site) = \"lab\" "
        + "and text(reported.region) like \"eu-*\""
    ),
    ("version=1.2", "version = \"1.2\""), ("device = dev-7", "device = \"dev-7\""),
    ("tag.a.b=c?d", "text(tags.a.b) = \"c?d\""), ("attr.level=5", "text(reported.level) = \"5\""),
    ("tag.x=true", "text(tags.x) = \"true\""), ("tag.x=*", "text(tags.x) like \"*\""),
    ("attr.sw.version=1", "text(reported.sw.version) = \"1\""),
  ])
  func `the short form of filters is a query`(text: String, written: String) throws {
    guard text != "tag.a.b=c?d" else {
      // What could be meant as a pattern is no bare value.
      #expect(throws: QueryFault.self) { try Query(text) }
      #expect(try Query(DeviceFilter(text)).description == written)
      return
    }
    #expect(try Query(text).description == written)
    #expect(try Query(DeviceFilter(text)) == Query(text))
  }

  @Test(arguments: [
    "", ",", "hardware=board-a", "hardware=board*", "hardware!=board-*", "device=dev-7",
    "version=1.*", "tag.site=berlin", "tag.room!=1", "tag.room=*", "attr.level=30",
    "attr.level!=3*", "hardware=board-a,tag.site=home", "tag.site=", "hardware=b*d-a",
    "tag.rack=12", "tag.owner.team=r*", "tag.owner=*", "tag.owner.team!=blue", "tag.room.left=3",
    "tag..=1", "tag.note=caf\u{e9} *",
  ])
  func `a filter and its query choose the same devices`(text: String) throws {
    let filter = try DeviceFilter(text)
    var twin = Twin()
    try twin.set(["version": "1.10.0", "level": "30"], of: .reported, at: .epoch)
    try twin.set(
      [
        "site": "berlin", "room.left": "3", "note": "caf\u{e9} \u{1F600}", "rack": 12,
        "owner": ["team": "red"],
      ], of: .tags, at: .epoch)
    let device = Device(
      key: DeviceKey(tenant: try Name("DEFAULT"), device: try DeviceID("dev-7")),
      hardware: try Name("board-a"), tokenDigest: nil, twin: twin, createdAt: .epoch)
    let query = Query(filter)
    #expect(query.matches(TwinSpecimen.berlin, at: TwinSpecimen.now) == filter.matches(device))
    #expect(query.matches(DeviceSubject(device), at: .epoch) == filter.matches(device))
    #expect(try Query(query.description) == query)
  }

  @Test(arguments: [
    ("battery.percent >= 30", "battery.percent is 21, must be at least 30"),
    ("inUse = false and battery.percent >= 30", "inUse is true, must be false"),
    (
      "battery.percent >= 30% or battery.charging = true",
      "battery.percent is 21, must be at least 30%; or battery.charging is false, must be true"
    ),
    ("not (inUse = true)", "inUse is true, must not be true"),
    (
      "not (hardware = 'x' or network.type in ['wifi'])",
      "network.type is \"wifi\", must not be one of \"wifi\""
    ),
    ("lastSeen < 1h", "lastSeen is 1h30m ago, must be less than 1h ago"),
    ("version >= '1.11'", "version is \"1.10.0\", must be at least 1.11"),
    ("tags.site like 'eu-*'", "tags.site is \"berlin\", must be like \"eu-*\""),
    ("modes contains 'day'", "modes is a list of 3, must contain \"day\""),
    ("network.type = null", "network.type is \"wifi\", must be unknown"),
    ("not exists(battery)", "battery is an object, must not be known"),
    ("false", "the query matches no device"),
  ])
  func `what fails is told in words`(text: String, reason: String) throws {
    #expect(
      try Query(text).explain(TwinSpecimen.berlin, at: TwinSpecimen.now) == .fails(reason))
  }

  @Test(arguments: [
    ("battery.health >= 30", "battery.health is not known, must be at least 30"),
    ("level > 20", "level is \"30\", must be above 20"),
    ("exists(none)", "none is not known, must be known"),
    (
      "storage.freeBytes > 1e6 or none = 1",
      "storage.freeBytes is not known, must be above 1000000; or none is not known, must be 1"
    ),
  ])
  func `what is not known is told apart from what fails`(text: String, reason: String) throws {
    #expect(
      try Query(text).explain(TwinSpecimen.berlin, at: TwinSpecimen.now) == .unknown(reason))
  }

  @Test func `a registered device is asked for its registration and its twin`() throws {
    let device = Device(
      key: DeviceKey(tenant: try Name("DEFAULT"), device: try DeviceID("dev-7")), hardware: nil,
      tokenDigest: nil, tags: ["site": "x"], attributes: ["sw_version": "1.2"], createdAt: .epoch)
    let now = Instant.epoch + .hours(1)
    func matches(_ text: String, _ subject: DeviceSubject) throws -> Bool {
      try Query(text).matches(subject, at: now)
    }
    let bare = DeviceSubject(device, lastSeen: .epoch)
    #expect(
      try matches("version = '1.2' and hardware = null and createdAt >= 1h", bare))
    // Never heard is no age at all.
    #expect(try matches("lastSeen = null and not (lastSeen < 3650d) and group = null", bare))
    let known = DeviceSubject(
      device, lastSeen: now, groups: [try Name("a"), try Name("b")])
    #expect(try matches("lastSeen < 1s and state = 'active' and group = 'b'", known))
  }

  @Test func `a query tells which fields it reads and whether time changes it`() throws {
    let query = try Query(
      "battery.percent < 20 and (tags.site = 'a' or reported.battery.percent > 90)")
    #expect(query.fields.map(\.description) == ["reported.battery.percent", "tags.site"])
    #expect(!query.dependsOnTime)
    #expect(try Query("lastSeen < 2h").dependsOnTime)
    #expect(try Query("lastSeen = null").fields == [.lastSeen])
  }

  @Test(arguments: [
    ("group by hardware, version", "true group by hardware, version"),
    (
      "battery.percent < 20 and tags.site = \"berlin\" group by hardware, version",
      "reported.battery.percent < 20 and tags.site = \"berlin\" group by hardware, version"
    ),
    (
      "limit 10 order by lastSeen desc select device, battery.percent",
      "true select device, reported.battery.percent order by lastSeen desc limit 10"
    ),
    (
      "group = 'a' group by group order by count desc",
      "group = \"a\" group by group order by count desc"
    ),
    ("order by count.x asc", "true order by reported.count.x"), ("true", "true"),
    ("order = 1 ORDER BY reported.limit", "reported.order = 1 order by reported.limit"),
    ("hardware=board-a", "hardware = \"board-a\""),
  ])
  func `a statement has a tail`(text: String, written: String) throws {
    let statement = try QueryStatement(text)
    #expect(statement.description == written)
    #expect(try QueryStatement(written) == statement)
  }

  @Test func `limits hold just inside and not just outside`() throws {
    func joined(_ count: Int, _ part: String, by separator: String) -> String {
      Array(repeating: part, count: count).joined(separator: separator)
    }
    _ = try Query(joined(64, "a=1", by: " and "))
    #expect(throws: QueryFault.self) { try Query(joined(65, "a=1", by: " and ")) }
    _ = try Query("a in [\(joined(64, "1", by: ","))]")
    #expect(throws: QueryFault.self) { try Query("a in [\(joined(65, "1", by: ","))]") }
    _ = try Query(joined(16, "(", by: "") + "a=1" + joined(16, ")", by: ""))
    #expect(throws: QueryFault.self) {
      try Query(joined(17, "(", by: "") + "a=1" + joined(17, ")", by: ""))
    }
    _ = try Query(joined(16, "not", by: " ") + " a=1")
    #expect(throws: QueryFault.self) { try Query(joined(17, "not", by: " ") + " a=1") }
    _ = try Query(joined(8, "a", by: ".") + "=1")
    #expect(throws: QueryFault.self) { try Query(joined(9, "a", by: ".") + "=1") }
    _ = try Query("tags." + joined(8, "a", by: ".") + "=1")
    #expect(throws: QueryFault.self) { try Query("tags." + joined(9, "a", by: ".") + "=1") }
    let start = "device = \""
    _ = try Query(start + joined(4096 - start.utf8.count - 1, "x", by: "") + "\"")
    #expect(throws: QueryFault.self) {
      try Query(start + joined(4097 - start.utf8.count - 1, "x", by: "") + "\"")
    }
    // Fits as it was sent, but not as it is written out.
    let fault = #expect(throws: QueryFault.self) {
      try Query("device='" + joined(3000, "\"", by: "") + "'")
    }
    #expect(fault?.found.contains("when it is written out") == true)
  }
}
