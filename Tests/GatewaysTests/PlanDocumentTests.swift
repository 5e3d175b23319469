// PlanDocumentTests: a plan by evidence as clients get it, and what they may ask of one.

import Testing
import UpdateModel

struct PlanDocumentTests {
  private func plan(_ client: ManagementClient, _ more: String = "") throws -> JSON {
    try client.expect(
      200, "POST", "T/rollouts/plan",
      #"{"release":"app:1.0","policy":"evident"\#(more)}"#)
  }

  @Test func `a plan by evidence lists three courses, their risks and what was assumed`() throws {
    let service = try ManagementService()
    try write(
      #"{"name": "evident", "gate": {"soak": "1h"}, "onAbort": "rollback"}"#,
      to: "\(service.directory)/policies/evident.json")
    let client = try ManagementClient(service)
    try client.prepareFleet()
    let plan = try plan(client)
    #expect(plan["population"] == 4 && plan["stages"] == [])
    let forecast = try #require(plan["forecast"])
    #expect(
      forecast["strata"] == [
        ["label": "hardware=board-a", "devices": 3],
        ["label": "hardware=board-b", "devices": 1],
      ])
    for name in ["earliest", "expected", "latest"] {
      let steps = try #require(forecast[name]?["steps"]?.array)
      #expect(steps.last?["cumulative"] == 4)
      #expect(steps.first?["strata"] == [3, 1])
      #expect(steps.first?["upper"] == .decimal("1.00000"))
    }
    #expect(forecast["assumed"]?["failureRate"] == .decimal("0.00100"))
    #expect(forecast["assumed"]?["soakSeconds"] == 3600)
    #expect(forecast["firstExposureMax"] == 3)
    let latest = try #require(plan["latestSeconds"]?.integer)
    let earliest = try #require(plan["earliestSeconds"]?.integer)
    #expect(latest > earliest && earliest >= 3600)
  }

  @Test func `what is expected of a release changes the plan and nothing else`() throws {
    let service = try ManagementService()
    try write(
      #"{"name": "evident", "gate": {"soak": "1h"}}"#,
      to: "\(service.directory)/policies/evident.json")
    let client = try ManagementClient(service)
    try client.prepareFleet()
    let assumed = try plan(client, #","expect":"2%","install":"1h""#)["forecast"]?["assumed"]
    #expect(assumed?["failureRate"] == .decimal("0.02000") && assumed?["installSeconds"] == 3600)
    for wrong in [#","expect":2"#, #","expect":"101%""#, #","install":"-1m""#, #","hope":"0%""#] {
      _ = try client.expect(
        400, "POST", "T/rollouts/plan", #"{"release":"app:1.0","policy":"evident"\#(wrong)}"#)
    }
    _ = try client.expect(
      400, "POST", "T/rollouts",
      #"{"name":"r","release":"app:1.0","policy":"evident","expect":"1%"}"#)
  }
}
