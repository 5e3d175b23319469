// CapabilityTests: what a device says that it can do, and what is made of nonsense.

import Testing
import UpdateModel

@Suite struct CapabilityTests {
  private func list(_ text: String) throws -> CapabilityList {
    CapabilityList(reported: try JSON.parse(Array(text.utf8)))
  }

  @Test func `capabilities are read with their arguments`() throws {
    let list = try list(
      #"""
      [{"name":"set-led","title":"LED","arguments":{"properties":{"colour":{"enum":["red"]}}},
        "disruptive":false,"future":1}, {"name":"reload","disruptive":true}]
      """#)
    #expect(list.advertised.map(\.name.text) == ["set-led", "reload"])
    #expect(list.advertised.map(\.isDisruptive) == [false, true])
    #expect(list.advertised[0].title == "LED" && list.advertised[1].arguments == nil)
    #expect(list.advertised[0].arguments?.faults(of: ["colour": "blue"]).count == 1)
    #expect(list.ignored.isEmpty)
  }

  @Test func `a malformed capability is ignored and named`() throws {
    let list = try list(
      #"""
      [7, {"title":"x"}, {"name":"a b"}, {"name":"t","title":7}, {"name":"d","disruptive":"yes"},
       {"name":"s","arguments":{"properties":{"x":{"type":"colour"}}}}, {"name":"ok"},
       {"name":"ok","disruptive":true}]
      """#)
    #expect(list.advertised.map(\.name.text) == ["ok"])
    #expect(list.advertised[0].isDisruptive == false)
    #expect(
      list.ignored.map(\.field) == [
        "capabilities[0]", "capabilities[1].name", "capabilities[2].name", "capabilities[3].title",
        "capabilities[4].disruptive", "capabilities[5].arguments/properties/x/type",
        "capabilities[7].name",
      ])
  }

  @Test func `only so many count`() throws {
    func names(_ count: Int) -> JSON {
      .array((0..<count).map { ["name": .string("c\($0)")] })
    }
    #expect(CapabilityList(reported: names(64)).ignored.isEmpty)
    let many = CapabilityList(reported: names(65))
    #expect(many.advertised.count == 64 && many.ignored.count == 1)
  }

  @Test(arguments: [nil, JSON.null, [], "reboot", ["reboot": true]] as [JSON?])
  func `the standard commands are there whatever is reported`(reported: JSON?) throws {
    let list = CapabilityList(reported: reported)
    #expect(list.advertised.isEmpty)
    #expect(
      list.standard.map(\.name.text) == [
        "reboot", "factory-reset", "collect-logs", "identify", "safe-mode",
      ])
    #expect(list.standard.map(\.isDisruptive) == [true, true, false, false, true])
    #expect(list.standard.allSatisfy { $0.arguments?.faults(of: .object([])).isEmpty ?? false })
    #expect(list.standard.allSatisfy { $0.arguments?.faults(of: ["x": 1]).count == 1 })
  }

  @Test func `what the device says about a standard command comes first`() throws {
    let list = try list(#"[{"name":"reboot","arguments":{"required":["mode"]}}]"#)
    let reboot = try #require(list[try Name("reboot")])
    #expect(reboot.arguments?.faults(of: .object([])).first?.field == "$.arguments.mode")
    #expect(list.standard.count == 4)
    #expect(list[try Name("unknown")] == nil)
  }
}
