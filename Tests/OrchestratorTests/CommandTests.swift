// CommandTests: a command from its sender to its end, with all that can come between.

import Orchestrator
import Testing
import UpdateModel

@Suite struct CommandTests {
  private let shop: Workshop

  init() throws {
    shop = try Workshop()
    try shop.register("d1")
    try shop.register("d2")
  }

  @Test func `a command is repeated until the device has it, and ends with its result`() throws {
    #expect(try shop.orders("d1").isEmpty)
    let id = try shop.send("identify", to: "d1", ["seconds": 5]).id
    #expect(try shop.orders("d2").isEmpty)
    for attempt in 1...3 {
      let shown = try #require(try shop.orders("d1").first)
      #expect(shown.id == id && shown.arguments == ["seconds": 5] && shown.attempts == attempt)
    }
    _ = try shop.say(.accepted, id, "d1")
    #expect(try shop.orders("d1").isEmpty)
    _ = try shop.say(.running, id, "d1", percent: 50)
    #expect(try shop.command(id, "d1").state == .running(percent: 50))
    _ = try shop.say(.done, id, "d1", result: ["blinked": 7], text: "fine")
    let done = try shop.command(id, "d1")
    #expect(done.ending == .done && done.result == ["blinked": 7])
    #expect(try shop.orderHistory("d1") == ["identify (command 1 by alice) done: fine"])
  }

  @Test func `an idle device is woken by its command alone`() throws {
    for device in ["d1", "d2"] {
      guard case .briefing(let first) = try shop.brief(device) else { throw Unexpected() }
      shop.plane.noteBriefing(7, of: first.device, in: shop.room)
      _ = try shop.brief(device)
    }
    func isIdle(_ device: String) throws -> Bool {
      if case .unchanged = try shop.brief(device, known: 7) { true } else { false }
    }
    #expect(try isIdle("d1") && isIdle("d2"))
    let id = try shop.send("identify", to: "d1").id
    #expect(try !isIdle("d1") && isIdle("d2"))
    // It is not acknowledged, so it is not idle.
    #expect(try !isIdle("d1"))
    _ = try shop.say(.done, id, "d1")
    _ = try shop.brief("d1")
    #expect(try isIdle("d1") && isIdle("d2"))
  }

  @Test func `commands come in order, at most ten at a time`() throws {
    let ids = try (0..<12).map { _ in try shop.send("identify", to: "d1").id }
    #expect(try shop.orders("d1").map(\.id) == Array(ids.prefix(10)))
    _ = try shop.say(.accepted, ids[0], "d1")
    _ = try shop.say(.rejected, ids[3], "d1")
    #expect(try shop.orders("d1").map(\.id) == [1, 2, 4, 5, 6, 7, 8, 9, 10, 11].map { ids[$0] })
  }

  @Test func `only so many may wait for a device`() throws {
    for _ in 0..<CommandLimits.openPerDevice { try shop.send("identify", to: "d1") }
    #expect(problem { try shop.send("identify", to: "d1") }?.kind == .limitReached)
    try shop.send("identify", to: "d2")
  }

  @Test func `wrong arguments are refused with their path`() throws {
    let refusal = try #require(
      problem { try shop.send("identify", to: "d1", ["seconds": 0, "colour": "red"]) })
    #expect(refusal.kind == .invalidRequest)
    #expect(refusal.faults.map(\.field) == ["$.arguments.seconds", "$.arguments.colour"])
    try shop.advertise(
      "d1",
      [["name": "set-led", "arguments": ["properties": ["colour": ["enum": ["red", "green"]]]]]])
    try shop.send("set-led", to: "d1", ["colour": "red"])
    let wrong = try #require(problem { try shop.send("set-led", to: "d1", ["colour": "blue"]) })
    #expect(wrong.faults.first?.field == "$.arguments.colour")
  }

  @Test func `a command that the device does not know is refused unless forced`() throws {
    let refusal = try #require(problem { try shop.send("set-led", to: "d1") })
    #expect(refusal.kind == .unprocessable && refusal.detail.contains("it knows: reboot"))
    let forced = try shop.send("set-led", to: "d1", ["x": 1], isForced: true)
    #expect(forced.isForced && !forced.isDisruptive)
    #expect(problem { try shop.send("identify", to: "stranger") }?.kind == .notFound)
  }

  @Test func `the sender is told about a device that was never heard by this protocol`() throws {
    let request = CommandRequest(name: try Name("identify"))
    let device = try DeviceID("d1")
    let early = try shop.plane.send(request, to: device, by: "alice", in: shop.room).sent
    #expect(early.notes.contains { $0.contains("DDI has no commands") })
    guard case .briefing(let briefing) = try shop.brief("d1") else { throw Unexpected() }
    shop.plane.noteBriefing(1, of: briefing.device, in: shop.room)
    let late = try shop.plane.send(request, to: device, by: "alice", in: shop.room).sent
    #expect(late.notes.isEmpty)
  }

  @Test func `a command expires when nobody takes it, and its late result counts`() throws {
    let id = try shop.send("identify", to: "d1", expiresIn: .minutes(10)).id
    #expect(try shop.orders("d1").count == 1)
    shop.pass(.minutes(10))
    #expect(try shop.command(id, "d1").ending == .expired)
    #expect(try shop.orders("d1").isEmpty)
    _ = try shop.say(.done, id, "d1", text: "did it")
    let late = try shop.command(id, "d1")
    #expect(late.ending == .done && late.isLate)
    #expect(
      try shop.orderHistory("d1") == [
        "identify (command 1 by alice) done, late: did it",
        "identify (command 1 by alice) expired: the device was shown it and did not answer in time",
      ])
  }

  @Test func `a poll never shows what is overdue, even before the clock noticed`() throws {
    let id = try shop.send("identify", to: "d1", expiresIn: .minutes(10)).id
    shop.clock.advance(.minutes(10))
    #expect(try shop.orders("d1").isEmpty)
    #expect(try shop.command(id, "d1").ending == .expired)
  }

  @Test func `a command that was taken back is not shown`() throws {
    let id = try shop.send("identify", to: "d1").id
    let device = try DeviceID("d1")
    _ = try shop.plane.cancelCommand(id, of: device, by: "bob", in: shop.room)
    #expect(try shop.orders("d1").isEmpty)
    let again = problem {
      _ = try shop.plane.cancelCommand(id, of: device, by: "bob", in: shop.room)
    }
    #expect(again?.kind == .conflict)
    let taken = try shop.send("identify", to: "d1").id
    _ = try shop.orders("d1")
    _ = try shop.say(.accepted, taken, "d1")
    let late = problem {
      _ = try shop.plane.cancelCommand(taken, of: device, by: "bob", in: shop.room)
    }
    #expect(late?.kind == .conflict)
  }

  @Test func `a device can only speak of its own commands`() throws {
    let id = try shop.send("identify", to: "d1").id
    guard case .unknown = try shop.say(.done, id, "d2") else { throw Unexpected() }
    guard case .unknown = try shop.say(.done, CommandID(99), "d1") else { throw Unexpected() }
    #expect(try shop.command(id, "d1").state == .queued)
  }

  @Test func `disruptive commands wait for an installation unless forced`() throws {
    try shop.release("os", "2")
    try shop.roll("os-2", "os:2")
    let early = try shop.send("reboot", to: "d1").id
    let action = try #require(try shop.offer("d1"))
    _ = try #require(try shop.fetch(action, "d1"))
    try shop.report(.downloaded, action, "d1")
    #expect(problem { try shop.send("reboot", to: "d1") }?.kind == .conflict)
    let harmless = try shop.send("identify", to: "d1").id
    // What was sent before the installation began is kept back, and nothing else.
    #expect(try shop.orders("d1").map(\.id) == [harmless])
    let forced = try shop.send("reboot", to: "d1", isForced: true).id
    #expect(try shop.orders("d1").map(\.id) == [harmless, forced])
    try shop.report(.installed, action, "d1")
    shop.clock.advance(.seconds(1))
    try shop.describe("d1", ["version": "2"])
    #expect(try shop.orders("d1").map(\.id) == [early, harmless, forced])
  }

  @Test func `a device in quarantine gets standard commands only, a retired one none`() throws {
    let device = try DeviceID("d1")
    try shop.advertise("d1", [["name": "set-led"]])
    let waiting = try shop.send("set-led", to: "d1").id
    _ = try shop.plane.quarantine(device, because: "", by: "bob", in: shop.room)
    let standard = try shop.send("identify", to: "d1").id
    #expect(try shop.orders("d1").map(\.id) == [standard])
    // Nor does it belong to jobs, whose devices are a crowd that nobody looks at one by one.
    try shop.startJob("all", "identify")
    #expect(try shop.orders("d1").map(\.id) == [standard])
    _ = try shop.plane.release(device, because: "", by: "bob", in: shop.room)
    #expect(try shop.orders("d1").map(\.id).prefix(2) == [waiting, standard])
    _ = try shop.plane.retire(device, because: "", by: "bob", in: shop.room)
    #expect(try shop.command(waiting, "d1").ending == .cancelled)
    #expect(problem { try shop.send("identify", to: "d1") }?.kind == .conflict)
  }

  @Test func `a removed device takes its commands with it`() throws {
    let id = try shop.send("identify", to: "d1").id
    _ = try shop.plane.remove(try DeviceID("d1"), in: shop.room)
    #expect(try shop.command(id, "d1").ending == .cancelled)
    #expect(problem { _ = try shop.plane.commands(of: try DeviceID("d1"), in: shop.room) } != nil)
  }

  @Test func `all of it survives a restart, and no number is used twice`() throws {
    let waiting = try shop.send("identify", to: "d1", ["seconds": 3]).id
    let running = try shop.send("identify", to: "d2").id
    _ = try shop.orders("d2")
    _ = try shop.say(.running, running, "d2", percent: 10, text: "on it")
    let done = try shop.send("identify", to: "d2").id
    _ = try shop.say(.done, done, "d2", result: [1, 2])
    let before = try [(waiting, "d1"), (running, "d2"), (done, "d2")].map {
      try shop.command($0.0, $0.1)
    }
    try shop.restart()
    let after = try [(waiting, "d1"), (running, "d2"), (done, "d2")].map {
      try shop.command($0.0, $0.1)
    }
    #expect(after == before)
    #expect(try shop.orders("d1").map(\.id) == [waiting])
    #expect(try shop.send("identify", to: "d1").id > done)
    shop.pass(.days(8))
    #expect(try shop.command(running, "d2").ending == .expired)
  }

  @Test func `what is over can be read for thirty days and a hundred per device`() throws {
    let first = try shop.send("identify", to: "d1").id
    _ = try shop.say(.done, first, "d1")
    for _ in 0..<CommandLimits.openPerDevice * 2 {
      let id = try shop.send("identify", to: "d2").id
      _ = try shop.say(.done, id, "d2")
    }
    let device = try DeviceID("d2")
    #expect(try shop.plane.commands(of: device, in: shop.room).count == 100)
    shop.pass(.days(29))
    #expect(try shop.command(first, "d1").ending == .done)
    shop.pass(.days(2))
    #expect(problem { _ = try shop.command(first, "d1") }?.kind == .notFound)
    let newest = try #require(try shop.plane.commands(of: device, in: shop.room).first?.id)
    #expect(try shop.plane.commands(of: device, in: shop.room).count == 1)
    try shop.restart()
    #expect(try shop.plane.commands(of: device, in: shop.room).map(\.id) == [newest])
    #expect(try shop.send("identify", to: "d1").id > newest)
  }
}
