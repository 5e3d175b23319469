// The configuration file: defaults, faults by line and key, the last good copy.

import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct AgentDocumentTests {
  private static let least = #"{"server": "https://updates.example.com", "hardware": "board-a"}"#

  private func faults(_ text: String) -> [Problem.Fault] {
    do throws(LinkError) {
      _ = try AgentDocument.read(Array(text.utf8), path: "agent.json")
      return []
    } catch {
      guard case .configuration(_, let faults) = error else { return [] }
      return faults
    }
  }

  /// The least configuration with more members.
  private func with(_ members: String) -> String {
    "{\n\"server\": \"https://updates.example.com\", \"hardware\": \"board-a\",\n\(members)\n}"
  }

  @Test func `server and hardware are all that is needed, the rest has defaults`() throws {
    let read = try AgentDocument.read(Array(Self.least.utf8), path: "agent.json")
    #expect(read.tenant.text == "DEFAULT")
    #expect(read.pacing == NextPoll(least: .seconds(10), most: .days(1), wait: .zero))
    #expect(read.conditions.autoUpdate == .always)
    #expect(read.statusPort == nil && !read.rebootEndsAgent && !read.hasPinnedKeys)
    #expect(read.downloadRateMin == 0 && read.allowsMetered)
  }

  @Test func `comments are allowed, since people write this file`() throws {
    let text = "// The pump in hall 2.\n" + Self.least
    #expect(try AgentDocument.read(Array(text.utf8), path: "agent.json").server.hasPrefix("https"))
  }

  @Test(
    arguments: [
      (#""tenant": "a b""#, "$.tenant"),
      (#""device": "with space""#, "$.device"),
      (#""claim": "abc""#, "$.claim"),
      (#""claim": "ABCD-1", "claimFile": "/etc/claim""#, "$.claimFile"),
      (#""claimFile": "relative""#, "$.claimFile"),
      (#""autoUpdate": "at 2:00-4:00""#, "$.autoUpdate"),
      (#""autoUpdate": "sometimes""#, "$.autoUpdate"),
      (#""statusPage": "0.0.0.0:80""#, "$.statusPage"),
      (#""statusPage": "127.0.0.1:65536""#, "$.statusPage"),
      (#""poll": {"least": "999ms"}"#, "$.poll.least"),
      (#""poll": {"least": "2h", "most": "1h"}"#, "$.poll.most"),
      (#""poll": {"wait": "301s"}"#, "$.poll.wait"),
      (#""poll": {"wiat": "1s"}"#, "$.poll.wiat"),
      (#""download": {"bytesPerSecondMin": -1}"#, "$.download.bytesPerSecondMin"),
      (#""download": {"window": "11m"}"#, "$.download.window"),
      (#""capabilities": [{"name": "reboot", "command": ["/bin/x"]}]"#, "$.capabilities[0].name"),
      (#""capabilities": [{"name": "x", "command": ["x"]}]"#, "$.capabilities[0].command"),
      (
        #""capabilities": [{"name": "x", "command": ["/x"]}, {"name": "x", "command": ["/x"]}]"#,
        "$.capabilities[1].name"
      ),
      (#""logs": [{"name": "x"}]"#, "$.logs[0].command"),
      (#""logs": [{"name": "x", "file": "/x", "command": ["/x"]}]"#, "$.logs[0].command"),
      (#""reported": {"file": "x"}"#, "$.reported.file"),
      (#""reported": {"properties": 7}"#, "$.reported.properties"),
      (#""rebootEndsAgent": true, "hooks": {"reboot": ["/sbin/reboot"]}"#, "$.rebootEndsAgent"),
      (#""conditions": {"batteryPercentMin": 101}"#, "$.conditions.batteryPercentMin"),
      (#""signingKeys": ["00"]"#, "$.signingKeys"),
      (#""sever": "x""#, "$.sever"),
    ])
  func `a fault is named by its key and its line`(_ members: String, _ field: String) {
    let found = faults(with(members))
    #expect(found.contains { $0.field == field && $0.line == 3 }, "\(found)")
  }

  @Test func `a device with its own token says who it is and whom it trusts`() {
    #expect(
      faults(with(#""tokenFile": "/etc/token", "device": "d""#)).map(\.field) == ["$.signingKeys"])
    #expect(
      Set(faults(with(#""tokenFile": "/etc/token""#)).map(\.field)) == [
        "$.device", "$.signingKeys",
      ])
  }

  @Test func `all faults are told at once`() {
    let found = faults(#"{"server": "ftp://x", "autoUpdate": 1, "poll": {"least": 3}}"#)
    #expect(
      Set(found.map(\.field)) == ["$.server", "$.hardware", "$.autoUpdate", "$.poll.least"])
  }

  @Test func `what is no JSON is told by its line`() {
    #expect(faults("{\n\n  \"server\": }").first?.line == 3)
  }

  @Test func `a file that was spoilt leaves the last good one in force, in safe mode`() throws {
    let bench = try AgentBench()
    let path = try bench.directory.write(try bench.configuration().prettyText, to: "agent.json")
    let state = bench.directory.file("state")
    let good = try LoadedConfiguration(path, stateDirectory: state)
    #expect(good.fault == nil)
    try bench.directory.write("{\"server\": ", to: "agent.json")
    let spoilt = try LoadedConfiguration(path, stateDirectory: state)
    #expect(spoilt.fault?.contains("line 1") == true)
    #expect(spoilt.configuration.server == bench.counter.url)
    let agent = try bench.agent(fault: spoilt.fault)
    _ = try agent.cycle(mayWait: false)
    #expect(bench.counter.seen { $0.reported["safeMode"] } == true)
    #expect(
      bench.counter.seen { $0.reported["agent"]?["configuration"]?.string }?.contains("line 1")
        == true)
    // Mended: safe mode ends by itself.
    _ = try bench.agent().cycle(mayWait: false)
    #expect(bench.counter.seen { $0.reported["safeMode"] } == false)
  }

  @Test func `without any copy a file that cannot be read is an error`() throws {
    let directory = try TestDirectory()
    #expect(throws: LinkError.self) {
      try LoadedConfiguration(directory.file("none.json"), stateDirectory: directory.path)
    }
  }

  @Test func `the specimen that people begin with is read as it stands`() throws {
    // Tests run in the project's directory.
    let specimen = try AgentDocument.load("Artifacts/agent.json")
    #expect(specimen.server == "https://updates.example:8443")
    #expect(specimen.setup.health.checks.count == 1)
    #expect(specimen.setup.hooks.actions.count == 2)
    #expect(specimen.statusPort == 8780)
  }
}
