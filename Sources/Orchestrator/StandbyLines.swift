// StandbyLines: which devices of a rollout are held back, by reason, and about whom a person
// decides.

import RolloutEngine
import UpdateModel

extension ControlPlane {
  /// Devices that are named one by one; the rest is counted.
  private static let namedMax = 10

  /// Sentences about the devices that stand by; none when none does.
  func standbyLines(_ rollout: Rollout, in room: Room) -> [RolloutStory.Line] {
    let tally = rollout.tally
    guard tally[.waiting] + tally[.postponed] + tally[.undecided] > 0 else { return [] }
    var counts: [Hindrance.Kind: Int] = [:]
    var postponed = 0
    var undecided: [(device: DeviceID, standby: Standby)] = []
    room.ledger.withLock { ledger in
      for action in (ledger.books[rollout.specification.id]?.actions ?? [:]).values {
        guard case .retrying = action.state, let standby = action.standby else { continue }
        if standby.isUndecided {
          undecided.append((action.device, standby))
        } else if case .hindrance(let kind, _) = standby.cause {
          counts[kind, default: 0] += 1
        } else {
          postponed += 1
        }
      }
    }
    undecided.sort {
      ($0.standby.putOffSince ?? .epoch, $0.device) < ($1.standby.putOffSince ?? .epoch, $1.device)
    }
    var lines = Hindrance.Kind.allCases.compactMap { kind in
      counts[kind].map { line(.standby, "\($0) wait: \(kind.ofSeveral)") }
    }
    if postponed > 0 {
      lines.append(line(.standby, "\(postponed) said \"not now\" and are asked again"))
    }
    return lines + told(undecided, of: rollout.specification.name)
  }

  private func told(
    _ undecided: [(device: DeviceID, standby: Standby)], of name: Name
  ) -> [RolloutStory.Line] {
    guard !undecided.isEmpty else { return [] }
    var lines = undecided.prefix(ControlPlane.namedMax).map {
      line(.undecided, "\($0.device): \($0.standby.clause)")
    }
    if undecided.count > lines.count {
      lines.append(line(.undecided, "and \(undecided.count - lines.count) more devices"))
    }
    lines.append(
      line(
        .undecided,
        "decide with groundswell rollout force \(name) DEVICE, or groundswell rollout let-go "
          + "\(name) DEVICE"))
    return lines
  }

  private func line(_ topic: RolloutStory.Topic, _ sentence: String) -> RolloutStory.Line {
    RolloutStory.Line(topic: topic, sentence: sentence)
  }
}
