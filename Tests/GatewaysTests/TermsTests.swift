// TermsTests: priorities, times, floors and approvals as the management interface takes them.

import Gateways
import HTTPClient
import Testing
import UpdateModel

struct TermsTests {
  @Test func `a rollout is created with its priority and its times`() throws {
    let client = try ManagementClient(try ManagementService())
    try client.prepareFleet()
    let made = try client.expect(
      201, "POST", "T/rollouts",
      #"{"name":"r1","release":1,"policy":"plain","priority":900,"#
        + #""startAt":"2999-01-01T01:00:00+01:00","endAt":"2999-01-02T00:00:00Z"}"#)
    #expect(made["status"] == "draft" && made["priority"] == 900)
    #expect(made["startAt"] == "2999-01-01T00:00:00Z" && made["endAt"] == "2999-01-02T00:00:00Z")
    #expect(made["reason"] == "starts by itself at 2999-01-01T00:00:00Z")
    let plain = try client.expect(
      201, "POST", "T/rollouts", #"{"name":"r2","release":1,"policy":"plain"}"#)
    #expect(plain["priority"] == 500 && plain["startAt"] == nil && plain["endAt"] == nil)
  }

  @Test(arguments: [
    (#""priority":1001"#, "priority"), (#""priority":-1"#, "priority"),
    (#""priority":"high""#, "priority"), (#""startAt":"2999-01-01T00:00:00""#, "startAt"),
    (#""startAt":7"#, "startAt"), (#""endAt":"tomorrow""#, "endAt"),
    (#""startAt":"2999-01-02T00:00:00Z","endAt":"2999-01-01T00:00:00Z""#, "endAt"),
    (#""startAt":"2999-01-02T00:00:00Z","start":true"#, "startAt"),
    (#""endAt":"2001-01-01T00:00:00Z""#, "endAt"),
  ])
  func `terms that cannot be are refused by name`(members: String, field: String) throws {
    let client = try ManagementClient(try ManagementService())
    try client.prepareFleet()
    let answer = try client.send(
      "POST", "T/rollouts", #"{"name":"r1","release":1,"policy":"plain",\#(members)}"#)
    #expect(answer.status == 400 || answer.status == 422, "\(answer.status)")
    #expect(answer.text.contains(field), "\(answer.text)")
    #expect(try client.expect(200, "GET", "T/rollouts")["items"] == [])
  }

  @Test func `a start is approved with a word for the history`() throws {
    let client = try ManagementClient(try ManagementService())
    try client.prepareFleet()
    let made = try client.expect(
      201, "POST", "T/rollouts",
      #"{"name":"r1","release":1,"policy":"plain","overrides":{"approve.before":"start"}}"#)
    #expect(made["reason"] == "waits for a person's approval before it starts")
    let refused = try client.expect(409, "POST", "T/rollouts/r1/start")
    #expect(refused["detail"]?.string?.contains("groundswell rollout approve r1") == true)
    let long = String(repeating: "x", count: 501)
    _ = try client.expect(400, "POST", "T/rollouts/r1/approve", #"{"comment":"\#(long)"}"#)
    _ = try client.expect(400, "POST", "T/rollouts/r1/approve", #"{"colour":"red"}"#)
    let approved = try client.expect(
      200, "POST", "T/rollouts/r1/approve", #"{"comment":"notes read"}"#)
    #expect(approved["approvedBy"] == "tester")
    _ = try client.expect(409, "POST", "T/rollouts/r1/approve")
    #expect(try client.expect(200, "POST", "T/rollouts/r1/start")["status"] == "running")
    let events = try client.expect(200, "GET", "T/rollouts/r1/events")["items"]?.array ?? []
    #expect(events.contains { $0["sentence"] == "start approved by tester: notes read" })
  }

  @Test func `a release is made with its floors`() throws {
    let client = try ManagementClient(try ManagementService())
    try client.prepareFleet()
    let made = try client.expect(
      201, "POST", "T/releases",
      #"{"name":"app","version":"2.0","artifacts":[1],"floor":"app:1.0","rollbackFloor":"self"}"#)
    #expect(made["floor"] == 1 && made["rollbackFloor"] == 2)
    #expect(try client.expect(200, "GET", "T/releases/2") == made)
    let plain = try client.expect(200, "GET", "T/releases/1")
    #expect(plain["floor"] == nil && plain["rollbackFloor"] == nil)
    let own = try client.expect(
      422, "POST", "T/releases",
      #"{"name":"app","version":"3.0","artifacts":[1],"floor":"app:3.0"}"#)
    #expect(own["detail"]?.string?.contains("cannot be its own floor") == true)
    _ = try client.expect(
      422, "POST", "T/releases", #"{"name":"app","version":"3.0","artifacts":[1],"floor":"app:7"}"#)
  }
}
