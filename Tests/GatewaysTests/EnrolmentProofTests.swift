// EnrolmentProofTests: what comes with a request to become a device counts only with a proof of it.

import Crypto
import HTTPClient
import Orchestrator
import Testing
import UpdateModel

@Suite struct EnrolmentProofTests {
  private let clock = MovableClock()
  private let service: ManagementService
  private let desk: ManagementClient

  init() throws {
    service = try ManagementService(clock: clock)
    desk = try ManagementClient(service)
  }

  @Test func `without a proof of the key nothing else that was sent is looked at`() throws {
    let code = try desk.provision(one: "d1")
    let unit = try EnrollingUnit(service)
    let many = JSON.object((0...Twin.patchPropertiesMax).map { JSON.Member("k\($0)", 1) })
    let reported = [JSON.Member("reported", many)]
    let stranger = try unit.enrol(claim: code, signing: "", reported)
    #expect(stranger.status == 403 && stranger.text.contains("does not prove"))
    // With a proof it is told what is wrong, and nothing has happened.
    let owner = try unit.enrol(claim: code, reported)
    #expect(owner.status == 400 && owner.text.contains("a patch names 2001 properties"))
    #expect(try unit.enrol(claim: code, [JSON.Member("reported", ["update": 1])]).status == 400)
    #expect(try desk.expect(200, "GET", "T/devices/d1")["state"] == "provisioned")
    #expect(try unit.enrol(claim: code, [JSON.Member("reported", ["a": 1])]).status == 201)
  }

  @Test func `a request that is sent again changes nothing about its device`() throws {
    let code = try desk.provision(one: "d1")
    let unit = try EnrollingUnit(service)
    // A signing request proves the key whoever sends it, and however often.
    let request = try unit.key.signingRequest(commonName: "d1")
    func send(_ version: JSON) throws -> HTTPResponse {
      try unit.send(
        "POST", "enrol",
        .members([
          "key": .string(request), "claim": .string(code), "reported": ["version": version],
        ]))
    }
    #expect(try send("1.0").status == 201)
    let before = try desk.expect(200, "GET", "T/devices/d1")
    #expect(before["version"] == "1.0")
    clock.move(by: .minutes(5))
    let again = try send("9.9")
    #expect(again.status == 201 && again.text.contains(#""device":"d1""#))
    #expect(try desk.expect(200, "GET", "T/devices/d1")["version"] == "1.0")
    let seen = try desk.expect(200, "GET", "T/devices/d1")["lastSeen"]
    #expect(seen == before["lastSeen"])
    // With its session the device says what it likes.
    let token = try #require(try unit.session(as: "d1"))
    let patch = try unit.send(
      "PATCH", "d1/twin", ["reported": ["version": "9.9"]], token: token)
    #expect(patch.status == 200)
    #expect(try desk.expect(200, "GET", "T/devices/d1")["version"] == "9.9")
  }

  @Test func `a key whose time is over enrols no more`() throws {
    let code = try desk.provision(one: "d1")
    let old = try EnrollingUnit(service)
    #expect(try old.enrol(claim: code).status == 201)
    let token = try #require(try old.session(as: "d1"))
    let next = try EnrollingUnit(service)
    #expect(try old.rotate(to: next, as: "d1", token: token).status == 201)
    #expect(try old.enrol().status == 201)
    clock.move(by: .days(400))
    let late = try old.enrol()
    #expect(late.status == 403 && late.text.contains("counts no more"))
    #expect(try next.enrol().status == 201)
  }
}
