// ConditionTests: each condition just inside, just outside, malformed and unknown.

import Testing
import UpdateModel

/// A device that reports this.
private func device(_ reported: String) throws -> Device {
  var twin = Twin()
  try twin.merge(try JSON.parse(Array(reported.utf8)), into: .reported, at: .epoch)
  return Device(
    key: DeviceKey(tenant: try Name("acme"), device: try DeviceID("d1")),
    hardware: try Name("board-a"), tokenDigest: nil, twin: twin, createdAt: .epoch)
}

private func read(_ conditions: String) throws -> UpdateConditions {
  let text =
    #"{"name": "p", "stages": {"start": 1, "soak": "0s"}, "failureLimit": {"share": "5%"}, "#
    + #""conditions": \#(conditions)}"#
  return try Policy.read(Array(text.utf8), file: "test").conditions
}

private func hindrances(
  _ condition: String, _ reported: String, imageBytes: Int64 = 1000, sparesNobody: Bool = false
) throws -> [Hindrance] {
  try read(#"{"install": {\#(condition)}}"#).install.hindrances(
    of: ConditionSubject(try device(reported), imageBytes: imageBytes, now: .epoch),
    sparesNobody: sparesNobody)
}

@Suite struct ConditionTests {
  @Test(arguments: [
    (#""notInUse": true"#, #"{"inUse": false}"#),
    (#""notInUse": true"#, #"{"inUse": "false"}"#),
    (#""notInUse": false"#, #"{"inUse": true}"#),
    (#""batteryAtLeast": "30%""#, #"{"battery": {"percent": 30}}"#),
    (#""batteryAtLeast": "30.5%""#, #"{"battery": {"percent": 30.5}}"#),
    (#""batteryAtLeast": "100%""#, #"{"battery": {"percent": 100}}"#),
    (#""batteryAtLeast": "30%""#, #"{"battery.percent": "31"}"#),
    // Nothing can run down.
    (#""batteryAtLeast": "30%""#, #"{"power": "mains"}"#),
    (#""chargingOrBatteryAtLeast": "30%""#, #"{"battery": {"percent": 1, "charging": true}}"#),
    (#""chargingOrBatteryAtLeast": "30%""#, #"{"battery": {"percent": 30, "charging": false}}"#),
    (#""chargingOrBatteryAtLeast": "30%""#, #"{"battery": {"charging": true}}"#),
    (#""mainsPower": true"#, #"{"power": "mains"}"#),
    (#""network": ["ethernet", "wifi"]"#, #"{"network": {"type": "wifi"}}"#),
    (#""unmetered": true"#, #"{"network": {"metered": false}}"#),
    (#""freeStorage": "64 MiB""#, #"{"storage": {"freeBytes": 67108864}}"#),
    (#""freeStorage": "64MB""#, #"{"storage": {"freeBytes": 64000000}}"#),
    (#""freeStorage": "image*2.5""#, #"{"storage": {"freeBytes": 2500}}"#),
    (#""temperature": {"min": -10, "max": 60}"#, #"{"temperature": -10}"#),
    (#""temperature": {"min": -10, "max": 60}"#, #"{"temperature": 60.0}"#),
    (#""temperature": {"max": 60}"#, #"{"temperature": -100}"#),
    (#""location": {"country": ["DE", "AT"]}"#, #"{"location": {"country": "AT"}}"#),
    (#""location": {"site": ["x"]}"#, #"{"location": {"site": "x"}}"#),
    (#""where": "disk.wear < 80""#, #"{"disk": {"wear": 79}}"#),
    (#""where": "not exists(faults)""#, "{}"),
  ])
  func `a device just inside goes on`(condition: String, reported: String) throws {
    #expect(try hindrances(condition, reported).isEmpty)
  }

  @Test(arguments: [
    (#""notInUse": true"#, #"{"inUse": true}"#, Hindrance.Kind.inUse, "it is in use"),
    (
      #""batteryAtLeast": "30%""#, #"{"battery": {"percent": 29.9}}"#, .battery,
      "its battery is at 29.9%, at least 30% is needed"
    ),
    (
      // A battery that is there can be taken out of the socket.
      #""batteryAtLeast": "30%""#, #"{"power": "mains", "battery": {"percent": 3}}"#, .battery,
      "its battery is at 3%, at least 30% is needed"
    ),
    (
      #""chargingOrBatteryAtLeast": "30%""#, #"{"battery": {"percent": 29, "charging": false}}"#,
      .battery, "its battery is at 29%, at least 30% is needed"
    ),
    (#""mainsPower": true"#, #"{"power": "battery"}"#, .power, "it runs on its battery"),
    (
      #""network": ["ethernet", "wifi"]"#, #"{"network": {"type": "cellular"}}"#, .network,
      "it is connected by cellular, which is not one of ethernet, wifi"
    ),
    (
      #""unmetered": true"#, #"{"network": {"metered": true}}"#, .metered,
      "its connection is metered"
    ),
    (
      #""freeStorage": "1 KiB""#, #"{"storage": {"freeBytes": 1023}}"#, .storage,
      "it has 1023 bytes free, 1024 are needed"
    ),
    (
      #""freeStorage": "image*2""#, #"{"storage": {"freeBytes": 1999}}"#, .storage,
      "it has 1999 bytes free, 2000 are needed"
    ),
    (
      #""temperature": {"min": -10, "max": 60}"#, #"{"temperature": -10.1}"#, .temperature,
      "it is at -10.1 °C, at least -10 is needed"
    ),
    (
      #""temperature": {"min": -10, "max": 60}"#, #"{"temperature": 60.01}"#, .temperature,
      "it is at 60.01 °C, at most 60 is allowed"
    ),
    (
      #""location": {"country": ["DE", "AT"]}"#, #"{"location": {"country": "CH"}}"#, .location,
      "the country it is in is CH, not one of DE, AT"
    ),
    (
      #""where": "disk.wear < 80""#, #"{"disk": {"wear": 80}}"#, .query,
      "disk.wear is 80, must be below 80"
    ),
  ])
  func `a device just outside waits and says why`(
    condition: String, reported: String, kind: Hindrance.Kind, clause: String
  ) throws {
    let found = try hindrances(condition, reported)
    #expect(found == [Hindrance(kind, clause)])
  }

  @Test(arguments: [
    (#""notInUse": true"#, #"{"inUse": "perhaps"}"#),
    (#""batteryAtLeast": "30%""#, #"{"battery": {"percent": "full"}}"#),
    (#""batteryAtLeast": "30%""#, #"{"battery": {"percent": 101}}"#),
    (#""batteryAtLeast": "30%""#, #"{"battery": {"percent": -1}}"#),
    (#""batteryAtLeast": "30%""#, #"{"battery": {"percent": [90]}}"#),
    (#""batteryAtLeast": "30%""#, #"{"power": "mains", "battery": {}}"#),
    (#""mainsPower": true"#, #"{"power": "solar"}"#),
    (#""network": ["wifi"]"#, #"{"network": "wifi"}"#),
    (#""unmetered": true"#, #"{"network": {"metered": 0}}"#),
    (#""freeStorage": "1B""#, #"{"storage": {"freeBytes": -1}}"#),
    (#""temperature": {"max": 60}"#, #"{"temperature": "warm"}"#),
    (#""location": {"site": ["x"]}"#, #"{"location": {"site": ""}}"#),
    (#""where": "disk.wear < 80""#, #"{"disk": {"wear": "79"}}"#),
  ])
  func `what is malformed or missing counts as unknown, and waits unless told otherwise`(
    condition: String, reported: String
  ) throws {
    for reported in [reported, "{}"] {
      #expect(try hindrances(condition, reported).count == 1, "\(reported)")
      #expect(try hindrances(condition + #", "ifUnknown": "allow""#, reported).isEmpty)
    }
  }

  @Test func `what protects the device comes first, and comfort can be passed over`() throws {
    let both = #""notInUse": true, "batteryAtLeast": "30%""#
    let reported = #"{"inUse": true, "battery": {"percent": 5}}"#
    #expect(try hindrances(both, reported).map(\.kind) == [.battery, .inUse])
    #expect(try hindrances(both, reported, sparesNobody: true).map(\.kind) == [.battery])
  }

  @Test(arguments: [
    (#"{"install": {"batteryAtLeast": 30}}"#, "a share such as"),
    (#"{"install": {"batteryAtLeast": "130%"}}"#, "a share such as"),
    (#"{"install": {"notInUse": "yes"}}"#, "true or false"),
    (#"{"install": {"freeStorage": "64 Mib"}}"#, "a size such as"),
    (#"{"install": {"freeStorage": "0 B"}}"#, "a size such as"),
    (#"{"install": {"freeStorage": "image*11"}}"#, "a factor from 0.01 to 10"),
    (#"{"install": {"freeStorage": "99999999999 TiB"}}"#, "a size such as"),
    (#"{"install": {"temperature": {}}}"#, "give min, max or both"),
    (#"{"install": {"temperature": {"min": 5, "max": 4}}}"#, "below min"),
    (#"{"install": {"temperature": {"min": "5"}}}"#, "a number of °C"),
    (#"{"install": {"network": []}}"#, "a list of 1 to 64 words"),
    (#"{"install": {"network": [""]}}"#, "a list of 1 to 64 words"),
    (#"{"install": {"location": {"planet": ["x"]}}}"#, "country, site"),
    (#"{"install": {"where": "battery.percent >"}}"#, "column"),
    (#"{"install": {"where": "group = beta"}}"#, "column"),
    (#"{"install": {"where": "group = 'beta'"}}"#, "nothing that a condition can ask for"),
    (#"{"install": {"where": "lastSeen < 2h"}}"#, "nothing that a condition can ask for"),
    (#"{"install": {"where": "update.phase = 'failed'"}}"#, "update is written by the server"),
    (#"{"install": {"ifUnknown": "maybe"}}"#, "\"wait\" or \"allow\""),
    (#"{"install": {"inUse": false}}"#, "unknown field"),
    (#"{"boot": {}}"#, "download, install"), ("7", "an object is expected"),
  ])
  func `a fault names what is allowed`(conditions: String, allowed: String) throws {
    let problem = #expect(throws: Problem.self) { try read(conditions) }
    let reasons = problem?.faults.map(\.reason).joined(separator: " ") ?? ""
    #expect(reasons.contains(allowed), "\(reasons)")
  }

  @Test func `no condition is asked by default`() throws {
    let conditions = try read("{}")
    #expect(conditions.isEmpty && !conditions.asksForImageBytes && !conditions.asksForAnything)
  }
}

@Suite struct UpdateWishTests {
  @Test(arguments: [
    ("at 02:00-04:00", 120, 240), ("at 22:30-05:15", 1350, 315), ("at 00:00-24:00", 0, 1440),
  ])
  func `a wish for a time of day is a window on every day`(text: String, from: Int, to: Int) {
    let window = MaintenanceWindow(days: Set(Weekday.allCases), from: from, to: to)
    #expect(window != nil && UpdateWish(text) == window.map(UpdateWish.at))
  }

  @Test(arguments: [
    "at 2:00-04:00", "at 02:00", "at 02:00-02:00", "at 24:00-04:00", "at 02:60-04:00",
    "at 02:00-25:00", "at 02:00 04:00", "At 02:00-04:00", "never", "at ☀☀☀☀",
  ])
  func `a wish that cannot be read is kept as such`(text: String) {
    #expect(UpdateWish(text) == .malformed(text))
  }

  @Test(arguments: [
    (#""at 2-4""#, "autoUpdate at 2-4, and counts as always: a time of its day is two different"),
    (#""never""#, "autoUpdate never, and counts as always: it is none of"),
    ("true", "autoUpdate true, and counts as always: it is none of"),
    (#"["manual"]"#, "autoUpdate an array, and counts as always: it is none of"),
    (#"{"at": 2}"#, "autoUpdate an object, and counts as always: it is none of"),
  ])
  func `what is wrong with a wish is told`(value: String, words: String) throws {
    let wish = UpdateWish(of: try device(#"{"autoUpdate": \#(value)}"#))
    #expect(wish.fault?.hasPrefix("reports a wish that cannot be read, \(words)") == true)
  }

  @Test(arguments: ["{}", #"{"autoUpdate": null}"#, #"{"autoUpdate": "at 22:00-04:00"}"#])
  func `what can be read has nothing wrong with it`(reported: String) throws {
    #expect(UpdateWish(of: try device(reported)).fault == nil)
  }

  @Test func `no wish is always`() {
    #expect(UpdateWish(nil) == .always && UpdateWish("always") == .always)
    #expect(UpdateWish("manual") == .manual)
  }

  @Test(arguments: [
    (#"{"updateApproved": true}"#, true), (#"{"updateApproved": "2.0"}"#, true),
    (#"{"updateApproved": "true"}"#, true), (#"{"updateApproved": false}"#, false),
    (#"{"updateApproved": "2.1"}"#, false), ("{}", false),
  ])
  func `an approval names the version or says yes to any`(reported: String, isApproved: Bool) throws
  {
    let version = try FirmwareVersion("2.0")
    #expect(UpdateWish.isApproved(version, on: try device(reported)) == isApproved)
  }
}
