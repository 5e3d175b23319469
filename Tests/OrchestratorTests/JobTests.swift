// JobTests: the same command for many devices, from the start of the job to its end.

import Orchestrator
import Testing
import UpdateModel

@Suite struct JobTests {
  private let shop: Workshop
  private let all = (1...6).map { "d\($0)" }

  init() throws {
    shop = try Workshop()
    for (position, device) in all.enumerated() {
      try shop.register(device, tags: ["site": position < 3 ? "berlin" : "lab"])
    }
  }

  /// Polls with every device; each says at once how its command went. Returns who had one.
  @discardableResult
  private func round(
    _ devices: [String]? = nil, _ word: CommandReport.Word = .done
  ) throws -> [String] {
    try (devices ?? all).filter { device in
      let orders = try shop.orders(device)
      for order in orders { _ = try shop.say(word, order.id, device) }
      return !orders.isEmpty
    }
  }

  @Test func `every device gets its command once, and then the job is finished`() throws {
    try shop.startJob("all", "identify", ["seconds": 3])
    #expect(try shop.job("all").size == 6)
    #expect(try round(["d1", "d2"]) == ["d1", "d2"])
    #expect(try round(["d1", "d2"]) == [])
    shop.pass(.minutes(1))
    #expect(try shop.job("all").job.status == .running)
    #expect(try round() == ["d3", "d4", "d5", "d6"])
    shop.pass(.minutes(1))
    let view = try shop.job("all")
    #expect(view.job.status == .finished && view.counts[.done] == 6)
    #expect(try shop.orderHistory("d1") == ["identify (command 1 of job 1 by alice) done"])
  }

  @Test func `who belongs to a job is decided when the device asks`() throws {
    let query = try Query("tags.site = \"berlin\"")
    try shop.startJob("berlin", "identify", to: .query(query))
    #expect(try round(["d1", "d4"]) == ["d1"])
    try shop.retag("d4", "berlin")
    try shop.retag("d2", "lab")
    #expect(try round() == ["d3", "d4"])
    shop.pass(.minutes(11))
    #expect(try shop.job("berlin").job.status == .finished)
  }

  @Test func `a group and a list are targets too`() throws {
    _ = try shop.plane.putGroup(
      DeviceGroup(name: try Name("pair"), membership: .explicit), in: shop.room)
    _ = try shop.plane.editMembers(
      of: try Name("pair"), in: shop.room, add: [try DeviceID("d1"), try DeviceID("d2")],
      remove: [])
    try shop.startJob("group", "identify", to: .group(try Name("pair")))
    let inUse = problem { _ = try shop.plane.deleteGroup(try Name("pair"), in: shop.room) }
    #expect(inUse?.kind == .conflict)
    #expect(try round() == ["d1", "d2"])
    try shop.startJob("list", "identify", to: .devices([try DeviceID("d5"), try DeviceID("d6")]))
    #expect(try round() == ["d5", "d6"])
    // A list is known to be through without a look at the fleet.
    #expect(try shop.job("list").job.status == .finished)
  }

  @Test func `what cannot work is not started`() throws {
    func refusal(_ body: () throws -> Void) -> Problem.Kind? { problem(body)?.kind }
    #expect(refusal { try shop.startJob("x", to: .group(try Name("none"))) } == .unprocessable)
    #expect(
      refusal { try shop.startJob("x", to: .devices([try DeviceID("none")])) } == .unprocessable)
    #expect(
      refusal { try shop.startJob("x", to: .query(try Query("tags.site = \"moon\""))) }
        == .unprocessable)
    #expect(refusal { try shop.startJob("x", "set-led") } == .unprocessable)
    let wrong = try #require(problem { try shop.startJob("x", "identify", ["seconds": 0]) })
    #expect(wrong.kind == .unprocessable && wrong.detail.contains("$.arguments.seconds"))
    try shop.startJob("x")
    #expect(refusal { try shop.startJob("x") } == .conflict)
    for number in 0..<19 { try shop.startJob("y\(number)") }
    #expect(refusal { try shop.startJob("z") } == .limitReached)
  }

  @Test func `devices that do not know the command are passed over`() throws {
    try shop.advertise("d1", [["name": "set-led"]])
    let plan = try shop.plane.plan(
      JobRequest(
        name: try Name("led"), target: .everyone,
        command: CommandRequest(name: try Name("set-led")),
        limits: JobLimits(perMinute: nil, concurrent: nil, failureStop: nil)), in: shop.room)
    #expect(plan.able == 1 && plan.unable == 5 && plan.examples.map(\.text) == ["d1"])
    try shop.startJob("led", "set-led")
    #expect(try round() == ["d1"])
    shop.pass(.minutes(1))
    #expect(try shop.job("led").job.status == .finished)
  }

  @Test func `only so many devices are at it, and each that is done makes room`() throws {
    try shop.startJob("slow", "identify", concurrent: 2)
    let first = try shop.orders("d1")
    _ = try shop.orders("d2")
    #expect(try shop.orders("d3").isEmpty)
    #expect(try shop.job("slow").reason.contains("2 devices are at it"))
    _ = try shop.say(.done, first[0].id, "d1")
    #expect(try shop.orders("d3").count == 1)
    #expect(try shop.orders("d4").isEmpty)
  }

  @Test func `the rate holds over polls and across a restart`() throws {
    try shop.startJob("paced", "identify", perMinute: 2)
    #expect(try round() == ["d1", "d2"])
    shop.clock.advance(.seconds(30))
    try shop.restart()
    #expect(try round() == [])
    guard case .briefing(let briefing) = try shop.brief("d3") else { throw Unexpected() }
    // It is told to come when there is room, and no earlier.
    #expect((30...32).contains(briefing.pollAfter.wholeSeconds))
    shop.clock.advance(.seconds(31))
    #expect(try round() == ["d3", "d4"])
  }

  @Test func `too many failures pause it until somebody resumes it`() throws {
    let stop = JobLimits.FailureStop(share: try #require(Share(text: "30%")), minimum: 2)
    try shop.startJob("risky", "identify", stop: stop)
    try round(["d1"], .done)
    try round(["d2"], .failed)
    #expect(try shop.job("risky").job.status == .running)
    try round(["d3"], .rejected)
    guard case .paused(let reason) = try shop.job("risky").job.status else { throw Unexpected() }
    #expect(reason == "2 of 3 devices did not do it, more than 30%")
    #expect(try round(["d4"]) == [])
    try shop.restart()
    #expect(try round(["d4"]) == [])
    try shop.steer(.resume, job: "risky")
    #expect(try round(["d4"], .failed) == ["d4"])
    #expect(try shop.job("risky").job.status == .running)
    try round(["d5"], .failed)
    #expect(try shop.job("risky").job.status.word == "paused")
  }

  @Test func `a cancelled job takes back what nobody has taken`() throws {
    try shop.startJob("oops", "identify")
    let taken = try shop.orders("d1")[0].id
    _ = try shop.say(.accepted, taken, "d1")
    let shown = try shop.orders("d2")[0].id
    try shop.steer(.cancel, job: "oops")
    #expect(try shop.orders("d2").isEmpty && shop.orders("d3").isEmpty)
    shop.pass(.seconds(1))
    #expect(try shop.command(shown, "d2").ending == .cancelled)
    #expect(try shop.job("oops").job.settled == nil)
    _ = try shop.say(.done, taken, "d1")
    let view = try shop.job("oops")
    #expect(view.job.settled != nil && view.counts[.done] == 1 && view.counts[.cancelled] == 1)
    #expect(problem { try shop.steer(.resume, job: "oops") }?.kind == .conflict)
    shop.pass(.seconds(1))
    try shop.restart()
    #expect(try shop.job("oops").counts == view.counts)
  }

  @Test func `a job ends with its time, once nobody is at it`() throws {
    try shop.startJob("short", "identify", length: .hours(1), expiresIn: .minutes(30))
    try round(["d1"])
    shop.pass(.minutes(59))
    let last = try shop.orders("d2")[0].id
    shop.pass(.minutes(2))
    #expect(try shop.orders("d3").isEmpty)
    #expect(try shop.job("short").job.status == .running)
    shop.pass(.minutes(30))
    #expect(try shop.command(last, "d2").ending == .expired)
    shop.pass(.seconds(1))
    let view = try shop.job("short")
    #expect(view.job.status == .finished && view.counts[.done] == 1 && view.counts[.expired] == 1)
  }

  @Test func `its devices and counters survive a restart`() throws {
    try shop.startJob("kept", "identify")
    try round(["d1"], .done)
    try round(["d2"], .failed)
    let open = try shop.orders("d3")[0].id
    let before = try shop.job("kept").counts
    try shop.restart()
    #expect(try shop.job("kept").counts == before)
    #expect(try round(["d1", "d2"]) == [])
    _ = try shop.say(.done, open, "d3")
    #expect(try round() == ["d4", "d5", "d6"])
    let failed = try shop.plane.parts(
      ofJob: "kept", in: shop.room, part: .ended(.failed), after: nil, limit: 10)
    #expect(failed.map(\.device.text) == ["d2"])
  }

  @Test func `a large fleet is counted in turns, and the job ends when all was seen`() throws {
    let crowd = try (0..<11_000).map { number in
      try Registration(
        device: try DeviceID("x\(number)"), hardware: try Name("board-a"), tags: [:], token: nil)
    }
    _ = try shop.plane.register(crowd, in: shop.room)
    let query = try Query("tags.site = \"berlin\" and group = \"berliners\"")
    _ = try shop.plane.putGroup(
      DeviceGroup(
        name: try Name("berliners"), membership: .query(try Query("tags.site = \"berlin\""))),
      in: shop.room)
    try shop.startJob("berlin", "identify", to: .query(query))
    try shop.startJob("crew", "identify", to: .group(try Name("berliners")))
    #expect(try shop.job("berlin").size == 3 && shop.job("crew").size == 3)
    #expect(try round() == ["d1", "d2", "d3"])
    shop.pass(.seconds(11))
    // The first look was at less than half of the fleet.
    #expect(try shop.job("berlin").job.status == .running)
    // One that joins meanwhile still has its command.
    try shop.retag("d4", "berlin")
    #expect(try round(["d4"]) == ["d4"])
    for _ in 0..<40 { shop.pass(.seconds(1)) }
    for name in ["berlin", "crew"] {
      let view = try shop.job(name)
      #expect(view.job.status == .finished && view.counts[.done] == 4, "\(name)")
    }
  }

  @Test func `only members of the target are counted, by what each says it can do`() throws {
    try shop.advertise("d1", [["name": "set-led", "arguments": ["type": "object"]]])
    try shop.advertise("d2", [["name": "set-led"]])
    let request = JobRequest(
      name: try Name("led"), target: .group(try Name("lab")),
      command: CommandRequest(name: try Name("set-led")),
      limits: JobLimits(perMinute: nil, concurrent: nil, failureStop: nil))
    _ = try shop.plane.putGroup(
      DeviceGroup(name: try Name("lab"), membership: .filter(try DeviceFilter("tag.site=lab"))),
      in: shop.room)
    try shop.advertise("d5", [["name": "set-led"]])
    let lab = try shop.plane.plan(request, in: shop.room)
    #expect(lab.able == 1 && lab.unable == 2 && lab.examples.map(\.text) == ["d5"])
    #expect(lab.reason?.hasSuffix("does not say that it can set-led") == true)
  }

  @Test func `a disruptive job passes over a device that installs and comes back to it`() throws {
    try shop.release("os", "2")
    try shop.roll("os-2", "os:2", target: .filter(try DeviceFilter("device=d1")))
    let action = try #require(try shop.offer("d1"))
    _ = try shop.fetch(action, "d1")
    try shop.report(.downloaded, action, "d1")
    try shop.startJob("boot", "reboot", to: .devices([try DeviceID("d1")]))
    #expect(try shop.orders("d1").isEmpty)
    try shop.report(.installed, action, "d1")
    shop.clock.advance(.seconds(1))
    try shop.describe("d1", ["version": "2"])
    #expect(try shop.orders("d1").count == 1)
  }
}

extension Workshop {
  fileprivate func retag(_ device: String, _ site: String) throws {
    _ = try plane.changeTwin(
      of: try DeviceID(device), .tags, by: ["site": .string(site)], in: room)
  }
}
