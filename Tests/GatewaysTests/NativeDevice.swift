// NativeDevice: a device that speaks the native protocol and nothing else.

import Dispatch
import HTTPClient
import UpdateModel

final class NativeDevice {
  let id: String
  let connection: HTTPConnection
  var token: String?
  var tag: String?
  /// Kept running as long as a device asks it.
  private let service: ManagementService

  init(_ service: ManagementService, _ id: String, token: String?) throws {
    self.service = service
    self.id = id
    self.token = token
    connection = try service.connect()
  }

  /// Registers a device of the fitting hardware.
  convenience init(_ fleet: DDIFleet, _ id: String = "d1") throws {
    let answer = try fleet.desk.expect(
      201, "POST", "T/devices", #"{"id":"\#(id)","hardware":"board-a"}"#)
    try self.init(fleet.service, id, token: answer["token"]?.string)
  }

  var servicePort: Int { service.port }

  var base: String { "/device/v1/DEFAULT/\(id)" }

  /// Sends a request; a path that starts with a slash is complete, others are below the base.
  func send(
    _ method: String, _ path: String, _ body: String? = nil,
    headers: [(name: String, value: String)] = []
  ) throws -> HTTPResponse {
    var fields = headers
    if let token { fields.append(("Authorization", "Bearer \(token)")) }
    let target =
      path.hasPrefix("/")
      ? path : path.isEmpty || path.hasPrefix("?") ? base + path : "\(base)/\(path)"
    return try connection.send(
      method, target, headers: fields, body: body.map { .bytes(Array($0.utf8)) } ?? .none)
  }

  /// Sends a request that must be answered with this status; returns the document.
  @discardableResult
  func expect(
    _ status: Int, _ method: String, _ path: String, _ body: String? = nil
  ) throws -> JSON {
    let response = try send(method, path, body)
    guard response.status == status else {
      throw Failure("\(method) \(path): \(response.status) \(response.text)")
    }
    return response.body.isEmpty ? .null : try JSON.parse(response.body)
  }

  /// Polls as a device that knows what it was told; nil for 304.
  func poll(_ query: String = "") throws -> JSON? {
    let response = try send(
      "GET", query, headers: tag.map { [("If-None-Match", $0)] } ?? [])
    guard response.status == 200 || response.status == 304 else {
      throw Failure("poll: \(response.status) \(response.text)")
    }
    tag = response.header("ETag")
    return response.status == 304 ? nil : try JSON.parse(response.body)
  }

  func report(_ action: String, _ phase: String, _ rest: String = "") throws -> Int {
    try send("POST", "reports", #"{"action":"\#(action)","phase":"\#(phase)"\#(rest)}"#).status
  }
}

/// Changes something on a thread of its own, a moment later.
final class BackgroundChange: @unchecked Sendable {
  // Used by the one thread that `start` makes; the maker only starts it.
  private let client: ManagementClient
  private let path: String
  private let body: String

  init(_ client: ManagementClient, _ path: String, _ body: String) {
    (self.client, self.path, self.body) = (client, path, body)
  }

  func start() {
    DispatchQueue.global().asyncAfter(deadline: .now() + 0.3) {
      // The waiting poll fails the test when this did not happen.
      _ = try? self.client.send("PATCH", self.path, self.body)
    }
  }
}

/// Sends a command to `d1` on a thread of its own, a moment later.
final class BackgroundOrder: @unchecked Sendable {
  // Used by the one thread that `start` makes; the maker only starts it.
  private let client: ManagementClient

  init(_ client: ManagementClient) { self.client = client }

  func start() {
    DispatchQueue.global().asyncAfter(deadline: .now() + 0.3) {
      // The waiting poll fails the test when this did not happen.
      _ = try? self.client.send("POST", "T/devices/d1/commands", #"{"name":"identify"}"#)
    }
  }
}
