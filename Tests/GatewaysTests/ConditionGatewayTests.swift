// ConditionGatewayTests: devices that are held back, as DDI clients and people see them.

import Gateways
import HTTPClient
import Testing
import UpdateModel

@Suite struct ConditionGatewayTests {
  private func start(_ fleet: DDIFleet, _ overrides: String, more: String = "") throws {
    _ = try fleet.desk.expect(
      201, "POST", "T/rollouts",
      #"{"name":"r1","release":1,"policy":"devices","start":true,"#
        + #""overrides":\#(overrides)\#(more)}"#
    )
  }

  private func say(_ device: DDIDevice, _ data: String) throws {
    #expect(try device.status("PUT", "configData", #"{"mode":"merge","data":\#(data)}"#) == 200)
  }

  @Test func `a DDI device is offered nothing until it may download and install, and never a skip`()
    throws
  {
    let fleet = try DDIFleet()
    let device = try fleet.device()
    try say(device, #"{"version":"0.9","inUse":"true","battery.percent":"80"}"#)
    try start(
      fleet,
      #"{"conditions":{"download":{"batteryAtLeast":"30%"},"install":{"notInUse":true}}}"#)
    #expect(try device.offer() == nil)
    #expect(try fleet.standing() == "waiting")
    let aside = try fleet.part()["aside"]
    #expect(aside?["why"] == "waiting" && aside?["kind"] == "in-use")
    #expect(aside?["since"] == "2030-03-17T17:46:40Z" && aside?["putOffSince"] == aside?["since"])
    #expect(try fleet.part()["attempt"] == 0 && fleet.part()["grantedAt"] == nil)
    try say(device, #"{"inUse":"false","battery.percent":"20"}"#)
    #expect(try device.offer() == nil)
    #expect(try fleet.part()["aside"]?["kind"] == "battery")
    try say(device, #"{"battery.percent":"30"}"#)
    let action = try device.take()
    let deployment = try device.get("deploymentBase/\(action)")["deployment"]
    #expect(deployment?["download"] == "forced" && deployment?["update"] == "forced")
    #expect(deployment?["maintenanceWindow"] == nil)
    // A client that downloads cannot pause, so it finishes what it began.
    try say(device, #"{"inUse":"true"}"#)
    #expect(try device.offer() == action)
    #expect(try device.report("closed", "success", action) == 200)
    try device.describe(version: "1.0")
    _ = try device.links()
    #expect(try fleet.standing() == "succeeded")
  }

  @Test func `a DDI device is told to call when the time that it wishes for begins`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.device()
    try say(device, #"{"version":"0.9","autoUpdate":"at 17:47-18:00"}"#)
    try start(fleet, "{}")
    // It is 17:46:40 UTC.
    let answer = try device.get("")
    #expect(answer["config"]?["polling"]?["sleep"] == "00:00:21")
    #expect(answer["_links"]?["deploymentBase"] == nil)
    fleet.pass(.seconds(20))
    #expect(try device.offer() != nil)
  }

  @Test func `a person decides about a device that puts its update off for too long`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    _ = try fleet.desk.expect(
      200, "POST", "T/rollouts/r1/amend",
      #"{"overrides":{"postpone.then":"ask","postpone.times":1}}"#)
    _ = try fleet.desk.expect(404, "POST", "T/rollouts/r1/devices/d1/force")
    _ = try #require(try device.offer())
    _ = try fleet.desk.expect(409, "POST", "T/rollouts/r1/devices/d1/force")
    for _ in 0..<2 {
      let action = try device.take()
      #expect(try device.report("rejected", "none", action) == 200)
      fleet.pass(.minutes(6))
    }
    #expect(try fleet.standing() == "undecided" && device.offer() == nil)
    let list = try fleet.desk.expect(200, "GET", "T/rollouts/r1/devices?standing=undecided")
    #expect(list["items"]?.array?.count == 1)
    let story = try fleet.desk.expect(200, "GET", "T/rollouts/r1/explain")["story"]?.array ?? []
    #expect(story.contains { $0["topic"] == "undecided" })
    let explained = try fleet.desk.expect(200, "GET", "T/rollouts/r1/explain?device=d1")
    #expect(explained["next"]?.string?.contains("groundswell rollout force r1 d1") == true)
    let forced = try fleet.desk.expect(200, "POST", "T/rollouts/r1/devices/d1/force")
    let aside = forced["action"]?["aside"]
    #expect(aside?["ruling"] == "forced" && aside?["ruledBy"] == "tester" && aside?["times"] == 2)
    let action = try device.take()
    #expect(try device.report("rejected", "none", action) == 200)
    let gone = try fleet.desk.expect(200, "POST", "T/rollouts/r1/devices/d1/let-go")
    #expect(gone["action"]?["standing"] == "undelivered")
    let events = try fleet.desk.expect(200, "GET", "T/rollouts/r1/events")["items"]?.array ?? []
    #expect(events.contains { $0["sentence"] == "tester let d1 go" })
    _ = try fleet.desk.expect(404, "POST", "T/rollouts/r1/devices/nobody/force")
    _ = try fleet.desk.expect(400, "POST", "T/rollouts/r1/devices/d1/force", #"{"x":1}"#)
  }

  @Test func `a release says what it asks for and shows it again`() throws {
    let client = try ManagementClient(try ManagementService())
    try client.prepareFleet()
    let made = try client.expect(
      201, "POST", "T/releases",
      #"{"name":"app","version":"2.0","artifacts":[1],"security":true,"prepare":"stop-motors","#
        + #""conditions":{"install":{"temperature":{"min":-10.5}}}}"#)
    #expect(made["security"] == true && made["prepare"] == "stop-motors" && made["resume"] == nil)
    #expect(made["conditions"]?["install"]?["temperature"]?["min"] == .decimal("-10.5"))
    #expect(try client.expect(200, "GET", "T/releases/2") == made)
    for (member, field) in [
      (#""conditions":{"install":{"notInUse":7}}"#, "conditions.install.notInUse"),
      (#""security":"yes""#, "security"), (#""prepare":"two words""#, "prepare"),
    ] {
      let refused = try client.expect(
        400, "POST", "T/releases", #"{"name":"app","version":"3.0","artifacts":[1],\#(member)}"#)
      #expect(refused["detail"]?.string?.contains(field) == true, "\(refused)")
    }
  }

  @Test func `a rollout for security says so`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.device()
    try say(device, #"{"version":"0.9","autoUpdate":"manual"}"#)
    try start(fleet, #"{"securityOverrides":true}"#, more: #","override":"security""#)
    #expect(try fleet.desk.expect(200, "GET", "T/rollouts/r1")["override"] == "security")
    #expect(try device.offer() != nil)
    _ = try fleet.desk.expect(
      400, "POST", "T/rollouts",
      #"{"name":"r2","release":1,"policy":"devices","override":"haste"}"#)
  }
}
