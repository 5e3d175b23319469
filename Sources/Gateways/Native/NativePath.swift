// NativePath: `/device/v1/{tenant}/{device}[/...]`, taken apart without copying on a poll.

import UpdateModel

/// The parts of a path of the native protocol.
struct NativePath {
  static let prefix: StaticString = "/device/v1/"

  private let tenantBytes: UnsafeRawBufferPointer
  private let deviceBytes: UnsafeRawBufferPointer
  private let restBytes: UnsafeRawBufferPointer?

  /// Nil for a path without a tenant and a device.
  init?(_ path: UnsafeRawBufferPointer) {
    guard NativePath.isBelow(path) else { return nil }
    let start = NativePath.prefix.utf8CodeUnitCount
    guard let tenantEnd = NativePath.slash(path, from: start), tenantEnd > start else { return nil }
    let end = NativePath.slash(path, from: tenantEnd + 1) ?? path.count
    guard end > tenantEnd + 1 else { return nil }
    tenantBytes = UnsafeRawBufferPointer(rebasing: path[start..<tenantEnd])
    deviceBytes = UnsafeRawBufferPointer(rebasing: path[(tenantEnd + 1)..<end])
    restBytes = end < path.count ? UnsafeRawBufferPointer(rebasing: path[(end + 1)...]) : nil
  }

  /// Whether a path belongs to the native protocol.
  static func isBelow(_ path: UnsafeRawBufferPointer) -> Bool {
    let count = prefix.utf8CodeUnitCount
    guard path.count > count else { return false }
    for index in 0..<count where path[index] != prefix.utf8Start[index] { return false }
    return true
  }

  private static func slash(_ path: UnsafeRawBufferPointer, from start: Int) -> Int? {
    path[start...].firstIndex(of: UInt8(ascii: "/"))
  }

  /// The tenant; a text that is no name belongs to no tenant.
  var tenant: Name? {
    try? Name(String(decoding: tenantBytes, as: UTF8.self))  // answered as unknown by the caller
  }

  /// The part after the tenant as written: a device, or the word `enrol`.
  var deviceText: String { String(decoding: deviceBytes, as: UTF8.self) }

  /// The decoded parts after the device; empty for the device itself, nil when they are no UTF-8.
  var rest: [String]? {
    guard let restBytes else { return [] }
    var parts: [String] = []
    for part in restBytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      guard let text = PercentEncoding.decode(part) else { return nil }
      parts.append(text)
    }
    return parts
  }

  /// Calls `body` with the decoded bytes of the device id; one without `%` is not copied.
  func withDevice<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    guard deviceBytes.contains(UInt8(ascii: "%")),
      let decoded = PercentEncoding.decode(UnsafeRawBufferPointer(rebasing: deviceBytes[...]))
    else { return body(deviceBytes) }
    var text = decoded
    return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
  }
}
