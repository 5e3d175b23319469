// DDICancelTests: an update that an operator stops while devices are at it.

import HTTPClient
import Testing
import UpdateModel

struct DDICancelTests {
  @Test func `an abort reaches the device at its very next poll`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    #expect(try device.relations() == ["deploymentBase"])
    try fleet.steer("abort")
    let links = try device.links()
    #expect(links.map(\.key) == ["cancelAction"])
    // No query: clients append `/feedback` to this link.
    #expect(links.first?.value["href"]?.string == "\(device.link)/cancelAction/\(action)")
    #expect(try device.status("GET", "deploymentBase/\(action)") == 404)
    #expect(
      try device.get("cancelAction/\(action)")
        == ["id": .string(action), "cancelAction": ["stopId": .string(action)]])
    #expect(try device.relations() == ["cancelAction"])
    #expect(try fleet.standing() == "downloading")
  }

  @Test func `an abort is felt by a device that polled just before`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let slow = try fleet.device("d2")
    let action = try device.take()
    let offered = try #require(try slow.offer())
    try fleet.steer("abort")
    // Nobody begins a download of a release that was just stopped.
    #expect(try slow.status("GET", "deploymentBase/\(offered)") == 404)
    #expect(try fleet.standing("d2") == "offered")
    #expect(try device.status("GET", "deploymentBase/\(action)") == 404)
    #expect(try device.status("GET", "cancelAction/\(action)") == 200)
    #expect(try device.report("closed", "success", action, to: "cancelAction") == 200)
    #expect(try fleet.standing() == "cancelled")
  }

  @Test func `each answer to the question has its effect`() throws {
    let fleet = try DDIFleet()
    var devices: [(DDIDevice, execution: String, finished: String)] = []
    for execution in DDIFeedbackTests.executions {
      for finished in ["success", "failure", "none"] {
        devices.append((try fleet.device("\(execution)-\(finished)"), execution, finished))
      }
    }
    for device in devices { try device.0.describe(version: "0.9") }
    try fleet.start()
    let actions = try devices.map { try $0.0.take() }
    try fleet.steer("abort")
    for ((device, execution, finished), action) in zip(devices, actions) {
      #expect(try device.relations() == ["cancelAction"])
      #expect(try device.report(execution, finished, action, to: "cancelAction") == 200)
      let (standing, relations): (String, [String]) =
        switch (execution, finished) {
        case ("closed", "failure"), ("rejected", _): ("downloading", ["deploymentBase"])
        case ("closed", _), ("canceled", _): ("cancelled", [])
        default: ("downloading", ["cancelAction"])
        }
      #expect(try fleet.standing(device.id) == standing, "\(device.id)")
      #expect(try device.relations() == relations, "\(device.id)")
      // The same answer once more changes nothing.
      #expect(try device.report(execution, finished, action, to: "cancelAction") == 200)
      #expect(try device.relations() == relations, "\(device.id)")
    }
  }

  @Test func `a device that has not fetched anything is not asked`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try #require(try device.offer())
    try fleet.steer("abort")
    #expect(try device.relations() == [])
    #expect(try fleet.standing() == "cancelled")
    #expect(try device.status("GET", "deploymentBase/\(action)") == 404)
    #expect(try device.status("GET", "cancelAction/\(action)") == 404)
    #expect(try device.report("closed", "success", action, to: "cancelAction") == 200)
  }

  @Test func `nobody can answer a question that was not asked`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    #expect(try device.status("GET", "cancelAction/\(action)") == 404)
    for (execution, finished) in [
      ("closed", "success"), ("closed", "failure"), ("canceled", "none"), ("rejected", "none"),
      ("proceeding", "none"),
    ] {
      #expect(try device.report(execution, finished, action, to: "cancelAction") == 405)
    }
    #expect(try device.report("closed", "success", "99", to: "cancelAction") == 404)
    #expect(try fleet.standing() == "downloading")
    // A refusal in advance must not keep the device from being asked.
    try fleet.steer("abort")
    #expect(try device.relations() == ["cancelAction"])
    #expect(try device.report("closed", "success", action, to: "cancelAction") == 200)
  }

  @Test func `a device between attempts has nothing to stop`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    #expect(try device.report("closed", "failure", action) == 200)
    #expect(try device.report("closed", "success", action, to: "cancelAction") == 405)
    #expect(try fleet.standing() == "retrying")
  }

  @Test func `a device that went ahead is believed`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    try fleet.steer("abort")
    #expect(try device.relations() == ["cancelAction"])
    #expect(try device.report("closed", "success", action) == 200)
    #expect(try fleet.standing() == "verifying")
    #expect(try device.relations() == ["configData"])
    try device.describe(version: "1.0")
    #expect(try device.relations() == [])
    #expect(try fleet.standing() == "succeeded")
  }

  @Test func `a failure while being asked ends the part of the device`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    try fleet.steer("abort")
    #expect(try device.relations() == ["cancelAction"])
    #expect(try device.report("closed", "failure", action) == 200)
    #expect(try fleet.standing() == "cancelled")
    #expect(try device.relations() == [])
  }

  @Test func `a question that nobody answers expires`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    _ = try device.take()
    try fleet.steer("abort")
    #expect(try device.relations() == ["cancelAction"])
    fleet.pass(.hours(1))
    #expect(try device.relations() == ["cancelAction"])
    fleet.pass(.hours(1))
    #expect(try fleet.standing() == "cancelled")
    #expect(try device.relations() == [])
  }
}
