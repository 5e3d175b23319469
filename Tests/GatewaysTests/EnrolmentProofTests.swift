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
}
