// TimeZoneName: the name of a time zone, safe to use as the name of a file.

/// The name of a zone in the IANA time zone database, such as `Europe/Paris`. That a text has this
/// form does not mean that there is such a zone.
public struct TimeZoneName: Hashable, Sendable, CustomStringConvertible {
  /// 1 to 64 characters of `A-Z a-z 0-9 _ + - /`; no part between slashes is empty.
  public let text: String

  /// Coordinated Universal Time, which needs no database.
  public static let utc = TimeZoneName(checked: "UTC")

  private init(checked text: String) { self.text = text }

  /// Accepts what may name a zone; nil for anything else. No zone has a dot in its name, so none
  /// leads out of a directory.
  public init?(_ text: String) {
    guard (1...64).contains(text.utf8.count) else { return nil }
    let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    let isPlain = parts.allSatisfy { part in
      !part.isEmpty
        && part.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"),
            UInt8(ascii: "-"):
            return true
          default: return false
          }
        }
    }
    guard isPlain else { return nil }
    self.text = text
  }

  /// The text itself.
  public var description: String { text }
}
