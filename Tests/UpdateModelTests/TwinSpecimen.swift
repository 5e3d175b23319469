// TwinSpecimen: a device for queries whose every field is known to the test.

import UpdateModel

struct TwinSpecimen: QuerySubject {
  var facts: [QueryField: QueryValue] = [:]
  var tags: JSON = [:]
  var desired: JSON = [:]
  var reported: JSON = [:]

  static let now = Instant(milliseconds: 1_800_000_000_000)

  func value(of field: QueryField) -> QueryValue? {
    switch field {
    case .device, .hardware, .version, .state, .group, .lastSeen, .createdAt: facts[field]
    case .tag(let path): path.value(in: tags).map { .json($0) }
    case .desired(let path): path.value(in: desired).map { .json($0) }
    case .reported(let path): path.value(in: reported).map { .json($0) }
    }
  }

  /// A board in Berlin that was seen 90 minutes ago.
  static let berlin = TwinSpecimen(
    facts: [
      .device: .text("dev-7"), .hardware: .text("board-a"), .version: .text("1.10.0"),
      .state: .text("active"), .group: .texts(["beta", "lab"]),
      .lastSeen: .time(now + .minutes(-90)), .createdAt: .time(now + .days(-40)),
    ],
    tags: [
      "site": "berlin", "room.left": "3", "a b": "c", "note": "caf\u{e9} \u{1F600}", "rack": 12,
      "owner": ["team": "red"],
    ],
    desired: ["version": "2.0", "rate": 5],
    reported: [
      "version": "1.10.0", "battery": ["percent": 21, "charging": false], "inUse": true,
      "temperature": .decimal("36.60"), "huge": .decimal("1e999999999999"), "level": "30",
      "modes": ["eco", "night", 7], "a b": ["c": [1, ["d": "deep"]]], "nothing": .null,
      "checkedAt": .string((now + .hours(-1)).description), "app": "2024.10-rc.2", "limit": 4,
      "network": ["type": "wifi", "metered": false], "caption": "a*b?c\\d", "empty": "",
      "location": ["latitude": .decimal("-52.5")],
    ])
}
