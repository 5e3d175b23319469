// TestServer: a real server process on a fresh directory that can be killed and started again.

import Glibc
import HTTPClient
import UpdateModel

/// A server under test.
final class TestServer {
  let directory: String
  private(set) var port = 0
  private(set) var token = ""
  private var process: ChildProcess?

  /// Starts a server on a free port.
  init() throws {
    var template = Array("/tmp/groundswell-test.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw EndToEndFault("no temporary directory") }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try start()
    token = contents(of: "\(directory)/data/admin.token").filter { !$0.isWhitespace }
  }

  deinit {
    process?.end(SIGKILL)
    // Only what this test made; the name comes from mkdtemp.
    system("rm -rf '\(directory)'")
  }

  var url: String { "http://127.0.0.1:\(port)" }

  /// Starts the server, on the same port as before if there was one, and waits until it answers.
  func start() throws {
    let log = "\(directory)/server.log"
    unlink(log)
    process = try ChildProcess(
      [
        "serve", "--data", "\(directory)/data", "--listen", "127.0.0.1:\(port)", "--policies",
        TestServer.policies,
      ], output: log)
    for _ in 0..<12_000 {
      let text = contents(of: log)
      if let range = text.firstRange(of: "listens on http://127.0.0.1:") {
        port = Int(text[range.upperBound...].prefix { $0.isNumber }) ?? 0
        return
      }
      guard process?.isRunning ?? false else { throw EndToEndFault("the server ended: \(text)") }
      pause(10)
    }
    throw EndToEndFault("the server does not start: \(contents(of: log))")
  }

  /// The policies of the checkout.
  static var policies: String {
    // Tests/EndToEndTests/TestServer.swift lies two folders below the top.
    "\(#filePath.parent.parent.parent)/Policies"
  }

  /// Kills the server without warning.
  func crash() { process?.end(SIGKILL) }

  /// Ends the server in order; returns its exit status.
  func stop() -> Int32? { process?.end(SIGTERM) }

  /// Sends a request of the management API; throws when there is no answer.
  @discardableResult
  func call(
    _ method: String, _ path: String, _ body: JSON? = nil, token: String? = nil
  ) throws -> (status: Int, document: JSON) {
    let connection = try HTTPConnection(host: "127.0.0.1", port: port, timeoutSeconds: 120)
    defer { connection.close() }
    let response = try connection.send(
      method, path, headers: [("Authorization", "Bearer \(token ?? self.token)")],
      body: body.map { .bytes($0.text) } ?? .none, bodyLimit: 16 << 20)
    return (response.status, (try? JSON.parse(response.body)) ?? .null)  // some answers are empty
  }

  /// The path of a tenant's resource.
  static func path(_ rest: String) -> String { "/api/v1/tenants/DEFAULT\(rest)" }

  /// Uploads bytes as an artifact; returns its number.
  func upload(_ bytes: [UInt8], name: String, version: String, hardware: String) throws -> Int64 {
    let connection = try HTTPConnection(host: "127.0.0.1", port: port, timeoutSeconds: 120)
    defer { connection.close() }
    let response = try connection.send(
      "POST",
      TestServer.path("/artifacts?name=\(name)&version=\(version)&hardware=\(hardware)"),
      headers: [
        ("Authorization", "Bearer \(token)"), ("Content-Type", "application/octet-stream"),
      ],
      body: .bytes(bytes), bodyLimit: 1 << 20)
    guard response.status == 201, let id = try JSON.parse(response.body)["id"]?.integer else {
      throw EndToEndFault("upload: \(response.status) \(response.text)")
    }
    return id
  }

  /// Creates and publishes a release of one artifact.
  func publish(_ name: String, _ version: String, artifact: Int64) throws {
    let created = try call(
      "POST", TestServer.path("/releases"),
      [
        "name": .string(name), "version": .string(version),
        "artifacts": .array([.integer(artifact)]),
      ])
    let published = try call("POST", TestServer.path("/releases/\(name):\(version)/publish"))
    guard created.status == 201, published.status == 200 else {
      throw EndToEndFault("release: \(created) \(published)")
    }
  }
}
