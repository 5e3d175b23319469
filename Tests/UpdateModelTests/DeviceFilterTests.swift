// DeviceFilterTests: which devices a filter means, and which texts are none.

import Testing
import UpdateModel

@Suite struct DeviceFilterTests {
  private func device() throws -> Device {
    Device(
      key: DeviceKey(tenant: try Name("DEFAULT"), device: try DeviceID("dev-7")),
      hardware: try Name("board-a"), tokenDigest: nil, tags: ["site": "lab", "a=b": "c"],
      attributes: ["sw_version": "1.2", "region": "eu-north"], createdAt: .epoch)
  }

  @Test(arguments: [
    ("", true), (",", true), ("hardware=board-a", true), ("hardware=board", false),
    ("hardware=board*", true), ("hardware=*", true), ("hardware!=board-b", true),
    ("hardware!=board-*", false), ("device=dev-7", true), ("version=1.2", true),
    ("version=1.*", true), ("tag.site=lab", true), ("tag.site!=lab", false),
    ("tag.room=1", false), ("tag.room!=1", true), ("tag.room=*", false),
    ("attr.region=eu-*", true), (" hardware = board-a , tag.site = lab ", true),
    ("hardware=board-a,tag.site=home", false), ("tag.site=", false), ("hardware=b*d-a", false),
  ])
  func `a filter means what it says`(text: String, matches: Bool) throws {
    #expect(try DeviceFilter(text).matches(device()) == matches)
  }

  @Test func `a device without hardware or version matches neither a value nor any rest`() throws {
    let bare = Device(
      key: DeviceKey(tenant: try Name("DEFAULT"), device: try DeviceID("d")), hardware: nil,
      tokenDigest: nil, tags: [:], attributes: [:], createdAt: .epoch)
    #expect(try !DeviceFilter("hardware=*").matches(bare))
    #expect(try DeviceFilter("hardware!=x").matches(bare))
    #expect(try !DeviceFilter("version=1*").matches(bare))
  }

  @Test(arguments: [
    "hardware", "colour=red", "tag.=x", "attr.=x", "tag=x", "=x", "!=x",
    Array(repeating: "device=a", count: 33).joined(separator: ","),
    "tag.a=" + String(repeating: "x", count: 2000),
  ])
  func `other texts are refused with an example`(text: String) {
    let error = #expect(throws: InvalidValue.self) { try DeviceFilter(text) }
    #expect(error?.field == "filter")
    #expect(error?.reason.contains("tag.site!=lab") == true)
  }

  @Test func `the written form is kept`() throws {
    #expect(try DeviceFilter("hardware=a, tag.b!=c").description == "hardware=a, tag.b!=c")
  }

  @Test func `attributes are found under every spelling in use`() throws {
    #expect(try device().reportedVersion == "1.2")
    #expect(
      ReportedAttribute.version.value(in: TwinSection(texts: ["version": "2", "sw_version": "1"]))
        == "2")
    #expect(
      ReportedAttribute.version.value(in: TwinSection(texts: ["version": "", "swVersion": "3"]))
        == "3")
    #expect(ReportedAttribute.hardware.value(in: TwinSection(texts: ["device_type": "x"])) == "x")
    #expect(ReportedAttribute.hardware.value(in: TwinSection(texts: [:])) == nil)
  }

  @Test func `attributes have limits`() throws {
    try DeviceLimits.check(
      key: String(repeating: "k", count: 128), value: String(repeating: "v", count: 512))
    #expect(throws: InvalidValue.self) {
      try DeviceLimits.check(key: String(repeating: "k", count: 129), value: "")
    }
    #expect(throws: InvalidValue.self) {
      try DeviceLimits.check(key: "k", value: String(repeating: "v", count: 513))
    }
    for key in ["", "a b", "a\n"] {
      #expect(throws: InvalidValue.self) { try DeviceLimits.check(key: key, value: "") }
    }
    #expect(throws: InvalidValue.self) { try DeviceLimits.check(key: "k", value: "a\u{0}") }
    try DeviceLimits.check(count: 100)
    #expect(throws: InvalidValue.self) { try DeviceLimits.check(count: 101) }
  }
}
