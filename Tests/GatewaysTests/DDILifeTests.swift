// DDILifeTests: what becomes of an update while time passes: proof, doubt, silence, another try.

import HTTPClient
import Testing
import UpdateModel

struct DDILifeTests {
  private let fleet: DDIFleet
  private let device: DDIDevice

  init() throws {
    fleet = try DDIFleet()
    device = try fleet.deviceInRollout()
  }

  private func failure() throws -> String? { try fleet.part()["failure"]?["cause"]?.string }

  @Test func `success counts once the device polls and says what it runs`() throws {
    let action = try device.take()
    #expect(try device.report("closed", "success", action) == 200)
    #expect(try fleet.standing() == "verifying")
    // Zephyr polls again at once: the link must be gone, or it installs again.
    #expect(try device.relations() == ["configData"])
    #expect(try fleet.standing() == "verifying")
    fleet.pass(.minutes(1))
    try device.describe(version: "1.0")
    #expect(try fleet.standing() == "verifying")
    #expect(try device.relations() == [])
    #expect(try fleet.standing() == "succeeded")
    fleet.pass(.days(7))
    #expect(try device.relations() == [])
    #expect(try fleet.standing() == "succeeded")
  }

  @Test func `a device that still runs the old version is asked again and fails after its grace`()
    throws
  {
    let action = try device.take()
    #expect(try device.report("closed", "success", action) == 200)
    for _ in 0..<3 {
      fleet.pass(.minutes(3))
      #expect(try device.relations() == ["configData"])
      try device.describe(version: "0.9")
      #expect(try fleet.standing() == "verifying")
    }
    #expect(try device.relations() == ["configData"])
    fleet.pass(.minutes(1))
    #expect(try device.relations() == ["configData"])
    #expect(try fleet.standing() == "retrying")
    #expect(try failure() == "wrong-version")
  }

  @Test func `an old word about the version proves nothing`() throws {
    let action = try device.take()
    #expect(try device.report("closed", "success", action) == 200)
    fleet.pass(.minutes(30))
    #expect(try device.relations() == ["configData"])
    #expect(try fleet.standing() == "verifying")
    fleet.pass(.minutes(90))
    #expect(try fleet.standing() == "retrying")
    #expect(try failure() == "wrong-version")
  }

  @Test func `a device that never says what it runs is unverified`() throws {
    let fleet = try DDIFleet()
    let mute = try fleet.device("mute")
    try fleet.start()
    let action = try mute.take()
    #expect(try mute.report("closed", "success", action) == 200)
    #expect(try fleet.standing("mute") == "verifying")
    #expect(try mute.relations() == ["configData"])
    #expect(try fleet.standing("mute") == "unverified")
    // The question stays; an answer is still worth something.
    try mute.describe(version: "1.0")
    #expect(try mute.relations() == [])
    #expect(try fleet.standing("mute") == "succeeded")
  }

  @Test func `a device that falls back later is seen`() throws {
    let action = try device.take()
    #expect(try device.report("closed", "success", action) == 200)
    fleet.pass(.minutes(1))
    try device.describe(version: "1.0")
    #expect(try device.relations() == [])
    fleet.pass(.minutes(1))
    try device.describe(version: "0.9")
    #expect(try device.relations() == [])
    #expect(try fleet.standing() == "failed")
    #expect(try failure() == "reverted")
  }

  @Test func `a device that runs the release already is offered nothing`() throws {
    try device.describe(version: "1.0")
    #expect(try device.relations() == [])
    #expect(try fleet.standing() == "none")
  }

  @Test(arguments: ["installing", "verifying"])
  func `a device that falls silent is lost, and found when it polls again`(phase: String) throws {
    let action = try device.take()
    let word = phase == "verifying" ? "closed" : "downloaded"
    #expect(try device.report(word, "success", action) == 200)
    #expect(try fleet.standing() == phase)
    fleet.pass(.seconds(phase == "verifying" ? 7199 : 3599))
    #expect(try fleet.standing() == phase)
    fleet.pass(.seconds(1))
    #expect(try fleet.standing() == "lost")
    #expect(try device.status("GET", "deploymentBase/\(action)") == 404)
    _ = try device.relations()
    #expect(try fleet.standing() == "retrying")
    // It was away because it rebooted into the release.
    try device.describe(version: "1.0")
    _ = try device.relations()
    #expect(try fleet.standing() == "succeeded")
  }

  @Test(arguments: [("offered", 15), ("downloading", 120)])
  func `a lease that expires is given again under a new number after a while`(
    phase: String, minutes: Int64
  ) throws {
    let first = try #require(try device.offer())
    if phase == "downloading" { _ = try device.get("deploymentBase/\(first)") }
    fleet.pass(.seconds(minutes * 60 - 1))
    #expect(try fleet.standing() == phase)
    #expect(try device.offer() == first)
    fleet.pass(.seconds(1))
    #expect(try fleet.standing() == "retrying")
    #expect(try failure() == "timeout")
    #expect(try device.relations() == [])
    #expect(try device.status("GET", "deploymentBase/\(first)") == 404)
    fleet.pass(.seconds(299))
    #expect(try device.relations() == [])
    fleet.pass(.seconds(1))
    let second = try #require(try device.offer())
    #expect(second != first)
    #expect(try fleet.part()["attempt"] == 2)
    #expect(try device.status("GET", "deploymentBase/\(first)") == 404)
    #expect(try device.status("GET", "deploymentBase/\(second)") == 200)
  }

  @Test func `a device in its backoff sleeps no longer than that`() throws {
    let action = try device.take()
    #expect(try device.report("closed", "failure", action) == 200)
    fleet.pass(.minutes(4))
    let sleep = try device.get("")["config"]?["polling"]?["sleep"]?.string
    #expect(sleep == "00:01:01")
  }

  @Test func `a postponement uses up no attempt`() throws {
    for round in 1...4 {
      let action = try device.take()
      #expect(try device.report("rejected", "none", action) == 200)
      #expect(try device.report("rejected", "none", action) == 200)
      #expect(try device.relations() == [])
      #expect(try fleet.part()["attempt"] == 1, "round \(round)")
      fleet.pass(.minutes(5))
    }
    #expect(try device.offer() != nil)
  }

  @Test func `a pause hides what was not fetched, and a resume shows it again`() throws {
    let other = try fleet.device("d2")
    let started = try other.take()
    let action = try #require(try device.offer())
    try fleet.steer("pause")
    #expect(try device.relations() == [])
    #expect(try device.status("GET", "deploymentBase/\(action)") == 404)
    #expect(try fleet.standing() == "offered")
    // What has begun goes on, and its time stands still for nobody.
    #expect(try other.offer() == started)
    #expect(try other.status("GET", "deploymentBase/\(started)") == 200)
    let late = try fleet.device("d3")
    #expect(try late.relations() == ["configData"])
    fleet.pass(.minutes(60))
    #expect(try fleet.standing() == "offered")
    try fleet.steer("resume")
    #expect(try device.offer() == action)
    #expect(try device.status("GET", "deploymentBase/\(action)") == 200)
    #expect(try late.offer() != nil)
  }

  @Test func `a device works through its attempts and is then left alone`() throws {
    var seen: Set<String> = []
    for attempt in 1...2 {
      let action = try device.take()
      #expect(seen.insert(action).inserted)
      #expect(try fleet.part()["attempt"]?.integer == Int64(attempt))
      #expect(try device.report("closed", "failure", action) == 200)
      #expect(try device.relations() == [])
      fleet.pass(.hours(1))
    }
    #expect(try fleet.standing() == "failed")
    fleet.pass(.days(1))
    #expect(try device.relations() == [])
  }
}
