// DDIPath: `/{tenant}/controller/v1/{controllerId}[/...]`, taken apart without copying on a poll.

import Glibc
import UpdateModel

/// The parts of a DDI path.
struct DDIPath {
  private let tenantBytes: UnsafeRawBufferPointer
  private let controller: UnsafeRawBufferPointer
  private let restBytes: UnsafeRawBufferPointer?

  /// Nil for a path of another shape.
  init?(_ path: UnsafeRawBufferPointer) {
    guard path.count > 16, path[0] == UInt8(ascii: "/"),
      let tenantEnd = DDIPath.slash(path, from: 1)
    else { return nil }
    let marker: StaticString = "/controller/v1/"
    let length = marker.utf8CodeUnitCount
    guard path.count > tenantEnd + length else { return nil }
    for index in 0..<length where path[tenantEnd + index] != marker.utf8Start[index] { return nil }
    let start = tenantEnd + length
    let end = DDIPath.slash(path, from: start) ?? path.count
    guard end > start else { return nil }
    tenantBytes = UnsafeRawBufferPointer(rebasing: path[1..<tenantEnd])
    controller = UnsafeRawBufferPointer(rebasing: path[start..<end])
    // A final slash alone still means the poll.
    restBytes = end + 1 < path.count ? UnsafeRawBufferPointer(rebasing: path[(end + 1)...]) : nil
  }

  private static func slash(_ path: UnsafeRawBufferPointer, from start: Int) -> Int? {
    var index = start
    while index < path.count {
      if path[index] == UInt8(ascii: "/") { return index }
      index += 1
    }
    return nil
  }

  /// The tenant; a text that is no name belongs to no tenant.
  var tenant: Name? { try? Name(tenantText) }  // answered as "not found" by the caller
  /// The tenant as written.
  var tenantText: String { String(decoding: tenantBytes, as: UTF8.self) }
  /// The controller id as written, still percent-encoded.
  var controllerText: String { String(decoding: controller, as: UTF8.self) }

  /// The segments after the controller id, decoded; nil when there are none.
  var rest: [Substring]? {
    guard let restBytes else { return nil }
    var segments: [Substring] = []
    segments.reserveCapacity(4)
    var start = 0
    while true {
      let end = DDIPath.slash(restBytes, from: start) ?? restBytes.count
      segments.append(DDIPath.text(UnsafeRawBufferPointer(rebasing: restBytes[start..<end])))
      guard end < restBytes.count else { return segments }
      start = end + 1
    }
  }

  // A malformed escape stays as it is; no resource has such a name.
  private static func text(_ segment: UnsafeRawBufferPointer) -> Substring {
    let decoded = hasEscape(segment) ? PercentEncoding.decode(segment) : nil
    return Substring(decoded ?? String(decoding: segment, as: UTF8.self))
  }

  private static func hasEscape(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let start = bytes.baseAddress else { return false }
    return memchr(start, Int32(UInt8(ascii: "%")), bytes.count) != nil
  }

  /// Calls `body` with the decoded bytes of the controller id.
  ///
  /// SWUpdate puts ids into the path as they are, others encode them; an id without `%`, the usual
  /// one, is not copied.
  func withController<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    guard DDIPath.hasEscape(controller),
      let decoded = PercentEncoding.decode(controller)
    else { return body(controller) }
    var text = decoded
    return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
  }
}
