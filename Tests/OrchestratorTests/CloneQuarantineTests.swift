// CloneQuarantineTests: a device that seems to exist twice stays in quarantine, come what may.
//
// Changes that are handed to the store together have one ticket, and a ticket is one transaction.

import Orchestrator
import Testing
import UpdateModel

@Suite struct CloneQuarantineTests {
  private let shop: Workshop

  init() throws {
    shop = try Workshop()
    try shop.register("d1")
  }

  private func state(_ device: String) throws -> Lifecycle? {
    shop.plane.overview(of: try DeviceID(device), in: shop.room)?.device.state
  }

  /// Reports a boot; returns the ticket.
  @discardableResult
  private func boot(_ id: String) throws -> UInt64 {
    try shop.plane.report(by: try DeviceID("d1"), ["bootId": .string(id)], in: shop.room).ticket
  }

  @Test func `a clone that shows itself by its boots is in quarantine after a restart too`() throws
  {
    _ = try shop.plane.changeEnrolment(in: shop.room) { $0.quarantinesClones = true }
    for id in ["a", "b", "a"] { try boot(id) }
    let last = try boot("a")
    // The report itself, then the alert and the quarantine as one.
    #expect(try boot("b") == last + 2)
    #expect(try state("d1") == .quarantined)
    try shop.restart()
    #expect(try state("d1") == .quarantined)
    #expect(shop.plane.alerts(in: shop.room).map(\.kind) == [.clone])
  }

  @Test func `a clone is quarantined although people were told of it before`() throws {
    for id in ["a", "b", "a", "b"] { try boot(id) }
    #expect(try state("d1") == .active)
    try shop.restart()
    _ = try shop.plane.changeEnrolment(in: shop.room) { $0.quarantinesClones = true }
    for id in ["a", "b", "a", "b"] { try boot(id) }
    #expect(try state("d1") == .quarantined)
    #expect(shop.plane.alerts(in: shop.room).map(\.count) == [2])
    try shop.restart()
    #expect(try state("d1") == .quarantined)
  }
}
