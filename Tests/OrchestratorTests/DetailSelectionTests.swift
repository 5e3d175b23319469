// DetailSelectionTests: a walk over the fleet sees what it asks for, as the full reader does.

import Testing
import UpdateModel

@testable import Orchestrator

@Suite struct DetailSelectionTests {
  private func selection(_ fields: String...) throws -> DetailSelection {
    var selection = DetailSelection()
    for field in fields {
      for condition in try DeviceFilter("\(field)=x").conditions { selection.add(condition.field) }
    }
    return selection
  }

  @Test func `what is selected is read and nothing else`() throws {
    let all = DeviceDetails(
      tags: ["site": "north", "line": "7"],
      attributes: ["version": "1.0", "image_sha256": "ab", "serial": "9", "timezone": "UTC"],
      ran: [ReleaseID(3), ReleaseID(11)])
    let found = DeviceDetails(all.encoded, reading: try selection("tag.site", "attr.crashes"))
    #expect(found.tags == ["site": "north"])
    #expect(found.attributes == ["version": "1.0", "image_sha256": "ab", "timezone": "UTC"])
    #expect(found.ran == all.ran)
    #expect(DeviceDetails(nil, reading: try selection()) == DeviceDetails(nil))
  }

  @Test(arguments: [
    #"a "quoted" word"#, #"back\slash"#, "tab\tand\nline", "ünïcode ✓", "}],\":{[", "",
  ])
  func `values with any characters are read as the full reader reads them`(value: String) throws {
    let all = DeviceDetails(tags: ["site": value, "a": value], attributes: [value + "k": "v"])
    let selected = DeviceDetails(all.encoded, reading: try selection("tag.site"))
    #expect(selected.tags["site"] == value)
  }

  @Test func `text that is cut anywhere is read as the full reader reads it`() throws {
    let text = try #require(
      DeviceDetails(
        tags: ["site": "north"], attributes: ["version": "1"], ran: [ReleaseID(1)]
      ).encoded)
    let wanted = try selection("tag.site")
    for end in 0..<text.count {
      let part = Array(text[..<end])
      #expect(DeviceDetails(part, reading: wanted) == DeviceDetails(part))
    }
  }
}
