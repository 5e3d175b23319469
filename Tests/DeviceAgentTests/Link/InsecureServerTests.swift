// Without TLS: only to the device itself or by the owner's word, and never with other signing keys.

import Crypto
import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct InsecureServerTests {
  private func fault(_ server: String, _ more: String = "") -> Problem.Fault? {
    let text = #"{"server": "\#(server)", "hardware": "board-a"\#(more)}"#
    do throws(LinkError) {
      _ = try AgentDocument.read(Array(text.utf8), path: "agent.json")
      return nil
    } catch {
      guard case .configuration(_, let faults) = error else { return nil }
      return faults.first { $0.field == "$.server" }
    }
  }

  @Test(
    arguments: [
      "http://updates.example.com", "http://10.0.2.2:8080", "http://127.0.0.1.example.com",
      "http://localhost.example.com", "http://128.0.0.1", "http://[2001:db8::1]:80",
      "http://127.0.0.example",
    ])
  func `plain http to another machine is refused until the owner says so`(_ server: String) {
    #expect(fault(server)?.reason.contains("insecure") == true, "it tells the way out")
    #expect(fault(server, #", "insecure": true"#) == nil)
    #expect(fault(server, #", "insecure": false"#) != nil)
  }

  @Test(
    arguments: [
      "http://localhost:8080", "http://127.0.0.1", "http://127.8.9.10:80/ota", "http://[::1]:8080",
      "https://updates.example.com",
    ])
  func `what stays on the device or is encrypted needs no word`(_ server: String) {
    #expect(fault(server) == nil)
  }

  @Test func `signing keys that are known are not exchanged over plain http`() throws {
    let bench = try AgentBench()
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    let forger = try SigningKey.generate()
    // Somebody on the way refuses the device, and answers its enrolment with keys of his own.
    let hex = forger.verifyingKey.hex
    bench.counter.set { $0.signingKeys = [hex] }
    _ = try agent.enrol()
    #expect(agent.identity?.signingKeys == [bench.key.verifyingKey])
    try bench.offer(patternBytes(10_000), signer: forger)
    _ = try agent.cycle(mayWait: false)
    #expect(bench.counter.seen { $0.reports.last?["error"]?["class"] } == "signature")
  }
}
