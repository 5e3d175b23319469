// DDIDurabilityTests: no device hears of anything that a crash could still take back.

import Dispatch
import HTTPClient
import Synchronization
import Testing

@Suite struct DDIDurabilityTests {
  @Test func `grants, first fetches, attributes and reports are answered after their commit`()
    throws
  {
    let fleet = try DDIFleet()
    let service = fleet.service
    let device = try fleet.device()
    try device.describe(version: "0.9")
    try fleet.start()
    let token = try #require(device.authorization)
    func check(_ method: String, _ path: String, _ body: String? = nil) {
      service.commits.hold()
      let target = path.isEmpty ? device.base : "\(device.base)/\(path)"
      let request = PendingRequest(port: service.port, token: token, method, target, body)
      #expect(request.status(within: 150) == nil, "\(method) \(path) was answered too early")
      service.commits.release()
      #expect(request.status(within: 10_000) == 200, "\(method) \(path)")
    }
    check("GET", "")
    let action = try #require(try device.offer())
    check("GET", "deploymentBase/\(action)")
    check("PUT", "configData", #"{"data":{"color":"blue"}}"#)
    for (execution, finished) in [
      ("proceeding", "none"), ("downloaded", "none"), ("closed", "success"),
    ] {
      check(
        "POST", "deploymentBase/\(action)/feedback", DDIDevice.feedback(execution, finished))
    }
  }
}

/// A request under way on a thread of its own.
final class PendingRequest: Sendable {
  private let status = Mutex<Int?>(nil)
  private let done = DispatchSemaphore(value: 0)

  init(port: Int, token: String, _ method: String, _ path: String, _ body: String?) {
    DispatchQueue.global().async { [self] in
      // A failed request shows as a missing status.
      let connection = try? HTTPConnection(host: "127.0.0.1", port: port, timeoutSeconds: 20)
      let response = try? connection?.send(
        method, path, headers: [("Authorization", token)],
        body: body.map { .bytes(Array($0.utf8)) } ?? .none)
      status.withLock { $0 = response?.status ?? 0 }
      done.signal()
    }
  }

  /// The status, or nil when there is none within the time.
  func status(within milliseconds: Int) -> Int? {
    _ = done.wait(timeout: .now() + .milliseconds(milliseconds))
    return status.withLock { $0 }
  }
}
