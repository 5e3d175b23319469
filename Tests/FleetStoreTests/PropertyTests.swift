// PropertyTests: whatever is changed, a reload equals the fleet in memory.

import FleetStore
import RolloutEngine
import Testing
import UpdateModel

struct PropertyTests {
  /// Draws changes that a server could decide on: a device holds one lease at most.
  private struct Generator {
    var dice: Dice
    var fleet = Fleet()
    let tenants: [Name]

    init(seed: UInt64) throws {
      dice = Dice(seed: seed)
      tenants = try ["acme", "bolt"].map { try Name($0) }
    }

    mutating func next(_ step: Int) throws -> [Change] {
      let tenant = tenants[dice.roll(2)]
      let number = dice.roll(12)
      let key = try Sample.key(number, tenant: tenant.text)
      let group = try Name("group-\(dice.roll(3))")
      switch dice.roll(16) {
      case 0: return [.tenant(TenantRecord(name: tenant, document: ["step": JSON(step)]))]
      case 1:
        let digest = try Sample.digest(number)
        guard dice.roll(3) > 0 else { return [.revokeAPIToken(digest: digest)] }
        let scope = dice.roll(2) == 0 ? tenant : nil
        return [
          .apiToken(
            APITokenRecord(
              digest: digest, label: "t\(step)", tenant: scope, createdAt: Sample.instant(step)))
        ]
      case 2: return [.artifact(tenant, try Sample.artifact(number, compressed: Int64(step)))]
      case 3: return [.deleteArtifact(tenant, ArtifactID(UInt32(number)))]
      case 4:
        let statuses = Release.Status.allCases
        return [
          .release(tenant, try Sample.release(number, status: statuses[dice.roll(statuses.count)]))
        ]
      case 5, 6:
        return [.device(try Sample.device(number, tenant: tenant.text, isBare: dice.roll(2) == 0))]
      case 7: return [.deleteDevice(key)]
      case 8: return [.lastSeen([(key, Sample.instant(step))])]
      case 9: return try changeGroup(group, tenant, key.device)
      case 10: return [.groupMembers(tenant, group, add: [key.device], remove: [])]
      case 11: return [.groupMembers(tenant, group, add: [], remove: [key.device])]
      case 12: return [.actionCounter(UInt32(step))]
      case 13: return try moveRollout(tenant, step)
      default: return try moveAction(tenant, key.device, step)
      }
    }

    private mutating func changeGroup(
      _ group: Name, _ tenant: Name, _ device: DeviceID
    ) throws -> [Change] {
      switch dice.roll(3) {
      case 0: return [.deleteGroup(tenant, group)]
      case 1: return [.group(tenant, DeviceGroup(name: group, membership: .explicit))]
      default:
        let filter = try DeviceFilter("device=\(device.text)")
        return [.group(tenant, DeviceGroup(name: group, membership: .filter(filter)))]
      }
    }

    private mutating func moveRollout(_ tenant: Name, _ step: Int) throws -> [Change] {
      let number = 1 + dice.roll(3)
      let id = Fleet.Scoped(tenant: tenant, id: RolloutID(UInt32(number)))
      guard var rollout = fleet.rollouts[id] else {
        let policy = dice.roll(2) == 0 ? Sample.canaryPolicy : Sample.sharePolicy
        return [.rollout(tenant, try Sample.rollout(number, policy: policy))]
      }
      let now = Sample.instant(step)
      if rollout.status == .draft {
        rollout.evolve(.started, at: now)
      } else if let open = rollout.openStage, open + 1 < rollout.stages.count, dice.roll(2) == 0 {
        rollout.evolve(.stageSettled(open), at: now)
        rollout.evolve(.stageOpened(open + 1), at: now)
      } else {
        rollout.evolve(.paused(by: "ada"), at: now)
      }
      return [
        .rollout(tenant, rollout),
        .rolloutEvent(tenant, RolloutID(UInt32(number)), at: now, sentence: "step \(step)"),
      ]
    }

    private mutating func moveAction(
      _ tenant: Name, _ device: DeviceID, _ step: Int
    ) throws -> [Change] {
      let mine = fleet.actions.filter { $0.key.tenant == tenant && $0.key.id.device == device }
      if var leased = mine.values.first(where: \.isLeased) {
        leased.changedAt = Sample.instant(step)
        switch dice.roll(3) {
        case 0:
          leased.state = .leased(
            Action.Phase.allCases[dice.roll(4)], deadline: Sample.instant(step + 5))
        case 1: leased.state = .retrying(from: Sample.instant(step + 9))
        default: leased.state = .ended(Action.Outcome.allCases[dice.roll(8)])
        }
        if dice.roll(2) == 0 { leased.failure = Action.Failure(.timeout, "step \(step)") }
        return [.action(tenant, leased)]
      }
      let number = 1 + dice.roll(3)
      let rollout = RolloutID(UInt32(number))
      guard fleet.rollouts[Fleet.Scoped(tenant: tenant, id: rollout)] != nil else { return [] }
      let before = mine.values.first { $0.rollout == rollout }
      let granted = Action(
        rollout: rollout, device: device, stage: before?.stage ?? dice.roll(2),
        id: try Sample.actionID(11 + step * 10), release: ReleaseID(4), fallback: nil,
        deadline: Sample.instant(step + 5), now: Sample.instant(step))
      return [.action(tenant, granted)]
    }
  }

  @Test(arguments: 0..<4)
  func `random changes come back as they are in memory`(_ round: UInt64) throws {
    let seed = Dice.seed() &+ round
    var generator = try Generator(seed: seed)
    let directory = try Directory()
    var step = 0
    for _ in 0..<3 {
      let store = try openStore(directory)
      for _ in 0..<400 {
        step += 1
        let changes = try generator.next(step)
        for change in changes { generator.fleet.apply(change) }
        let ticket = store.enqueue(changes)
        if generator.dice.roll(40) == 0 { try store.wait(for: ticket) }
      }
      #expect(store.stop() == nil, "seed \(seed)")
      let found = try contents(of: directory)
      #expect(found == generator.fleet, "seed \(seed)")
    }
    #expect(generator.fleet.actions.count > 10, "seed \(seed)")
  }
}
