// What a person at the device sees and may order.

import Glibc
import HTTPClient
import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct StatusPageTests {
  @Test func `the page shows the status to a browser on the device, and to nobody else`() throws {
    let bench = try AgentBench()
    bench.counter.set { $0.trouble = 503 }
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    let page = try StatusPage(port: 0, board: agent.board)
    TestThread.start { page.serve() }
    let connection = try HTTPConnection(host: "127.0.0.1", port: page.port, timeoutSeconds: 120)
    let html = try connection.send("GET", "/")
    #expect(html.status == 200)
    #expect(html.text.contains("not enrolled") && html.text.contains("503"))
    let json = try connection.send("GET", "/status.json")
    #expect(try JSON.parse(json.body)["server"]?.string == bench.counter.url)
    #expect(try connection.send("GET", "/../etc/passwd").status == 404)
    #expect(try connection.send("POST", "/", body: .bytes([1])).status == 405)
    let stranger = StatusPage.reply(to: "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", .null)
    #expect(stranger.status.hasPrefix("421"))
  }

  @Test func `what the server sent cannot become a part of the page`() {
    let status: JSON = [
      "trouble": "<script>alert(1)</script> & \"more\"", "device": "pump",
    ]
    let page = StatusPage.reply(to: "GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", status)
    let text = String(decoding: page.body, as: UTF8.self)
    #expect(text.contains("&lt;script&gt;") && !text.contains("<script>"))
  }

  @Test func `an order for the agent is taken once`() throws {
    let bench = try AgentBench()
    let agent = try bench.agent()
    let state = try StateDirectory(bench.directory.file("state"))
    try LocalOrder.safeMode(true).save(in: state)
    _ = try agent.cycle(mayWait: false)
    #expect(agent.status()["safeMode"]?.string == "ordered")
    #expect(try !agent.takeOrders())
    try LocalOrder.safeMode(false).save(in: state)
    #expect(try agent.takeOrders())
    #expect(agent.status()["safeMode"] == nil)
  }

  @Test func `a person may vouch for a trial that cannot reach its server`() throws {
    let bench = try AgentBench()
    try bench.offer(patternBytes(10_000))
    #expect(try bench.turns(try bench.agent()) { false } == .exit(.rebooting))
    bench.counter.set { $0.trouble = 503 }
    try bench.boot()
    let state = try StateDirectory(bench.directory.file("state"))
    try LocalOrder.confirm.save(in: state)
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    #expect(!agent.isOnTrial)
    #expect(agent.status()["version"] == "2.0")
  }

  @Test func `two agents never work in one folder`() throws {
    let directory = try TestDirectory()
    let state = try StateDirectory(directory.path)
    let first = try AgentLock(state)
    #expect(first != nil)
    #expect(try AgentLock(state) == nil)
    withExtendedLifetime(first) {}
  }

  @Test func `a postponement ends, is bounded, and does not outlive a clock that was set back`()
    throws
  {
    let directory = try TestDirectory()
    let state = try StateDirectory(directory.path)
    let now = Instant(milliseconds: 1_800_000_000_000)
    try Postponement(until: now + .days(90), reason: "x", at: now).save(in: state)
    #expect(try Postponement.load(from: state, at: now)?.until == now + .days(30))
    #expect(try Postponement.load(from: state, at: now + .days(31)) == nil)
    #expect(try Postponement.load(from: state, at: Instant(milliseconds: 0)) == nil)
    try Postponement.remove(from: state)
    #expect(try Postponement.load(from: state, at: now) == nil)
  }
}
