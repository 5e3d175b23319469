// DDIFleet: a service whose time stands still until a test moves it, a rollout, and its devices.

import Gateways
import HTTPClient
import Orchestrator
import Synchronization
import Testing
import UpdateModel

/// A clock that goes on only when it is told to.
final class MovableClock: Clock {
  private let milliseconds = Atomic<Int64>(1_900_000_000_000)

  var now: Instant { Instant(milliseconds: milliseconds.load(ordering: .acquiring)) }

  func move(by interval: Interval) {
    milliseconds.add(interval.milliseconds, ordering: .acquiringAndReleasing)
  }
}

/// A service with one release, version 1.0, of one image for `board-a`, and a person who steers.
final class DDIFleet {
  let clock = MovableClock()
  let service: ManagementService
  let desk: ManagementClient
  /// What was uploaded.
  let image: String

  /// Two attempts, five minutes apart; failures do not stop the rollout.
  private static let policy = """
    {"name": "devices", "stages": [{"upTo": "100%", "soak": "1m"}],
     "failureLimit": {"share": "100%", "minimum": 1000},
     "timeouts": {"accept": "15m", "download": "2h", "install": "1h", "verify": "2h",
                  "reboot": "10m"},
     "retry": {"attempts": 2, "backoff": "5m", "jitter": "0%"}, "onAbort": "stop"}
    """

  init(
    image: String = "firmware", component: String = "os", fileName: String = "app.bin",
    publicURL: String? = nil
  ) throws {
    self.image = image
    service = try ManagementService(
      imageBytesMax: Int64(max(1 << 20, image.utf8.count)), clock: clock, publicURL: publicURL)
    try write(DDIFleet.policy, to: "\(service.directory)/policies/devices.json")
    desk = try ManagementClient(service)
    let names = "fileName=\(fileName)&component=\(component)"
    _ = try desk.expect(
      201, "POST", "T/artifacts?name=app&version=1.0&hardware=board-a&\(names)", image,
      type: "application/octet-stream")
    _ = try desk.expect(
      201, "POST", "T/releases", #"{"name":"app","version":"1.0","artifacts":[1]}"#)
    _ = try desk.expect(200, "POST", "T/releases/1/publish", "{}")
  }

  /// Registers a device of the fitting hardware.
  func device(_ id: String = "d1", path: String? = nil) throws -> DDIDevice {
    let body = JSON.members(["id": .string(id), "hardware": "board-a"])
    let answer = try desk.expect(
      201, "POST", "T/devices", String(decoding: body.text, as: UTF8.self))
    guard let token = answer["token"]?.string else { throw Failure("no token") }
    let device = try DDIDevice(service, path ?? id, token: token)
    // Before a device is given anything it is asked once what it runs; most tests begin after that.
    _ = try device.links()
    return device
  }

  /// A device that has described itself as running an older version, in a rollout under way.
  func deviceInRollout() throws -> DDIDevice {
    let device = try device()
    try device.describe(version: "0.9")
    try start()
    return device
  }

  /// Starts the rollout for everybody.
  func start() throws {
    _ = try desk.expect(
      201, "POST", "T/rollouts",
      #"{"name":"r1","release":1,"policy":"devices","start":true}"#)
  }

  /// Pauses, resumes or aborts the rollout.
  func steer(_ command: String) throws {
    _ = try desk.expect(200, "POST", "T/rollouts/r1/\(command)")
  }

  /// Lets time pass and the service notice it.
  func pass(_ interval: Interval) {
    clock.move(by: interval)
    service.plane.advance()
  }

  /// What the service thinks of a device's part in the rollout.
  func part(_ device: String = "d1") throws -> JSON {
    let list = try desk.expect(200, "GET", "T/rollouts/r1/devices?limit=100")
    return list["items"]?.array?.first { $0["id"]?.string == device }?["action"] ?? .null
  }

  func standing(_ device: String = "d1") throws -> String {
    try part(device)["standing"]?.string ?? "none"
  }
}

/// A device that speaks DDI and nothing else.
final class DDIDevice {
  /// The id as it stands in paths.
  let id: String
  let connection: HTTPConnection
  var authorization: String?
  /// Kept running as long as a device asks it.
  private let service: ManagementService

  init(_ service: ManagementService, _ id: String, token: String?) throws {
    self.service = service
    self.id = id
    connection = try service.connect()
    authorization = token.map { "TargetToken \($0)" }
  }

  var base: String { "/DEFAULT/controller/v1/\(id)" }
  /// What links start with when the device asks the address it is connected to.
  var link: String { "http://127.0.0.1:\(service.port)\(base)" }

  /// Sends a request; a path that starts with a slash is complete, others are below the base.
  func send(
    _ method: String, _ path: String, _ body: String? = nil,
    headers: [(name: String, value: String)] = []
  ) throws -> HTTPResponse {
    var fields = headers
    if let authorization { fields.append(("Authorization", authorization)) }
    if body != nil { fields.append(("Content-Type", "application/json")) }
    return try connection.send(
      method, target(path), headers: fields, body: body.map { .bytes(Array($0.utf8)) } ?? .none)
  }

  private func target(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    return path.isEmpty ? base : "\(base)/\(path)"
  }

  func status(_ method: String, _ path: String, _ body: String? = nil) throws -> Int {
    try send(method, path, body).status
  }

  /// A document that must be there.
  func get(_ path: String) throws -> JSON {
    let response = try send("GET", path)
    guard response.status == 200 else { throw Failure("GET \(path): \(response.status)") }
    return try JSON.parse(response.body)
  }

  /// The links of the next poll, by relation, in order.
  func links() throws -> [JSON.Member] { try get("")["_links"]?.members ?? [] }

  /// The relations of the next poll.
  func relations() throws -> [String] { try links().map(\.key) }

  /// Polls; returns where a link leads, without scheme and host; nil without the link.
  func poll(for relation: String = "deploymentBase") throws -> String? {
    let href = try links().first { $0.key == relation }?.value["href"]?.string
    return href.map(DDIDevice.path)
  }

  /// Polls; returns the number of the action that is offered, nil without one.
  func offer() throws -> String? {
    try poll()?.split(separator: "/").last?.split(separator: "?").first.map(String.init)
  }

  /// Polls and fetches the instructions; returns the number of the action.
  func take() throws -> String {
    guard let id = try offer() else { throw Failure("nothing is offered") }
    _ = try get("deploymentBase/\(id)")
    return id
  }

  /// Reports about an action; returns the status of the answer.
  func report(
    _ execution: String, _ finished: String, _ action: String, to kind: String = "deploymentBase"
  ) throws -> Int {
    try status("POST", "\(kind)/\(action)/feedback", DDIDevice.feedback(execution, finished))
  }

  static func feedback(_ execution: String, _ finished: String) -> String {
    #"{"status":{"execution":"\#(execution)","result":{"finished":"\#(finished)"}}}"#
  }

  /// Says which version runs.
  func describe(version: String) throws {
    let status = try status("PUT", "configData", #"{"data":{"version":"\#(version)"}}"#)
    guard status == 200 else { throw Failure("configData: \(status)") }
  }

  /// The path of the image, from the instructions.
  func imagePath(_ action: String) throws -> String {
    let chunk = try get("deploymentBase/\(action)")["deployment"]?["chunks"]?.array?.first
    let artifact = chunk?["artifacts"]?.array?.first
    guard let href = artifact?["_links"]?["download-http"]?["href"]?.string else {
      throw Failure("no download link")
    }
    return DDIDevice.path(href)
  }

  /// A link without scheme and host.
  static func path(_ href: String) -> String {
    let rest = href.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).last ?? ""
    return String(rest.drop { $0 != "/" })
  }
}
