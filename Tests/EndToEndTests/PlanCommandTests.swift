// PlanCommandTests: `groundswell rollout plan` as a person reads it before a start.

import Glibc
import Testing
import UpdateModel

@Suite struct PlanCommandTests {
  private func plan(_ server: TestServer, _ words: String...) throws -> String {
    setenv("GROUNDSWELL_TOKEN", server.token, 1)
    let output = "\(server.directory)/plan.txt"
    unlink(output)
    let process = try ChildProcess(
      ["rollout", "plan", "--server", server.url, "--release", "fw:2.0.0", "--policy", "fast"]
        + words, output: output)
    #expect(process.wait() == 0, "\(contents(of: output))")
    return contents(of: output)
  }

  @Test func `a plan shows times, risks, load and who is left out, within 100 columns`() throws {
    let server = try TestServer()
    let image = try server.upload(
      [UInt8](repeating: 7, count: 50_000), name: "fw", version: "2.0.0", hardware: "board")
    try server.publish("fw", "2.0.0", artifact: image)
    for number in 0..<30 {
      try server.call(
        "POST", TestServer.path("/devices"),
        ["id": .string("d\(number)"), "hardware": .string(number < 28 ? "board" : "other")])
    }
    try server.call("PUT", TestServer.path("/groups/staging"))
    try server.call(
      "POST", TestServer.path("/groups/staging/members"), ["add": ["d0", "d1"]])

    let planned = try plan(server)
    #expect(planned.contains("BOUND"))
    #expect(planned.contains("2  not reached       no artifact of the release fits"))

    let evident = try plan(
      server, "--set",
      #"stages=[{"upTo": "50%", "soak": "1h"}, {"upTo": "100%", "soak": "0s"}]"#, "--expect", "1%",
      "--install", "20m")
    for words in [
      "at the latest", "worst case", "canary", "BOUND", "HARMED", "never heard",
      "1% of devices fail", "install in 20 min", "95% confidence", "the stages of the policy cap",
    ] {
      #expect(
        evident.split(whereSeparator: \.isWhitespace).joined(separator: " ").contains(words),
        "\(words): \(evident)")
    }
    for line in (planned + evident).split(separator: "\n") where !line.hasPrefix("warning: ") {
      #expect(line.count <= 100, "\(line)")
    }
    #expect(try server.call("GET", TestServer.path("/rollouts")).document["items"] == [])
    #expect(server.stop() == 0)
  }
}
