// Authorization: what devices send to prove who they are.

import HTTPServer

extension Request {
  /// What follows a scheme in `Authorization` (RFC 9110 section 11.6.2), without a copy; empty when
  /// there is no such field, or another scheme. The scheme is given in lower case with its space.
  func credentials(after scheme: StaticString) -> UnsafeRawBufferPointer {
    let empty = UnsafeRawBufferPointer(start: nil, count: 0)
    let length = scheme.utf8CodeUnitCount
    guard let value = header("Authorization"), value.count > length else { return empty }
    // The bit tells letters apart by case; a space has it set.
    for index in 0..<length where value[index] | 0x20 != scheme.utf8Start[index] { return empty }
    return UnsafeRawBufferPointer(rebasing: value[length...])
  }
}
