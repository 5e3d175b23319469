// DeviceLine: what a device wants as bytes of HTTP, and what comes back as an answer.

import FleetSimulator
import UpdateModel

/// A complete response.
struct DeviceAnswer: Sendable {
  let status: Int
  let body: [UInt8]
  /// The document of a success; nil for anything else.
  let document: JSON?
  /// The entity tag, as it was sent; nil without one.
  let tag: String?
  /// When a native device is to poll again; nil when nothing is said.
  let pollAfter: Interval?

  /// Reads a response; nil while it is not complete.
  init?(_ bytes: [UInt8]) {
    guard bytes.count > 12, let start = DeviceAnswer.bodyStart(bytes) else { return nil }
    let lines = String(decoding: bytes[..<start], as: UTF8.self).split(separator: "\r\n")
    guard let status = lines[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
      return nil
    }
    func header(_ name: String) -> Substring? {
      lines.first { $0.hasPrefix(name + ": ") }?.dropFirst(name.utf8.count + 2)
    }
    let length = header("Content-Length").flatMap { Int($0) }
    tag = header("ETag").map(String.init)
    pollAfter = header("Poll-After").flatMap { Int64($0) }.map { .seconds($0) }
    guard bytes.count - start >= length ?? 0 else { return nil }
    self.status = status
    body = Array(bytes[start...])
    // A body that is no JSON is as good as none to a device.
    document = status == 200 && body.first == UInt8(ascii: "{") ? try? JSON.parse(body) : nil
  }

  private static func bodyStart(_ bytes: [UInt8]) -> Int? {
    var index = 3
    while index < bytes.count {
      if bytes[index] == 10, bytes[index - 1] == 13, bytes[index - 2] == 10 { return index + 1 }
      index += 1
    }
    return nil
  }
}

/// A request of a device.
struct DeviceRequest: Sendable {
  let bytes: [UInt8]
  /// What a device that polls by the native protocol says that it knows; nil for anything else.
  private(set) var knowledge: NativeKnowledge?

  /// The poll of a device.
  static func poll(_ device: String, token: String) -> DeviceRequest {
    DeviceRequest(
      "GET", "/\(ServiceLife.tenant)/controller/v1/\(device)", "TargetToken \(token)", nil)
  }

  /// A request to a link that the server gave.
  static func link(
    _ method: String, _ href: String, token: String, body: JSON? = nil
  ) -> DeviceRequest {
    let rest = href.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).last ?? ""
    return DeviceRequest(method, String(rest.drop { $0 != "/" }), "TargetToken \(token)", body)
  }

  /// A request of the native protocol.
  static func native(
    _ method: String, _ path: String, token: String, body: JSON? = nil
  ) -> DeviceRequest { DeviceRequest(method, path, "Bearer \(token)", body) }

  /// The poll of a device that speaks the native protocol.
  static func nativePoll(
    _ device: String, token: String, knowing known: NativeKnowledge
  ) -> DeviceRequest {
    let path = "/device/v1/\(ServiceLife.tenant)/\(device)?desired=\(known.desired)"
    let condition = known.briefing.map { "If-None-Match: \($0.tag)\r\n" } ?? ""
    var request = DeviceRequest("GET", path, "Bearer \(token)", nil, more: condition)
    request.knowledge = known
    return request
  }

  private init(
    _ method: String, _ path: String, _ credentials: String, _ body: JSON?, more: String = ""
  ) {
    var head =
      "\(method) \(path) HTTP/1.1\r\nHost: simulated\r\nAuthorization: \(credentials)\r\n\(more)"
    let content = body?.text ?? []
    if body != nil {
      head += "Content-Type: application/json\r\nContent-Length: \(content.count)\r\n"
    }
    bytes = Array(head.utf8) + [13, 10] + content
  }
}
