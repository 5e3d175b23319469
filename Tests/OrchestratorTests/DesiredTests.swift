// DesiredTests: what devices are told of their desired properties is on the disk before.

import Orchestrator
import Testing
import UpdateModel

@Suite struct DesiredTests {
  @Test func `an answer that shows desired properties waits until they are written`() throws {
    let shop = try Workshop()
    try shop.register("d1")
    guard case .briefing(let first) = try shop.brief("d1") else { throw Unexpected() }
    #expect(first.desiredTicket == 0)
    let (section, ticket) = try shop.plane.changeTwin(
      of: try DeviceID("d1"), .desired, by: ["colour": "red"], in: shop.room)
    guard case .briefing(let second) = try shop.brief("d1") else { throw Unexpected() }
    #expect(second.desired == section)
    #expect(second.desiredTicket >= ticket && ticket > 0)
    #expect(shop.plane.lastTicket(in: shop.room) >= ticket)
  }
}
