// CommandCrashTests: commands across kill -9, as the command line and a device see them.

import Glibc
import HTTPClient
import Testing
import UpdateModel

@Suite(.serialized) struct CommandCrashTests {
  private let server: TestServer
  private let token: String

  init() throws {
    server = try TestServer()
    let answer = try server.call(
      "POST", TestServer.path("/devices"), ["id": "d1", "hardware": "board"])
    token = answer.document["token"]?.string ?? ""
    setenv("GROUNDSWELL_TOKEN", server.token, 1)
  }

  private func device(_ method: String, _ path: String, _ body: JSON? = nil) throws -> JSON {
    let answer = try server.call(method, "/device/v1/DEFAULT/d1\(path)", body, token: token)
    guard answer.status == 200 else { throw EndToEndFault("\(method) \(path): \(answer)") }
    return answer.document
  }

  private func run(_ words: [String]) throws -> (process: ChildProcess, output: String) {
    let output = "\(server.directory)/\(words.joined(separator: "-").prefix(40)).out"
    return (try ChildProcess(words + ["--server", server.url], output: output), output)
  }

  private func crash() throws {
    server.crash()
    try server.start()
  }

  private func command(_ id: String) throws -> JSON {
    try server.call("GET", TestServer.path("/devices/d1/commands/\(id)")).document
  }

  @Test func `a queued command survives kill -9 at every step, with its result`() throws {
    let sent = try server.call(
      "POST", TestServer.path("/devices/d1/commands"), ["name": "identify"])
    let id = try #require(sent.document["id"]?.string)
    try crash()
    #expect(try command(id)["state"] == "queued")
    for _ in 0..<2 {
      #expect(try device("GET", "")["commands"]?.array?.first?["id"]?.string == id)
      try crash()
      #expect(try command(id)["state"] == "sent")
    }
    _ = try device("POST", "/commands/\(id)", ["state": "accepted"])
    try crash()
    #expect(try device("GET", "")["commands"] == nil)
    #expect(try command(id)["state"] == "accepted")
    _ = try device("POST", "/commands/\(id)", ["state": "done", "result": ["x": 1]])
    try crash()
    #expect(try command(id)["result"] == ["x": 1])
    let next = try server.call(
      "POST", TestServer.path("/devices/d1/commands"), ["name": "identify"])
    #expect(next.document["id"]?.string != id)
  }

  @Test func `the command line waits through a crash and tells how it ended`() throws {
    for (word, code) in [("done", 0), ("failed", 1)] as [(String, Int32)] {
      let (process, output) = try run([
        "device", "command", "d1", "identify", "--arg", "seconds=\(code + 1)", "--wait",
      ])
      var order: JSON?
      for _ in 0..<1200 where order == nil {
        order = try device("GET", "")["commands"]?.array?.first
        if order == nil { pause(50) }
      }
      let id = try #require(order?["id"]?.string, "\(contents(of: output))")
      #expect(order?["arguments"] == ["seconds": .integer(Int64(code + 1))])
      try crash()
      _ = try device("POST", "/commands/\(id)", ["state": .string(word), "text": "as it went"])
      #expect(process.wait() == code, "\(contents(of: output))")
      let text = contents(of: output)
      #expect(text.contains("identify on d1: \(word): as it went"), "\(text)")
    }
  }

  @Test func `jobs and logs can be seen and fetched from the command line`() throws {
    let plan = try run(["job", "create", "--command", "identify", "--all", "--dry-run"])
    #expect(plan.process.wait() == 0)
    #expect(contents(of: plan.output).contains("would be told: 1 device"))
    let create = try run([
      "job", "create", "blink", "--command", "identify", "--device", "d1", "--rate", "50/min",
      "--concurrent", "1",
    ])
    #expect(create.process.wait() == 0, "\(contents(of: create.output))")
    let watch = try run(["job", "watch", "blink"])
    let id = try #require(try device("GET", "")["commands"]?.array?.first?["id"]?.string)
    try crash()
    let connection = try HTTPConnection(host: "127.0.0.1", port: server.port, timeoutSeconds: 120)
    let log = try connection.send(
      "PUT", "/device/v1/DEFAULT/d1/logs/boot.log?command=\(id)",
      headers: [("Authorization", "Bearer \(token)")], body: .bytes(Array("a line\n".utf8)))
    #expect(log.status == 201, "\(log.text)")
    _ = try device("POST", "/commands/\(id)", ["state": "done"])
    try crash()
    let show = try run(["job", "show", "blink"])
    #expect(show.process.wait() == 0)
    #expect(contents(of: show.output).contains("finished"), "\(contents(of: show.output))")
    watch.process.end(SIGTERM)
    let fetch = try run(["device", "logs", "d1", "boot.log", "--output", "-"])
    #expect(fetch.process.wait() == 0)
    #expect(contents(of: fetch.output) == "a line\n")
    let wrong = try run(["device", "command", "d1", "explode"])
    #expect(wrong.process.wait() == 1)
    #expect(contents(of: wrong.output).contains("it knows: reboot"))
  }
}
