// RolloutScreen: shows a rollout as it changes: redrawn in place, line by line, or as JSON.

import UpdateModel

/// Where the moments of a rollout are shown.
struct RolloutScreen {
  private let isLive: Bool
  private let wantsJSON: Bool
  private let hasColours: Bool
  private var drawnLines = 0
  private var lastText: String?
  private var lastTurn: String?
  private var toldAt: Instant?
  private var toldTrouble = false

  /// Between two lines that tell of nothing but other counts.
  private static let pause = Interval.seconds(2)

  /// A terminal gets the live picture; a file or pipe gets lines.
  init(wantsJSON: Bool) {
    self.wantsJSON = wantsJSON
    isLive = Terminal.isInteractive && !wantsJSON
    hasColours = Terminal.hasColours
  }

  /// Shows a moment; what is on the screen already is not repeated.
  mutating func show(_ latest: RolloutFeed.Latest, now: Instant) {
    if wantsJSON {
      print(once: String(decoding: latest.document.text, as: UTF8.self))
    } else if isLive {
      draw(latest, now: now)
    } else {
      printLine(latest, now: now)
    }
  }

  /// Forgets what is drawn: after the window changed, lines may have wrapped.
  mutating func windowChanged() {
    guard isLive else { return }
    Terminal.write("\u{1B}[2J\u{1B}[H")
    drawnLines = 0
    lastText = nil
  }

  private mutating func draw(_ latest: RolloutFeed.Latest, now: Instant) {
    let (columns, rows) = Terminal.size()
    let trouble = latest.trouble.map { trouble in
      "no news for \(Wording.length(now - trouble.since)): \(trouble.failure.detail)"
    }
    let picture = LivePicture(
      rollout: RolloutPicture(latest.document), now: now, columns: columns, rows: rows,
      trouble: trouble)
    // The last line is for the cursor; a picture that is too high would scroll at every redraw.
    let lines = picture.lines.prefix(max(1, rows - 1)).map {
      $0.text(columns: columns - 1, hasColours: hasColours)
    }
    let text = lines.map { $0 + "\u{1B}[K\n" }.joined()
    guard text != lastText else { return }
    let up = drawnLines > 0 ? "\u{1B}[\(drawnLines)A\r" : ""
    // One write per picture, so that it does not flicker; the rest of an older one is cleared.
    Terminal.write(up + text + "\u{1B}[J")
    drawnLines = lines.count
    lastText = text
  }

  private mutating func printLine(_ latest: RolloutFeed.Latest, now: Instant) {
    if let trouble = latest.trouble {
      if !toldTrouble { Terminal.write("\(now) no news: \(trouble.failure.detail)\n") }
      toldTrouble = true
      return
    }
    toldTrouble = false
    let rollout = RolloutPicture(latest.document)
    var turn = rollout.status
    var parts = [rollout.status]
    if let index = rollout.openStage, rollout.ending == nil {
      let stage = rollout.stages[index]
      let state = "\(stage.name) \(rollout.state(of: stage))"
      turn += state
      parts.append(state)
    }
    parts.append("exposed \(Wording.count(rollout.exposed)) of \(Wording.count(rollout.size))")
    if !rollout.counts.words.isEmpty { parts.append(rollout.counts.words) }
    let text = parts.joined(separator: "; ")
    let reason = rollout.stop.map { "stopped: \($0)" } ?? rollout.reason(now: now)
    // Numbers of a reason change all the time: they are told with a change and are none themselves.
    turn += reason?.filter { !$0.isNumber } ?? ""
    let isDue = toldAt.map { now - $0 >= RolloutScreen.pause } ?? true
    guard turn != lastTurn || (isDue && text != lastText) else { return }
    (lastTurn, lastText, toldAt) = (turn, text, now)
    Terminal.write("\(now) \(text)\(reason.map { "; \($0)" } ?? "")\n")
  }

  private mutating func print(once text: String) {
    guard text != lastText else { return }
    lastText = text
    Terminal.write(text + "\n")
  }
}
