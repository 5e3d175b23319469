// EntityTag: versions as HTTP writes them in ETag and If-Match.

import UpdateModel

/// Entity tags (RFC 9110 section 8.8.3) that are versions.
enum EntityTag {
  /// The version in a tag such as `"7"`; quotes may be missing.
  static func version(_ text: String) throws(Problem) -> UInt64 {
    guard let version = UInt64(text.filter { $0 != "\"" && $0 != " " }) else {
      throw Problem(
        InvalidValue(
          field: "If-Match", reason: "'\(text.prefix(40))' is no version such as \"7\""))
    }
    return version
  }
}
