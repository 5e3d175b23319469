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
    let all = details(
      tags: ["site": "north", "line": "7"],
      attributes: ["version": "1.0", "image_sha256": "ab", "serial": "9", "timezone": "UTC"],
      ran: [ReleaseID(3), ReleaseID(11)])
    let found = SelectedDetails(all.encoded, reading: try selection("tag.site", "attr.crashes"))
    #expect(found.tags == ["site": "north"])
    #expect(found.attributes == ["version": "1.0", "image_sha256": "ab", "timezone": "UTC"])
    #expect(found.ran == all.ran)
    #expect(SelectedDetails(nil, reading: try selection()).ran.isEmpty)
  }

  @Test(arguments: [
    #"a "quoted" word"#, #"back\slash"#, "tab\tand\nline", "ünïcode ✓", "}],\":{[", "",
  ])
  func `values with any characters are read as the full reader reads them`(value: String) throws {
    let all = details(tags: ["site": value, "a": value], attributes: [value + "k": "v"])
    let selected = SelectedDetails(all.encoded, reading: try selection("tag.site"))
    #expect(selected.tags["site"] == value)
  }

  @Test func `values with parts are stepped over, and plain ones read as texts`() throws {
    var twin = Twin()
    let reported: JSON = [
      "battery": ["percent": 21, "charging": false, "cells": [1, ["a": "]}"]]], "errors": 7,
      "on": true, "version": "2", "empty": [:],
    ]
    try twin.set(reported, of: .reported, at: Instant(milliseconds: 5))
    try twin.set(["interval": 5, "deep": ["er": "}"]], of: .desired, at: .epoch)
    let text = DeviceDetails(twin: twin).encoded
    let found = SelectedDetails(text, reading: try selection("attr.errors", "attr.on"))
    #expect(found.attributes == ["errors": "7", "on": "true", "version": "2"])
    let deep = SelectedDetails(text, reading: try selection("attr.battery.percent"))
    #expect(deep.attributes == ["battery.percent": "21", "version": "2"])
    #expect(DeviceDetails(text) == DeviceDetails(twin: twin))
  }

  @Test func `a walk for the queries of groups sees the properties that they ask for`() throws {
    let twins: [JSON] = [
      ["battery": ["percent": 21], "level": 7, "note": "x"], ["battery.percent": 21, "level": "7"],
      ["battery": ["percent": 5], "battery.percent": 30], ["list": [1, ["a": "b"]]], [:],
    ]
    let queries = [
      "battery.percent > 20", "level = 7", "text(level) = '7'", "list[1].a = 'b'", "exists(list)",
      "tags.rack = 3", "state = 'active'", "state = 'provisioned'", "note like 'x'",
      "desired.rate < 9",
    ]
    for text in queries {
      let fleet = Fleet()
      var expected: [String] = []
      let query = try Query(text)
      for (number, reported) in twins.enumerated() {
        var twin = Twin()
        try twin.set(reported, of: .reported, at: .epoch)
        try twin.set(["rack": .integer(Int64(number))], of: .tags, at: .epoch)
        try twin.set(["rate": .integer(Int64(number * 3))], of: .desired, at: .epoch)
        var device = Device(
          key: DeviceKey(tenant: try Name("DEFAULT"), device: try DeviceID("d\(number)")),
          hardware: nil, tokenDigest: nil, twin: twin, createdAt: .epoch)
        device.enrolment.state = .active
        if query.matches(DeviceSubject(device), at: .epoch) { expected.append("d\(number)") }
        fleet.put(device, lastSeen: nil, wantsAttributes: false, versionReportedAt: nil)
      }
      var ledger = Ledger()
      let name = try Name("g")
      ledger.groups[name] = Ledger.Group(
        group: DeviceGroup(name: name, membership: .query(query)))
      var found: [String] = []
      var selection = DetailSelection()
      selection.add(group: name, ledger)
      fleet.forEach(in: try Name("DEFAULT"), reading: selection) { device, _ in
        if ledger.groups[name]?.contains(device) == true { found.append(device.key.device.text) }
      }
      #expect(found.sorted() == expected, "\(text)")
    }
  }

  @Test func `text that is cut anywhere is read as the full reader reads it`() throws {
    let text = try #require(
      details(tags: ["site": "north"], attributes: ["version": "1"], ran: [ReleaseID(1)]).encoded)
    let wanted = try selection("tag.site")
    for end in 0..<text.count {
      let part = SelectedDetails(Array(text[..<end]), reading: wanted)
      #expect(part.tags.isEmpty || part.tags == ["site": "north"])
    }
  }

  private func details(
    tags: [String: String], attributes: [String: String], ran: [ReleaseID] = []
  ) -> DeviceDetails {
    DeviceDetails(
      twin: Twin(tags: TwinSection(texts: tags), reported: TwinSection(texts: attributes)),
      ran: ran)
  }
}
