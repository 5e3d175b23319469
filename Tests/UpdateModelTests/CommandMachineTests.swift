// CommandMachineTests: every state and every input, the limits of what devices say, and time.

import Testing
import UpdateModel

@Suite struct CommandMachineTests {
  private let start = Instant(milliseconds: 1_000_000_000)

  private func fresh(expiresIn: Interval = .days(1)) throws -> Command {
    Command(
      id: CommandID(12), device: try DeviceID("d1"), name: try Name("reboot"), arguments: ["a": 1],
      createdAt: start, createdBy: "alice", expiresAt: start + expiresIn, isDisruptive: true)
  }

  private func command(in word: String) throws -> Command {
    let fresh = try fresh()
    func after(_ inputs: CommandInput...) throws -> Command {
      try inputs.reduce(fresh) { try CommandMachine.apply($1, to: $0, at: start + .seconds(1)) }
    }
    switch word {
    case "queued": return fresh
    case "sent": return try after(.shown)
    case "accepted": return try after(.shown, .reported(CommandReport(.accepted)))
    case "running": return try after(.shown, .reported(CommandReport(.running, percent: 40)))
    case "cancelled": return try after(.shown, .cancelled(by: "bob"))
    case "cancelled-unseen": return try after(.cancelled(by: "bob"))
    case "expired":
      return try CommandMachine.apply(.timePassed, to: try after(.shown), at: start + .days(1))
    default:
      let ending = try #require(CommandReport.Word(rawValue: word))
      return try after(.shown, .reported(CommandReport(ending, text: "first")))
    }
  }

  // What each word of a device makes of each state; a dash is no change.
  @Test(arguments: [
    ("queued", ["accepted", "running", "done", "failed", "rejected"]),
    ("sent", ["accepted", "running", "done", "failed", "rejected"]),
    ("accepted", ["-", "running", "done", "failed", "rejected"]),
    ("running", ["-", "-", "done", "failed", "rejected"]),
    ("done", ["-", "-", "-", "-", "-"]), ("failed", ["-", "-", "-", "-", "-"]),
    ("rejected", ["-", "-", "-", "-", "-"]),
    ("expired", ["-", "-", "done", "failed", "rejected"]),
    ("cancelled", ["-", "-", "done", "failed", "rejected"]),
    ("cancelled-unseen", ["-", "-", "-", "-", "-"]),
  ])
  func `a word of the device moves a command, or not`(state: String, outcomes: [String]) throws {
    let before = try command(in: state)
    for (word, outcome) in zip(CommandReport.Word.allCases, outcomes) {
      let after = try CommandMachine.apply(
        .reported(CommandReport(word)), to: before, at: start + .days(2))
      #expect(after.state.word == (outcome == "-" ? before.state.word : outcome), "\(word)")
      if outcome == "-" {
        #expect(after.reports == before.reports, "\(word) of \(state) is no news")
      }
      let wasGivenUp = state == "expired" || state == "cancelled"
      #expect(after.isLate == (wasGivenUp && outcome != "-"))
    }
  }

  @Test(arguments: [
    ("queued", "cancelled"), ("sent", "cancelled"), ("accepted", "underWay"),
    ("running", "underWay"), ("done", "done"), ("failed", "failed"), ("rejected", "rejected"),
    ("expired", "expired"), ("cancelled", "cancelled!"),
  ])
  func `a command can be taken back until the device has taken it`(
    state: String, outcome: String
  ) throws {
    let before = try command(in: state)
    do throws(CommandRefusal) {
      let after = try CommandMachine.apply(.cancelled(by: "carol"), to: before, at: start)
      #expect(after.state.word == outcome)
      #expect(after.text?.contains("carol") ?? false)
    } catch {
      switch error {
      case .underWay: #expect(outcome == "underWay")
      case .ended(let ending):
        #expect(ending.rawValue == outcome.filter { $0 != "!" })
      }
    }
  }

  @Test func `showing it counts, and only what waits is shown`() throws {
    let once = try CommandMachine.apply(.shown, to: try fresh(), at: start)
    let twice = try CommandMachine.apply(.shown, to: once, at: start)
    #expect(once.state == .sent && once.attempts == 1 && twice.attempts == 2)
    for state in ["accepted", "running", "done", "expired", "cancelled"] {
      let before = try command(in: state)
      #expect(try CommandMachine.apply(.shown, to: before, at: start) == before)
    }
  }

  @Test func `what nobody takes expires just in time`() throws {
    for state in ["queued", "sent"] {
      let before = try command(in: state)
      let end = start + .days(1)
      let early = Instant(milliseconds: end.milliseconds - 1)
      #expect(try CommandMachine.apply(.timePassed, to: before, at: early) == before)
      let after = try CommandMachine.apply(.timePassed, to: before, at: end)
      #expect(after.ending == .expired && after.endedAt == end)
    }
  }

  @Test func `a device that has taken it gets an hour of silence beyond the expiry`() throws {
    let sent = try CommandMachine.apply(
      .shown, to: try fresh(expiresIn: .minutes(5)), at: start)
    let taken = try CommandMachine.apply(
      .reported(CommandReport(.accepted)), to: sent, at: start + .minutes(4))
    #expect(taken.deadline == start + .minutes(64))
    // A word that says nothing new shows that it lives.
    let alive = try CommandMachine.apply(
      .reported(CommandReport(.accepted)), to: taken, at: start + .minutes(60))
    #expect(alive.deadline == start + .minutes(120) && alive.reports == taken.reports)
    let over = try CommandMachine.apply(.timePassed, to: alive, at: start + .minutes(120))
    #expect(over.ending == .expired)
  }

  @Test func `a command ends in the end, however long the device goes on`() throws {
    var command = try command(in: "running")
    var now = start
    while command.ending == nil {
      now = now + .minutes(30)
      #expect(now <= start + .days(92))
      guard now <= start + .days(92) else { return }
      let report = CommandReport(.running, text: "at \(now)")
      command = try CommandMachine.apply(.reported(report), to: command, at: now)
      command = try CommandMachine.apply(.timePassed, to: command, at: now)
    }
    #expect(command.ending == .expired && command.reports == CommandMachine.reportsMax)
    #expect(command.endedAt == start + Command.ageMax)
  }

  @Test func `percent never goes back`() throws {
    var command = try command(in: "running")
    for (percent, shown) in [(30, 40), (60, 60), (nil, 60), (59, 60)] as [(Int?, Int)] {
      command = try CommandMachine.apply(
        .reported(CommandReport(.running, percent: percent, text: "\(shown)")), to: command,
        at: start)
      #expect(command.state == .running(percent: shown))
    }
  }

  @Test func `the first result stands`() throws {
    let done = try CommandMachine.apply(
      .reported(CommandReport(.done, result: ["x": 1], text: "fine")),
      to: try command(in: "sent"), at: start)
    let again = try CommandMachine.apply(
      .reported(CommandReport(.failed, result: ["x": 2], text: "not fine")), to: done, at: start)
    #expect(again == done && done.result == ["x": 1] && done.text == "fine")
  }

  @Test(arguments: [
    "queued", "sent", "accepted", "running", "done", "failed", "rejected", "expired", "cancelled",
    "cancelled-unseen",
  ])
  func `a command is read as it was stored`(state: String) throws {
    var before = try command(in: state)
    before = try CommandMachine.apply(.logged("a.log"), to: before, at: start)
    before = try CommandMachine.apply(
      .reported(CommandReport(.running, result: [1, ["a": .null]], text: "…")), to: before,
      at: start)
    let text = before.stored.text
    #expect(Command(id: before.id, stored: try JSON.parse(text)) == before)
  }

  @Test func `what is not complete is not read`() throws {
    let stored = try command(in: "running").stored
    for member in ["device", "name", "arguments", "at", "by", "expires", "state"] {
      let broken = stored.merging(.object([.init(member, .null)]))
      #expect(Command(id: CommandID(1), stored: broken) == nil, "\(member)")
    }
  }

  // MARK: Reports

  @Test func `a report is read, and what is unknown in it is ignored`() throws {
    let said: JSON = ["state": "running", "percent": 7, "result": ["a": 1], "text": "x", "more": 1]
    let report = try CommandReport(said)
    #expect(report == CommandReport(.running, percent: 7, result: ["a": 1], text: "x"))
    let bare: JSON = ["state": "done", "percent": .null, "result": .null, "text": .null]
    #expect(try CommandReport(bare) == CommandReport(.done))
  }

  @Test(arguments: [
    "[]", "7", "{}", #"{"state":"queued"}"#, #"{"state":7}"#, #"{"state":"done","percent":101}"#,
    #"{"state":"done","percent":-1}"#, #"{"state":"done","percent":"7"}"#,
    #"{"state":"done","text":7}"#,
  ])
  func `a malformed report is refused`(text: String) throws {
    let document = try JSON.parse(Array(text.utf8))
    #expect(throws: InvalidValue.self) { try CommandReport(document) }
  }

  @Test func `a result over its limits is dropped, and the end counts all the same`() throws {
    func result(_ bytes: Int) -> JSON { .string(String(repeating: "x", count: bytes - 2)) }
    let whole = CommandReport(.done, result: result(CommandLimits.resultBytes))
    #expect(whole.result != nil && whole.text == nil)
    let over = CommandReport(.done, result: result(CommandLimits.resultBytes + 1), text: "ok")
    #expect(over.result == nil && over.word == .done)
    #expect(over.text?.contains("16385 bytes") ?? false)
    let deep = (0..<17).reduce(JSON.integer(1)) { value, _ in [value] }
    #expect(CommandReport(.done, result: deep).result == nil)
    #expect(CommandReport(.done, result: deep.array?.first).result != nil)
  }

  @Test func `a long text is cut at the end of a character`() throws {
    let text = String(repeating: "ä", count: 3000)
    let cut = try #require(CommandReport(.done, text: text).text)
    #expect(cut.utf8.count == CommandLimits.textBytes && text.hasPrefix(cut))
    let odd = try #require(CommandReport(.done, text: "x" + text).text)
    #expect(odd.utf8.count == CommandLimits.textBytes - 1 && ("x" + text).hasPrefix(odd))
  }

  @Test func `logs are noted once each, up to a limit`() throws {
    var command = try command(in: "accepted")
    for number in 0..<30 {
      command = try CommandMachine.apply(.logged("log\(number / 2)"), to: command, at: start)
    }
    #expect(command.logs.count == 15)
    for number in 0..<30 {
      command = try CommandMachine.apply(.logged("more\(number)"), to: command, at: start)
    }
    #expect(command.logs.count == CommandLimits.logsPerCommand)
  }
}
