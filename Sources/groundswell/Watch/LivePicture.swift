// LivePicture: the lines that `rollout watch` draws for one moment of a rollout.

import RolloutEngine
import UpdateModel

/// Composes the picture; drawing it is `RolloutScreen`'s part.
struct LivePicture {
  let rollout: RolloutPicture
  let now: Instant
  let columns: Int
  let rows: Int
  /// What is wrong with the connection, when something is.
  let trouble: String?

  /// The picture from top to bottom.
  var lines: [StyledLine] {
    var lines = [title, StyledLine()]
    lines += stages
    lines.append(StyledLine())
    lines += EvidenceLines(rollout.evidence, columns: columns, rows: rows).lines
    lines += sentences
    lines.append(overall)
    lines += legend
    lines += devices(atMost: rows - lines.count - 2)
    if let trouble { lines += wrapped(trouble, .red) }
    return lines
  }

  private var title: StyledLine {
    var line = StyledLine()
    line.append(rollout.name, .bold)
    line.append("  \(rollout.release)  \(rollout.policy)  ")
    line.append(rollout.status, colour(ofStatus: rollout.status))
    return line
  }

  private func colour(ofStatus status: String) -> Colour {
    switch Rollout.Status(rawValue: status) {
    case .running: .blue
    case .completed: .green
    case .paused, .rollingBack: .yellow
    case .halted, .aborted, .rolledBack, .ended: .red
    case .draft, .closed, nil: .grey
    }
  }

  // The stages around the open one; those that do not fit are counted in a line.
  private var stages: [StyledLine] {
    let all = rollout.stages
    let room = max(3, rows - 9 - EvidenceLines.height(of: rollout.evidence, rows: rows))
    guard all.count > room else { return all.indices.map(line) }
    let shown = room - 2
    let middle = rollout.openStage ?? 0
    let first = max(0, min(middle - shown / 2, all.count - shown))
    let range = first..<(first + shown)
    var lines: [StyledLine] = []
    if range.lowerBound > 0 {
      lines.append("  ... \(Wording.count(range.lowerBound, "stage")) before")
    }
    lines += range.map(line)
    if range.upperBound < all.count {
      lines.append("  ... \(Wording.count(all.count - range.upperBound, "stage")) to come")
    }
    return lines
  }

  private func line(_ index: Int) -> StyledLine {
    let stage = rollout.stages[index]
    let isOpen = index == rollout.openStage && rollout.ending == nil
    var line = StyledLine()
    line.append(isOpen ? "> " : "  ")
    line.append(stage.name, isOpen ? .bold : .plain)
    line.pad(to: nameWidth + 4)
    StageBar.draw(stage.counts, size: stage.size, width: barWidth, into: &line)
    let counted = "\(Wording.count(stage.counts.settled))/\(Wording.count(stage.size))"
    line.append(String(repeating: " ", count: max(1, countWidth + 1 - counted.count)) + counted)
    line.append("  ")
    line.append(standing(of: stage), colour(ofStage: stage))
    return line
  }

  private func standing(of stage: RolloutPicture.Stage) -> String {
    let state = rollout.state(of: stage)
    guard state == stage.state else { return state }
    if let left = stage.soakLeft(now: now) {
      if left > .zero { return "soaking, \(Wording.length(left)) left" }
      return stage.waitsForApproval ? "waits for approval" : "soaked"
    }
    if stage.state == "open", let opened = stage.openedAt {
      let open = "open \(Wording.length(now - opened))"
      // A step by evidence waits for each of its devices.
      return stage.isStep ? open : "\(open), quorum \(stage.quorum)"
    }
    return state
  }

  private func colour(ofStage stage: RolloutPicture.Stage) -> Colour {
    switch stage.state {
    case "open": .blue
    case "soaking": .cyan
    case "passed": .green
    default: .grey
    }
  }

  private var sentences: [StyledLine] {
    var lines: [StyledLine] = []
    if let stop = rollout.stop { lines += wrapped("stopped: \(stop)", .red) }
    if let reason = rollout.reason(now: now) { lines += wrapped(reason, .plain) }
    return lines
  }

  /// A sentence in as many lines as it takes.
  private func wrapped(_ text: String, _ colour: Colour) -> [StyledLine] {
    HelpText.wrap(text, width: columns - 1, indent: 2).split(separator: "\n").map { text in
      var line = StyledLine()
      line.append(String(text), colour)
      return line
    }
  }

  private var overall: StyledLine {
    var line = StyledLine()
    line.append(
      "exposed \(Wording.count(rollout.exposed)) of \(Wording.count(rollout.size)) "
        + "(\(Wording.share(rollout.exposed, of: rollout.size)))", .bold)
    let failures = rollout.counts.failures
    line.append("  ")
    line.append("\(Wording.count(failures)) failed or lost", failures > 0 ? .red : .plain)
    if let elapsed = rollout.elapsed(now: now) { line.append("  \(Wording.length(elapsed))") }
    return line
  }

  /// Letters in use, with the counts of the whole rollout.
  private var legend: [StyledLine] {
    var lines: [StyledLine] = []
    var line = StyledLine()
    for (sign, count) in zip(StandingSign.all, rollout.counts.counts) where count > 0 {
      let words = " \(sign.label) \(Wording.count(count))  "
      if line.width > 0, line.width + words.count >= columns {
        lines.append(line)
        line = StyledLine()
      }
      line.append("\(sign.letter)", sign.colour)
      line.append(words)
    }
    return line.width > 0 ? lines + [line] : lines
  }

  private var nameWidth: Int { rollout.stages.map(\.name.count).max() ?? 0 }

  private var countWidth: Int {
    rollout.stages.map { Wording.count($0.size).count * 2 + 1 }.max() ?? 0
  }

  /// Devices under way, as many as there is room for.
  private func devices(atMost count: Int) -> [StyledLine] {
    let shown = rollout.underWay.prefix(max(0, min(count, 5)))
    let width = min(shown.map(\.device.count).max() ?? 0, 32)
    return shown.map { progress in
      var line = StyledLine()
      line.append("  \(progress.device.prefix(32))", .grey)
      line.pad(to: width + 4)
      line.append(progress.words)
      return line
    }
  }

  // What the widest text beside the bar leaves: "soaking, 23 h 59 min left".
  private var barWidth: Int {
    max(8, min(50, columns - nameWidth - countWidth - 35))
  }
}
