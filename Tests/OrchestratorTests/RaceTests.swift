// RaceTests: what happens at the same time.

import Dispatch
import Orchestrator
import RolloutEngine
import Synchronization
import Testing
import UpdateModel

@Suite struct RaceTests {
  @Test func `a device that fits while it polls is offered the release`() throws {
    let shop = try Workshop()
    try shop.release("os", "2", hardware: "board-a")
    try shop.register("other", hardware: "board-a")
    try shop.roll("os-2", "os:2")
    let (plane, room) = (shop.plane, shop.room)
    let models = [try Name("board-a"), try Name("board-x")]
    for round in 0..<20 {
      let name = "d\(round)"
      try shop.register(name, hardware: "board-x")
      let id = try DeviceID(name)
      let isDone = Atomic(false)
      let done = DispatchSemaphore(value: 0)
      DispatchQueue.global().async {
        // Models that do not fit, one after the other, and at last one that does.
        for turn in 0..<40 {
          // A refusal would show in the hardware that is looked at.
          _ = try? plane.edit(id, in: room, hardware: models[1], tags: [("turn", "\(turn)")])
        }
        // As above.
        _ = try? plane.edit(id, in: room, hardware: models[0], tags: [])
        isDone.store(true, ordering: .releasing)
        done.signal()
      }
      while !isDone.load(ordering: .acquiring) { _ = try shop.poll(name) }
      done.wait()
      #expect(try shop.offer(name) != nil, "round \(round)")
    }
  }
}
