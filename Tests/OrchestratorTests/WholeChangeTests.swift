// WholeChangeTests: what belongs together becomes durable at the same time, and in its order.
//
// Changes that are handed to the store together have one ticket, and a ticket is one transaction.

import Crypto
import Orchestrator
import Testing
import UpdateModel

@Suite struct WholeChangeTests {
  private let shop: Workshop

  init() throws {
    shop = try Workshop()
    for device in ["d1", "d2", "d3"] { try shop.register(device) }
  }

  private func state(_ device: String) throws -> Lifecycle? {
    shop.plane.overview(of: try DeviceID(device), in: shop.room)?.device.state
  }

  private func mark() throws -> UInt64 {
    try shop.plane.quarantine(try DeviceID("d3"), because: "", by: "tester", in: shop.room)
  }

  @Test func `an upload of keys is one change`() throws {
    let list = try (1...50).map { number in
      Preauthorisation(
        device: try DeviceID("new-\(number)"), hardware: nil,
        key: try CredentialPrivateKey.generate(.ed25519).publicKey)
    }
    let before = try mark()
    #expect(try shop.plane.preauthorise(list, by: "tester", in: shop.room) == before + 1)
    try shop.restart()
    #expect(shop.plane.deviceCount(in: shop.room) == 53)
  }

  @Test func `the end of a device and its heir are one change`() throws {
    try shop.send("identify", to: "d1")
    try shop.send("identify", to: "d2")
    let before = try mark()
    let replaced = try shop.plane.replace(
      try DeviceID("d1"), with: try DeviceID("heir"), expires: shop.clock.now + .days(1),
      by: "tester", in: shop.room)
    #expect(replaced.ticket == before + 1)
    let retired = try shop.plane.retire(
      try DeviceID("d2"), because: "", by: "tester", in: shop.room)
    #expect(retired == before + 2)
    try shop.restart()
    #expect(try state("d1") == .retired && state("d2") == .retired)
    #expect(try state("heir") == .provisioned)
  }

  @Test func `a device that is replaced leaves its place in a job to others`() throws {
    try shop.startJob("slow", "identify", concurrent: 1)
    let id = try #require(try shop.orders("d1").first).id
    #expect(try shop.orders("d2").isEmpty)
    _ = try shop.plane.replace(
      try DeviceID("d1"), with: try DeviceID("heir"), expires: shop.clock.now + .days(1),
      by: "tester", in: shop.room)
    #expect(try shop.command(id, "d1").ending != nil)
    #expect(try shop.orders("d2").count == 1)
  }
}
