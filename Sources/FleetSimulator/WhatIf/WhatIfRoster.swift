// WhatIfRoster: the virtual fleet in the order in which a rollout reaches it.

import RolloutEngine
import UpdateModel

/// Devices that are opened one after the other, by rank.
struct RankQueue {
  private(set) var ranks: [UInt64]
  let devices: [UInt32]
  private(set) var opened = 0

  init(_ entries: [(rank: UInt64, device: UInt32)]) {
    ranks = entries.map(\.rank)
    devices = entries.map(\.device)
  }

  /// The devices that a new bound takes in.
  mutating func open(upTo bound: UInt64) -> ArraySlice<UInt32> {
    let first = opened
    while opened < ranks.count, ranks[opened] <= bound { opened += 1 }
    return devices[first..<opened]
  }
}

/// Who is in which queue: one queue per model where evidence is gathered, else one for all.
struct WhatIfRoster {
  var queues: [RankQueue]
  let canaries: [UInt32]
  /// Devices that call, by model, canaries included.
  let reachable: [Int]

  init(_ fates: Fates, policy: Policy) {
    let scenario = fates.scenario
    let salt = fates.salt
    let canaryCount = policy.canary == nil ? 0 : min(scenario.canaries, scenario.fleetSize)
    var lists = [[(rank: UInt64, device: UInt32)]](
      repeating: [], count: policy.evidence == nil ? 1 : scenario.models.count)
    for index in lists.indices where policy.evidence != nil {
      lists[index].reserveCapacity(scenario.modelSizes[index])
    }
    var canaries: [UInt32] = []
    var reachable = [Int](repeating: 0, count: scenario.models.count)
    for number in 0..<scenario.fleetSize {
      let model = fates.model(number)
      if fates.isReachable(number) { reachable[model] += 1 }
      if WhatIfRoster.isCanary(number, canaryCount, of: scenario.fleetSize) {
        canaries.append(UInt32(number))
        continue
      }
      let rank = Cohort.rank(of: WhatIfRoster.id(number), salt: salt)
      lists[policy.evidence == nil ? 0 : model].append((rank, UInt32(number)))
    }
    queues = lists.map { list in RankQueue(list.sorted { $0.rank < $1.rank }) }
    self.canaries = canaries
    self.reachable = reachable
  }

  /// The id of a device.
  static func id(_ number: Int) -> DeviceID {
    do {
      return try DeviceID("d\(number)")
    } catch {
      preconditionFailure("a numbered id is valid: \(error.reason)")
    }
  }

  /// Whether a device is one of `count` canaries that are spread evenly over the numbers.
  static func isCanary(_ number: Int, _ count: Int, of fleetSize: Int) -> Bool {
    count > 0 && number * count / fleetSize != (number + 1) * count / fleetSize
  }

  /// The devices that are reached last, of all queues.
  var cohort: [Int] {
    let last = queues.flatMap { queue in
      queue.devices.suffix(VirtualControl.perStratum).reversed().map(Int.init)
    }
    return Array(last.prefix(VirtualControl.membersMax))
  }
}
