// ProvisionTests: batches, and what a restart must keep of enrolment.

import Crypto
import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct ProvisionTests {
  private func request(
    _ code: ClaimCode?, _ key: CredentialPrivateKey, in shop: Workshop
  ) throws -> EnrolmentRequest {
    var request = EnrolmentRequest(key: try OfferedKey(pem: key.publicKey.pem))
    request.claim = code?.text
    request.signature = try key.sign(
      EnrolmentRequest.message(
        tenant: shop.room.tenant, claim: code?.text ?? "", device: "", key: key.publicKey))
    return request
  }

  private func enrol(
    _ code: ClaimCode?, _ key: CredentialPrivateKey, in shop: Workshop
  ) throws -> DeviceID? {
    let answer = try shop.plane.enrol(try request(code, key, in: shop), in: shop.room)
    switch answer {
    case .enrolled(let device, _, _), .repeated(let device, _, _): return device
    case .pending: return nil
    }
  }

  private func accepts(_ key: CredentialPrivateKey, as device: String, in shop: Workshop) -> Bool {
    let found = Array(device.utf8).withUnsafeBytes { id in
      shop.plane.authenticate(
        shop.room, device: id, token: UnsafeRawBufferPointer(start: nil, count: 0),
        key: key.publicKey.fingerprint)
    }
    return found != nil
  }

  @Test func `a large batch is all there, and no two codes are alike`() throws {
    let shop = try Workshop()
    var request = BatchRequest(name: "large", count: 5001)
    request.identifiers = .pattern(try DeviceIDPattern("unit-{n}"), from: 1)
    request.groups = [try Name("pilot")]
    let made = try shop.plane.provision(request, by: "tester", in: shop.room)
    #expect(made.batch.isComplete && Set(made.devices.map(\.code)).count == 5001)
    #expect(made.devices.first?.device.text == "unit-0001")
    #expect(shop.plane.deviceCount(in: shop.room) == 5001)
    #expect(shop.plane.groups(in: shop.room).first?.memberCount == 5001)
    try shop.restart()
    let view = try #require(shop.plane.batch(made.batch.id, in: shop.room))
    #expect(view.batch.isComplete && view.counts == [.provisioned: 5001])
    let last = try #require(made.devices.last)
    let key = try CredentialPrivateKey.generate(.p256)
    #expect(try enrol(last.code, key, in: shop) == last.device)
    #expect(
      shop.plane.batch(made.batch.id, in: shop.room)?.counts
        == [.provisioned: 5000, .enrolled: 1])
  }

  @Test func `a device that gets a token by hand is counted as enrolled in its batch`() throws {
    let shop = try Workshop()
    var request = BatchRequest(name: "two", count: 2)
    request.identifiers = .pattern(try DeviceIDPattern("unit-{n}"), from: 1)
    let made = try shop.plane.provision(request, by: "tester", in: shop.room)
    let device = try #require(made.devices.first?.device)
    _ = try shop.plane.renewToken(of: device, in: shop.room)
    #expect(
      shop.plane.batch(made.batch.id, in: shop.room)?.counts == [.provisioned: 1, .enrolled: 1])
  }

  @Test func `a batch that cannot be whole leaves nothing behind`() throws {
    let shop = try Workshop()
    try shop.register("unit-0700")
    _ = try shop.plane.makePlace(
      for: try Registration(
        device: try DeviceID("unit-0100"), hardware: nil, tags: ["a": "b"], token: nil),
      by: "tester", in: shop.room)
    var request = BatchRequest(name: "doomed", count: 1000)
    request.identifiers = .pattern(try DeviceIDPattern("unit-{n}"), from: 1)
    #expect(throws: Problem.self) {
      try shop.plane.provision(request, by: "tester", in: shop.room)
    }
    // The place that was there before stays, without a code.
    func check() throws {
      #expect(shop.plane.deviceCount(in: shop.room) == 2)
      #expect(shop.plane.batches(in: shop.room).isEmpty)
      let place = try #require(
        shop.plane.overview(of: try DeviceID("unit-0100"), in: shop.room)?.device)
      #expect(place.state == .provisioned && place.enrolment.batch == nil)
      #expect(place.enrolment.claim == nil && place.tags == ["a": "b"])
    }
    try check()
    try shop.restart()
    try check()
  }

  @Test func `a place gets a new code when it is named, and not by a pattern`() throws {
    let shop = try Workshop()
    var request = BatchRequest(name: "first", count: 2)
    request.identifiers = .pattern(try DeviceIDPattern("unit-{n}"), from: 1)
    let first = try shop.plane.provision(request, by: "tester", in: shop.room).devices
    let again = request
    #expect(throws: Problem.self) {
      try shop.plane.provision(again, by: "tester", in: shop.room)
    }
    request.identifiers = .listed([first[0].device])
    let new = try shop.plane.provision(request, by: "tester", in: shop.room).devices
    let key = try CredentialPrivateKey.generate(.p256)
    #expect(throws: Problem.self) { try enrol(first[0].code, key, in: shop) }
    #expect(try enrol(new[0].code, key, in: shop) == first[0].device)
    // One that lost its key comes back the same way, with another one.
    let print = key.publicKey.fingerprint.hex
    _ = try shop.plane.revoke(print, of: first[0].device, by: "tester", in: shop.room)
    let last = try shop.plane.provision(request, by: "tester", in: shop.room).devices
    #expect(throws: Problem.self) { try enrol(last[0].code, key, in: shop) }
    let next = try CredentialPrivateKey.generate(.p256)
    #expect(try enrol(last[0].code, next, in: shop) == first[0].device)
  }

  @Test func `limits of a batch are told`() throws {
    let shop = try Workshop()
    func fails(_ change: (inout BatchRequest) throws -> Void) throws -> Bool {
      var request = BatchRequest(name: "b", count: 1)
      try change(&request)
      let asked = request
      do {
        _ = try shop.plane.provision(asked, by: "tester", in: shop.room)
        return false
      } catch { return true }
    }
    #expect(try fails { $0.count = 0 })
    #expect(try fails { $0.count = Batch.countMax + 1 })
    #expect(try fails { $0.name = "" })
    #expect(try fails { $0.name = "two\nlines" })
    #expect(try fails { $0.colour = "#12345" })
    #expect(try fails { $0.lifetime = .seconds(59) })
    #expect(try fails { $0.identifiers = .listed([try DeviceID("a"), try DeviceID("a")]) })
    #expect(shop.plane.deviceCount(in: shop.room) == 0)
    #expect(try !fails { $0.colour = "#A0b1c2" })
  }

  @Test func `a restart keeps keys, used codes, revocations and rules`() throws {
    let shop = try Workshop()
    let made = try shop.plane.provision(
      BatchRequest(name: "b", count: 3), by: "tester", in: shop.room)
    let keys = try made.devices.map { _ in try CredentialPrivateKey.generate(.ed25519) }
    for (place, key) in zip(made.devices, keys) {
      #expect(try enrol(place.code, key, in: shop) == place.device)
      #expect(accepts(key, as: place.device.text, in: shop))
    }
    _ = try shop.plane.revoke(
      keys[1].publicKey.fingerprint.hex, of: made.devices[1].device, by: "tester", in: shop.room)
    _ = try shop.plane.retire(made.devices[2].device, because: "", by: "tester", in: shop.room)
    _ = try shop.plane.changeEnrolment(in: shop.room) { $0.ways = [.manual] }
    let stranger = try CredentialPrivateKey.generate(.p256)
    #expect(try enrol(nil, stranger, in: shop) == nil)
    #expect(throws: Problem.self) { try enrol(made.devices[0].code, stranger, in: shop) }
    try shop.restart()
    let valid = zip(made.devices, keys).map { accepts($1, as: $0.device.text, in: shop) }
    #expect(valid == [true, false, false])
    #expect(try enrol(nil, keys[0], in: shop) == made.devices[0].device)
    for key in [keys[1], keys[2]] {
      #expect(throws: Problem.self) { try enrol(nil, key, in: shop) }
    }
    let other = try CredentialPrivateKey.generate(.p256)
    #expect(throws: Problem.self) { try enrol(made.devices[0].code, other, in: shop) }
    #expect(shop.plane.enrolmentSettings(in: shop.room).ways == [.manual])
    #expect(shop.plane.pendingEnrolments(in: shop.room).count == 1)
    #expect(shop.plane.alerts(in: shop.room).map(\.kind) == [.claimReused])
  }

  @Test func `devices that are not there do not count in a plan`() throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    for device in ["d1", "d2"] { try shop.register(device, version: "1") }
    var request = BatchRequest(name: "later", count: 5)
    request.hardware = try Name("board-a")
    _ = try shop.plane.provision(request, by: "tester", in: shop.room)
    _ = try shop.plane.retire(try DeviceID("d2"), because: "", by: "tester", in: shop.room)
    try shop.roll("os-2", "os:2")
    #expect(try shop.rollout("os-2").stages.map(\.plan.size) == [1])
    try shop.update("d1", to: "2")
    #expect(try shop.standing("d1", "os-2") == .succeeded)
  }
}
