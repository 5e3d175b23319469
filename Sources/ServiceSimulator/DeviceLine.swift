// DeviceLine: what a device wants as bytes of HTTP, and what comes back as an answer.

import FleetSimulator
import UpdateModel

/// A complete response.
struct DeviceAnswer: Sendable {
  let status: Int
  let body: [UInt8]
  /// The document of a success; nil for anything else.
  let document: JSON?

  /// Reads a response; nil while it is not complete.
  init?(_ bytes: [UInt8]) {
    guard bytes.count > 12, let start = DeviceAnswer.bodyStart(bytes) else { return nil }
    let lines = String(decoding: bytes[..<start], as: UTF8.self).split(separator: "\r\n")
    guard let status = lines[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
      return nil
    }
    let marker = "Content-Length: "
    let length = lines.first { $0.hasPrefix(marker) }.flatMap { Int($0.dropFirst(marker.count)) }
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

  /// The poll of a device.
  static func poll(_ device: String, token: String) -> DeviceRequest {
    DeviceRequest("GET", "/\(ServiceLife.tenant)/controller/v1/\(device)", token, nil)
  }

  /// A request to a link that the server gave.
  static func link(
    _ method: String, _ href: String, token: String, body: JSON? = nil
  ) -> DeviceRequest {
    let rest = href.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).last ?? ""
    return DeviceRequest(method, String(rest.drop { $0 != "/" }), token, body)
  }

  private init(_ method: String, _ path: String, _ token: String, _ body: JSON?) {
    var head =
      "\(method) \(path) HTTP/1.1\r\nHost: simulated\r\nAuthorization: TargetToken \(token)\r\n"
    let content = body?.text ?? []
    if body != nil {
      head += "Content-Type: application/json\r\nContent-Length: \(content.count)\r\n"
    }
    bytes = Array(head.utf8) + [13, 10] + content
  }
}
