// UndoneBatchTests: a batch that comes to nothing leaves the labels of earlier ones good.

import Crypto
import FleetStore
import Orchestrator
import Testing
import UpdateModel

@Suite struct UndoneBatchTests {
  private let shop: Workshop

  init() throws { shop = try Workshop() }

  private func printed(_ count: Int) throws -> [ProvisionedDevice] {
    var request = BatchRequest(name: "printed", count: count)
    request.identifiers = .pattern(try DeviceIDPattern("unit-{n}"), from: 1)
    return try shop.plane.provision(request, by: "tester", in: shop.room).devices
  }

  private func enrols(_ place: ProvisionedDevice) throws -> Bool {
    let key = try CredentialPrivateKey.generate(.ed25519)
    var request = EnrolmentRequest(key: try OfferedKey(pem: key.publicKey.pem))
    request.claim = place.code.text
    request.signature = try key.sign(
      EnrolmentRequest.message(
        tenant: shop.room.tenant, claim: place.code.text, device: "", key: key.publicKey))
    guard case .enrolled(let device, _, _) = try shop.plane.enrol(request, in: shop.room) else {
      return false
    }
    return device == place.device
  }

  @Test func `a list with a device in it is refused before a place is touched`() throws {
    let places = try printed(600)
    #expect(try enrols(places[549]))
    var request = BatchRequest(name: "again", count: 600)
    request.identifiers = .listed(places.map(\.device))
    let asked = request
    let before = try history(of: places[0].device)
    let refusal = problem { _ = try shop.plane.provision(asked, by: "tester", in: shop.room) }
    #expect(refusal?.kind == .conflict && refusal?.detail.contains("unit-550") == true)
    #expect(shop.plane.batches(in: shop.room).map(\.batch.name) == ["printed"])
    #expect(try history(of: places[0].device) == before)
    #expect(try enrols(places[0]))
    try shop.restart()
    #expect(try enrols(places[1]))
  }

  private func history(of device: DeviceID) throws -> [String] {
    try shop.flush()
    return try shop.plane.moments(of: device, in: shop.room, before: nil, limit: 100).moments
      .map(\.text)
  }

  @Test func `a batch that a crash cut short gives back the codes that it had voided`() throws {
    let places = try printed(2)
    let id = places[0].device
    let known = try #require(shop.plane.overview(of: id, in: shop.room)?.device)
    // What a batch leaves that was killed after its first portion.
    var taken = known
    let code = DeviceClaim(
      digest: try #require(Digest(bytes: [UInt8](repeating: 7, count: 32))),
      expires: shop.clock.now + .days(1))
    taken.enrolment.join(batch: 2, with: code)
    let batch = try Batch(
      id: 2, name: "cut short", note: "", colour: nil, count: 600, hardware: nil, tags: [:],
      groups: [], expires: code.expires, ways: [.claim], createdAt: shop.clock.now,
      createdBy: "tester")
    let left: [Change] = [
      .document(shop.room.tenant, StoredDocument(.batch, id: "2", batch.document)), .device(taken),
    ]
    try shop.restart { store in _ = store.enqueue(left) }
    #expect(shop.plane.batches(in: shop.room).map(\.batch.id) == [1])
    #expect(shop.plane.batch(1, in: shop.room)?.counts == [.provisioned: 2])
    let now = try #require(shop.plane.overview(of: id, in: shop.room)?.device)
    #expect(now.enrolment == known.enrolment)
    try shop.restart()
    #expect(try enrols(places[0]) && enrols(places[1]))
  }
}
