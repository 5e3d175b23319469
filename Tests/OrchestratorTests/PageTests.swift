// PageTests: lists come in pages by id, complete and without repetition.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct PageTests {
  @Test func `pages of devices and of participants show each device once and in order`() throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    let names = (0..<23).map { "d\($0)" }
    for name in names { try shop.register(name) }
    try shop.roll("os-2", "os:2")
    for name in names { _ = try shop.poll(name) }
    var devices: [String] = []
    var parts: [String] = []
    for _ in 0..<6 {
      devices += try shop.plane.devices(
        in: shop.room, matching: nil, group: nil, after: devices.last, limit: 5
      ).map(\.device.key.device.text)
      parts += try shop.plane.participants(
        of: "os-2", in: shop.room, standing: .offered, after: parts.last, limit: 5
      ).map(\.part.action.device.text)
    }
    #expect(devices == names.sorted())
    #expect(parts == names.sorted())
    let none = try shop.plane.participants(
      of: "os-2", in: shop.room, standing: .failed, after: nil, limit: 0)
    #expect(none.isEmpty)
  }
}
