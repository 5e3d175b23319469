// ProgressMeter: how far a transfer is, drawn in place for people and in lines for logs.

import UpdateModel

/// Shows the progress of one transfer on standard error.
struct ProgressMeter {
  private let label: String
  private let total: Int
  private let isQuiet: Bool
  private let start = Instant.present
  private var lastShown: Instant?

  /// A terminal is redrawn this often; a log gets a line this often.
  private static let redraw = Interval(milliseconds: 100)
  private static let line = Interval.seconds(5)

  /// Starts a meter; a quiet one shows nothing.
  init(_ label: String, total: Int, isQuiet: Bool) {
    self.label = Table.printable(label)
    self.total = total
    self.isQuiet = isQuiet
  }

  /// Notes that so many bytes are through; shows them when it is time.
  mutating func reached(_ bytes: Int) {
    guard !isQuiet else { return }
    let now = Instant.present
    let pause = Terminal.showsProgress ? ProgressMeter.redraw : ProgressMeter.line
    guard now - (lastShown ?? start) >= pause else { return }
    lastShown = now
    Terminal.note(Terminal.showsProgress ? "\r" + bar(bytes, now) + "\u{1B}[K" : plain(bytes, now))
  }

  /// Ends the line of a meter that was drawn.
  func finish(_ bytes: Int) {
    guard !isQuiet else { return }
    let now = Instant.present
    if Terminal.showsProgress {
      Terminal.note("\r" + bar(bytes, now) + "\u{1B}[K\n")
    } else if lastShown != nil {
      Terminal.note(plain(bytes, now))
    }
  }

  /// Ends the line of a meter whose transfer failed.
  func abandon() {
    if !isQuiet, Terminal.showsProgress, lastShown != nil { Terminal.note("\n") }
  }

  private func bar(_ bytes: Int, _ now: Instant) -> String {
    let words = " \(percent(bytes))  \(facts(bytes, now))"
    let room = Terminal.size(of: 2).columns - words.count - label.count - 5
    guard room >= 10 else { return words }
    let width = min(40, room)
    let filled = total > 0 ? min(width, width * bytes / total) : width
    let cells =
      String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    return "\(label) [\(cells)]\(words)"
  }

  private func plain(_ bytes: Int, _ now: Instant) -> String {
    "\(label): \(percent(bytes))  \(facts(bytes, now))\n"
  }

  private func percent(_ bytes: Int) -> String {
    total > 0 ? "\(min(100, bytes * 100 / total))%" : "100%"
  }

  private func facts(_ bytes: Int, _ now: Instant) -> String {
    let elapsed = max(1, (now - start).milliseconds)
    let perSecond = Int(Int64(bytes) * 1000 / elapsed)
    var text = "\(Wording.size(bytes)) of \(Wording.size(total))  \(Wording.size(perSecond))/s"
    if bytes < total, perSecond > 0 {
      let left = Interval.seconds(Int64((total - bytes) / perSecond))
      text += "  \(Wording.length(left)) left"
    }
    return text
  }
}
