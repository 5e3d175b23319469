// CommandPropertyTests: random deliveries, lost answers, crashes of devices and restarts of the
// server: no command is lost, none is done twice, each ends.

import Orchestrator
import Testing
import UpdateModel

@Suite struct CommandPropertyTests {
  /// A device with its memory: what it has done it keeps, the rest goes with its power.
  private struct VirtualDevice {
    let name: String
    /// Commands that it did, and how they went; on its disk.
    var memory: [CommandID: CommandReport.Word] = [:]
    /// How often it really did each.
    var deeds: [CommandID: Int] = [:]
    /// Commands that it has taken and not done; in its memory only.
    var tasks: [CommandID] = []
  }

  @Test(arguments: UInt64(1)...24)
  func `commands are done at most once, are never lost and always end`(seed: UInt64) throws {
    var chance = Randomness(state: seed)
    let shop = try Workshop()
    var devices = try ["d1", "d2", "d3"].map { name in
      try shop.register(name)
      return VirtualDevice(name: name)
    }
    var sent: [(id: CommandID, device: Int)] = []
    for _ in 0..<400 {
      let index = Int(chance.next() % 3)
      switch chance.next() % 20 {
      case 0...3:
        let hours = Int64(1 + chance.next() % 40)
        // It is refused when too many wait.
        if let command = try? shop.send(
          "identify", to: devices[index].name, expiresIn: .hours(hours))
        {
          sent.append((command.id, index))
        }
      case 4:
        if let some = sent.randomElement(using: &chance) {
          // It is refused when it is too late for it.
          _ = try? shop.plane.cancelCommand(
            some.id, of: try DeviceID(devices[some.device].name), by: "bob", in: shop.room)
        }
      case 5...6: shop.pass(.minutes(Int64(chance.next() % 200)))
      case 7: try shop.restart()
      case 8: devices[index].tasks = []
      default: try act(&devices[index], shop, &chance)
      }
    }
    // Everybody calls until nothing is left; whoever never answers is given up by the clock.
    for _ in 0..<40 {
      for index in devices.indices { try act(&devices[index], shop, &chance) }
    }
    for _ in 0..<3 { shop.pass(.days(1)) }
    try check(sent, devices, shop, seed)
  }

  // One poll: what is shown is taken, tried, and answered; every answer may be lost on its way.
  private func act(
    _ device: inout VirtualDevice, _ shop: Workshop, _ chance: inout Randomness
  ) throws {
    for command in try shop.orders(device.name) where chance.next() % 4 != 0 {
      if let known = device.memory[command.id] {
        try answer(known, command.id, device, shop, &chance)
      } else if !device.tasks.contains(command.id) {
        device.tasks.append(command.id)
        if chance.next() % 2 == 0 {
          try answer(.accepted, command.id, device, shop, &chance)
        }
      }
    }
    for task in device.tasks where chance.next() % 2 == 0 {
      if chance.next() % 3 == 0 { try answer(.running, task, device, shop, &chance) }
      let word: CommandReport.Word = chance.next() % 4 == 0 ? .failed : .done
      device.deeds[task, default: 0] += 1
      device.memory[task] = word
      device.tasks.removeAll { $0 == task }
      try answer(word, task, device, shop, &chance)
    }
  }

  // Lost before the server, or after it; or said twice.
  private func answer(
    _ word: CommandReport.Word, _ id: CommandID, _ device: VirtualDevice, _ shop: Workshop,
    _ chance: inout Randomness
  ) throws {
    let copies = Int(chance.next() % 3)
    for _ in 0..<copies {
      guard case .accepted = try shop.say(word, id, device.name) else {
        Issue.record("command \(id) is not known")
        return
      }
    }
  }

  private func check(
    _ sent: [(id: CommandID, device: Int)], _ devices: [VirtualDevice], _ shop: Workshop,
    _ seed: UInt64
  ) throws {
    #expect(sent.count > 20, "seed \(seed)")
    #expect(Set(sent.map(\.id)).count == sent.count, "seed \(seed): a number was used twice")
    for device in devices {
      #expect(device.deeds.values.allSatisfy { $0 == 1 }, "seed \(seed): done twice")
    }
    var told = 0
    for (id, index) in sent {
      let device = devices[index]
      // One of more than a hundred may be forgotten; the history tells of the end of each.
      guard let command = try? shop.command(id, device.name) else { continue }
      told += 1
      let ending = try #require(command.ending, "seed \(seed): \(id) did not end")
      switch ending {
      case .done: #expect(device.memory[id] == .done, "seed \(seed), \(id)")
      case .failed: #expect(device.memory[id] == .failed, "seed \(seed), \(id)")
      case .rejected: Issue.record("seed \(seed): nobody rejects")
      case .expired, .cancelled:
        // It may have been done, when every word about it was lost.
        #expect(command.wasShown || device.memory[id] == nil, "seed \(seed), \(id)")
      }
    }
    #expect(told > sent.count / 2, "seed \(seed)")
    for (index, device) in devices.enumerated() {
      let history = try shop.orderHistory(device.name)
      for (id, owner) in sent where owner == index {
        #expect(
          history.contains { $0.contains("(command \(id) by") }, "seed \(seed): \(id) is lost")
      }
    }
  }
}

/// SplitMix64.
private struct Randomness: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
