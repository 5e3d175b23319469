// Workshop: a service without a network: commands in, answers out, on a clock that stands still.

import Crypto
import Dispatch
import FleetStore
import Glibc
import ImagePipeline
import Orchestrator
import RolloutEngine
import Synchronization
import Testing
import UpdateModel

/// A clock that moves when it is told to.
final class SetClock: Clock {
  private let milliseconds = Atomic<Int64>(1_800_000_000_000)
  private let interruption = Mutex<(@Sendable () -> Void)?>(nil)

  var now: Instant {
    let body = interruption.withLock { interruption in
      defer { interruption = nil }
      return interruption
    }
    body?()
    return Instant(milliseconds: milliseconds.load(ordering: .relaxed))
  }

  /// Runs `body` when a command asks for the time: between what it looked up and what it decides.
  func interrupt(_ body: @escaping @Sendable () -> Void) {
    interruption.withLock { $0 = body }
  }

  func advance(_ length: Interval) { milliseconds.add(length.milliseconds, ordering: .relaxed) }
}

/// A service with one tenant in a directory of its own, gone with its files when it is let go.
final class Workshop {
  let directory: String
  let clock = SetClock()
  private(set) var plane: ControlPlane
  private(set) var room: Room
  private var store: Store
  private let key: SigningKey
  /// The token of each device.
  private(set) var tokens: [String: String] = [:]

  private static let policies = [
    // Everybody at once; nothing stops it.
    "open": """
    {"name": "open", "stages": [{"upTo": "100%", "soak": "1h"}],
     "failureLimit": {"share": "100%"}, "onAbort": "rollback"}
    """,
    // The evidence decides; devices prove themselves within ten minutes.
    "proof": """
    {"name": "proof",
     "gate": {"soak": "10m", "metrics": [{"name": "attr.crashes", "kind": "count"}]}}
    """,
  ]

  private static let zones = "/usr/share/zoneinfo"

  /// A new service; `zones` is the directory of its time zones.
  init(zones: String = Workshop.zones) throws {
    var template = Array("/tmp/orchestrator-tests-XXXXXX\0".utf8CString)
    directory = String(cString: try #require(mkdtemp(&template)))
    mkdir(directory + "/policies", 0o700)
    for (name, text) in Workshop.policies {
      let file = try #require(fopen("\(directory)/policies/\(name).json", "w"))
      fputs(text, file)
      fclose(file)
    }
    key = try SigningKey.generate()
    (store, plane) = try Workshop.open(directory, key, clock, zones: zones)
    room = try plane.createTenant(try Name("DEFAULT"), settings: .object([])).room
  }

  deinit {
    store.stop()
    Workshop.remove(directory)
  }

  private static func open(
    _ directory: String, _ key: SigningKey, _ clock: SetClock, zones: String
  ) throws -> (Store, ControlPlane) {
    let store = try Store(directory: directory, pendingLimit: 100_000)
    let plane = ControlPlane(
      store: store,
      images: ImageShelf(
        blobs: try BlobDirectory(root: directory + "/images"), key: key,
        compressor: try ImageCompressor(level: 1, workerCount: 0), imageBytesMax: 1 << 20),
      policies: PolicyShelf(directory: directory + "/policies"),
      timeZones: TimeZoneShelf(directory: zones), clock: clock)
    try plane.load()
    return (store, plane)
  }

  /// Ends the service and starts it again on the same directory; `between` changes what is stored.
  func restart(
    zones: String = Workshop.zones, between: ((Store) throws -> Void)? = nil
  ) throws {
    try #require(store.stop() == nil)
    if let between {
      let store = try Store(directory: directory, pendingLimit: 100_000)
      store.start()
      try between(store)
      try #require(store.stop() == nil)
    }
    (store, plane) = try Workshop.open(directory, key, clock, zones: zones)
    room = try #require(plane.room(try Name("DEFAULT")))
  }

  /// The bytes of a file, at most a megabyte; nil when there is none.
  func contents(of path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
  }

  /// Throws when the store cannot write what waits.
  func flush() throws { try store.wait(for: store.enqueue([])) }

  // MARK: Things

  /// Uploads an image whose bytes follow from its name and version unless they are given.
  @discardableResult
  func upload(
    _ name: String, _ version: String, hardware: String = "board-a", component: String = "os",
    bytes: [UInt8]? = nil
  ) throws -> Artifact {
    let upload = try plane.beginUpload()
    _ = (bytes ?? Array("\(name) \(version)".utf8)).withUnsafeBytes { upload.append($0) {} }
    let description = try ArtifactDescription(
      name: try Name(name), version: try FirmwareVersion(version), hardware: [try Name(hardware)],
      component: try Name(component), fileName: try Name("image.bin"), sha256: nil, isRaw: true)
    let result = Mutex<Result<(artifact: Artifact, isNew: Bool), Problem>?>(nil)
    let done = DispatchSemaphore(value: 0)
    plane.finish(upload, as: description, in: room) { outcome in
      result.withLock { $0 = outcome }
      done.signal()
    }
    done.wait()
    return try #require(result.withLock { $0 }).get().artifact
  }

  /// Uploads an image and publishes a release of it.
  @discardableResult
  func release(
    _ name: String, _ version: String, hardware: String = "board-a", component: String = "os",
    imageVersion: String? = nil, floors: ReleaseFloors = ReleaseFloors(),
    terms: Release.Terms = .usual
  ) throws -> Release {
    let artifact = try upload(
      name, imageVersion ?? version, hardware: hardware, component: component)
    _ = try plane.createRelease(
      named: try Name(name), version: try FirmwareVersion(version), notes: "",
      artifacts: [artifact.id], floors: floors, terms: terms, in: room)
    return try setStatus(.published, of: "\(name):\(version)")
  }

  @discardableResult
  func setStatus(_ status: Release.Status, of release: String) throws -> Release {
    try plane.setStatus(status, ofRelease: release, by: "tester", in: room).release
  }

  /// Registers a device that says which version it runs.
  func register(
    _ device: String, hardware: String = "board-a", version: String? = nil,
    tags: [String: String] = [:]
  ) throws {
    let registration = try Registration(
      device: try DeviceID(device), hardware: try Name(hardware), tags: tags, token: nil)
    tokens[device] = try plane.register([registration], in: room).tokens.first
    try describe(device, version.map { ["version": $0] } ?? ["serial": "1"])
  }

  /// The device describes itself.
  func describe(_ device: String, _ values: [String: String]) throws {
    _ = try plane.updateAttributes(
      of: try DeviceID(device), in: room, mode: .merge,
      values: values.map { (key: $0.key, value: $0.value) })
  }

  /// Creates a rollout under policy `open` with these values in place of the policy's; starts it.
  func roll(
    _ name: String, _ release: String, policy: String = "open",
    overrides: [(path: String, value: String)] = [],
    terms: RolloutTerms = .usual, target: RolloutSpecification.Target? = nil
  ) throws {
    try create(
      name, release, policy: policy, overrides: overrides, terms: terms, target: target)
    try steer(.start, name)
  }

  func create(
    _ name: String, _ release: String, policy: String = "open",
    overrides: [(path: String, value: String)] = [],
    terms: RolloutTerms = .usual, target: RolloutSpecification.Target? = nil
  ) throws {
    let request = RolloutRequest(
      release: release, policy: policy, overrides: overrides, target: target)
    _ = try plane.createRollout(named: try Name(name), request, terms: terms, in: room)
  }

  func steer(_ command: SteeringCommand, _ rollout: String) throws {
    _ = try plane.steer(command, rollout: rollout, by: "tester", in: room)
  }

  // MARK: What devices do

  func poll(_ device: String) throws -> PollAnswer {
    let token = try #require(tokens[device])
    return Array(device.utf8).withUnsafeBytes { id in
      Array(token.utf8).withUnsafeBytes { plane.poll(room, device: id, token: $0) }
    }
  }

  /// Polls; the action that is offered, nil when there is none.
  func offer(_ device: String) throws -> ActionID? {
    if case .deployment(let id, _) = try poll(device) { id } else { nil }
  }

  /// Fetches the instructions; nil when there are none.
  func fetch(_ id: ActionID, _ device: String) throws -> Deployment? {
    plane.deployment(id, for: try DeviceID(device), in: room)
  }

  @discardableResult
  func report(
    _ meaning: DeviceReport.Meaning, _ id: ActionID, _ device: String, text: String = "",
    answersCancel: Bool = false
  ) throws -> ReportOutcome {
    plane.record(
      DeviceReport(meaning: meaning, word: "said", text: text, code: nil),
      of: try DeviceID(device), action: id, answersCancel: answersCancel, in: room)
  }

  /// Installs, says that it runs `version` and polls once more.
  func update(_ device: String, to version: String) throws {
    try install(device)
    clock.advance(.seconds(1))
    try describe(device, ["version": version])
    _ = try poll(device)
  }

  /// Why a device stands where it stands.
  func explain(_ device: String, _ rollout: String) throws -> String {
    try plane.explain(try DeviceID(device), rollout: rollout, in: room).story.words
  }

  /// The history of a rollout, oldest first.
  func history(_ name: String) throws -> [String] {
    try flush()
    let id = try rollout(name).specification.id
    return try plane.moments(of: id, in: room, before: nil, limit: 100).moments.map(\.sentence)
      .reversed()
  }

  /// Polls, fetches and reports success.
  @discardableResult
  func install(_ device: String) throws -> ActionID {
    let id = try #require(try offer(device))
    _ = try #require(try fetch(id, device))
    try report(.installed, id, device)
    return id
  }

  // MARK: How things stand

  func rollout(_ name: String) throws -> Rollout { try plane.rollout(name, in: room).rollout }

  /// What a device's part in a rollout is; nil when it has none.
  func part(_ device: String, _ rollout: String) throws -> Action? {
    let parts = try plane.participants(
      of: rollout, in: room, standing: nil, after: nil, limit: 1000)
    return parts.first { $0.part.action.device.text == device }?.part.action
  }

  func standing(_ device: String, _ rollout: String) throws -> Standing? {
    try part(device, rollout)?.standing
  }

  private static func remove(_ path: String) {
    if let handle = opendir(path) {
      while let entry = readdir(handle) {
        let name = withUnsafePointer(to: entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { remove(path + "/" + name) }
      }
      closedir(handle)
    }
    Glibc.remove(path)
  }
}

extension DeviceStory {
  /// All of it in one line.
  var words: String { ([reason, next] + facts).joined(separator: "; ") }
}
