// EmulatedDevice: the native protocol from the side of the device, with a firmware that is only a
// version.

import Crypto
import HTTPClient
import UpdateModel

/// One device without hardware. Used by one thread.
final class EmulatedDevice {
  /// How it behaves.
  struct Habits {
    /// Where what it reports is written; nil for nothing besides its version.
    let stateFile: String?
    /// Versions that do not come up.
    let badVersions: Set<String>
    /// How long a step of an update takes.
    let step: Interval
  }

  private let base: String
  private let token: String
  private let habits: Habits
  private let connection: HTTPConnection
  private let signals = SignalWait()
  private var tag: String?
  private var desired: Int64 = 0
  private var version = "0.0.0"
  private var told = JSON.object([])
  private var isInterrupted = false

  /// A file with more than this is no state of a device.
  private static let stateBytesMax = 32 << 10
  /// What is fetched is kept in memory for a moment.
  private static let imageBytesMax = 1 << 30
  /// Polls are held so long, so that it hears at once; short, so that Ctrl-C is.
  private static let waitSeconds = 5

  init(
    id: String, tenant: String, server: ServerAddress, authorities: String?, token: String,
    habits: Habits
  ) throws(Failure) {
    base = "\(server.prefix)/device/v1/\(APITarget.escape(tenant))/\(APITarget.escape(id))"
    self.token = token
    self.habits = habits
    do throws(HTTPClientError) {
      connection = try HTTPConnection(
        host: server.host, port: Int(server.port),
        tls: server.isSecure
          ? TLSClientOptions(trust: authorities.map { .authorities(path: $0) } ?? .system) : nil,
        timeoutSeconds: 30)
    } catch { throw .failed("\(error)") }
  }

  /// Polls until a time, or until it is interrupted.
  func run(until end: Instant?) throws(Failure) {
    try describe(all: true)
    while !isInterrupted, end.map({ .present < $0 }) ?? true {
      try describe(all: false)
      guard let news = try poll() else { continue }
      if news["ask"] != nil { try describe(all: true) }
      if let section = news["desired"] { take(section) }
      for command in news.items("commands") { try obey(command) }
      if let action = news["cancel"]?.text("action") {
        say("gives up action \(action)")
        try report(action, "cancelled")
      }
      if let offer = news["offer"] { try update(offer) }
      pause(.seconds(1))
    }
  }

  // MARK: Talking

  private func poll() throws(Failure) -> JSON? {
    let response = try send(
      "GET", "?desired=\(desired)&wait=\(EmulatedDevice.waitSeconds)",
      headers: tag.map { [("If-None-Match", $0)] } ?? [])
    tag = response.header("ETag") ?? tag
    if response.status == 304 {
      pause(.seconds(1))
      return nil
    }
    return try document(response)
  }

  private func describe(all: Bool) throws(Failure) {
    var state = JSON.object([])
    if let file = habits.stateFile {
      let bytes = try LocalFile.read(file, atMost: EmulatedDevice.stateBytesMax)
      do { state = try JSON.parse(bytes) } catch { throw .failed("\(file): \(error)") }
      guard state.members != nil else { throw .failed("\(file) holds \(state.kind), no object") }
      if let own = state["version"]?.string, version == "0.0.0" { version = own }
    }
    state = state.merging(["version": .string(version), "emulated": true])
    guard let patch = (all ? .object([]) : told).mergePatch(to: state) else { return }
    _ = try document(try send("PATCH", "/twin", ["reported": patch]))
    told = state
  }

  private func report(_ action: String, _ phase: String, _ more: JSON = .object([])) throws(Failure)
  {
    let body: JSON = ["action": .string(action), "phase": .string(phase)]
    let response = try send("POST", "/reports", body.merging(more))
    guard response.status == 200 || response.status == 410 || response.status == 404 else {
      _ = try document(response)
      return
    }
  }

  private func send(
    _ method: String, _ path: String, _ body: JSON? = nil,
    headers: [(name: String, value: String)] = []
  ) throws(Failure) -> HTTPResponse {
    do throws(HTTPClientError) {
      return try connection.send(
        method, base + path, headers: headers + [("Authorization", "Bearer \(token)")],
        body: body.map { .bytes($0.text) } ?? .none)
    } catch { throw .unreachable("\(error)") }
  }

  private func document(_ response: HTTPResponse) throws(Failure) -> JSON {
    guard (200..<300).contains(response.status) else {
      throw .failed("the server answers \(response.status): \(response.text.prefix(300))")
    }
    if response.body.isEmpty { return .object([]) }
    do { return try JSON.parse(response.body) } catch { throw .failed("\(error)") }
  }

  private func say(_ text: String) { Terminal.write("\(Instant.present) \(text)\n") }

  private func pause(_ interval: Interval) {
    if case .interrupted = signals.wait(milliseconds: Int(interval.milliseconds)) {
      isInterrupted = true
    }
  }

  // MARK: Doing

  private func take(_ section: JSON) {
    desired = section["version"]?.integer ?? desired
    say("should be \(String(decoding: (section["properties"] ?? .null).text, as: UTF8.self))")
  }

  private func obey(_ command: JSON) throws(Failure) {
    let id = command.shown("id")
    say("does \(command.shown("name"))")
    for state in ["accepted", "done"] {
      let body: JSON = ["state": .string(state), "result": ["emulated": true]]
      _ = try send("POST", "/commands/\(APITarget.escape(id))", body)
    }
  }

  private func update(_ offer: JSON) throws(Failure) {
    let action = offer.shown("action")
    let goal = offer["release"]?.text("version") ?? ""
    for name in ["download", "install"] where offer[name]?["allowed"]?.bool == false {
      say("waits with \(goal): \(offer[name]?.text("reason") ?? "")")
      return
    }
    guard goal != version else { return }
    say("updates from \(version) to \(goal)")
    try report(action, "downloading", ["percent": 0])
    for image in offer.items("images") {
      guard try download(image, for: action) else { return }
    }
    try report(action, "installing", ["percent": 50])
    pause(habits.step)
    try report(action, "rebooting")
    pause(habits.step)
    guard !habits.badVersions.contains(goal) else {
      say("\(goal) does not come up; back on \(version)")
      try report(
        action, "reverted",
        ["error": ["class": "health"], "text": .string("\(goal) did not come up")])
      return
    }
    version = goal
    try describe(all: false)
    say("runs \(version)")
  }

  // False when the bytes are not those that were announced.
  private func download(_ image: JSON, for action: String) throws(Failure) -> Bool {
    let bytes: [UInt8]
    do throws(HTTPClientError) {
      bytes = try connection.send(
        "GET", image.shown("url"), headers: [("Authorization", "Bearer \(token)")],
        bodyLimit: EmulatedDevice.imageBytesMax
      ).body
    } catch { throw .unreachable("\(error)") }
    let digest = SHA256.value(of: bytes).hex
    guard Int64(bytes.count) == image["size"]?.integer, digest == image.text("sha256") else {
      say("the bytes of \(image.shown("file")) are wrong")
      try report(action, "failed", ["error": ["class": "hash"], "text": "wrong bytes"])
      return false
    }
    try report(action, "downloading", ["percent": 100, "bytes": JSON(bytes.count)])
    return true
  }
}
