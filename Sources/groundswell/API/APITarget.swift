// APITarget: paths and queries of the management API with everything escaped that must be.

/// The target of a request, built segment by segment.
struct APITarget: Sendable {
  private(set) var text: String
  private var hasQuery = false

  /// A path below `/api/v1`.
  init(_ segments: String...) { self.init(segments: segments) }

  /// A path below `/api/v1`.
  init(segments: [String]) {
    text = "/api/v1" + segments.map { "/" + APITarget.escape($0) }.joined()
  }

  /// The target with a query parameter; unchanged when the value is nil.
  func with(_ name: String, _ value: String?) -> APITarget {
    guard let value else { return self }
    var target = self
    target.text += (hasQuery ? "&" : "?") + name + "=" + APITarget.escape(value)
    target.hasQuery = true
    return target
  }

  /// Escapes all but the unreserved characters (RFC 3986 section 2.3) and the colon of
  /// `name:version`, which may stand in a segment and in a query.
  static func escape(_ text: String) -> String {
    var escaped: [UInt8] = []
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: ":"):
        escaped.append(byte)
      default:
        escaped += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: escaped, as: UTF8.self)
  }
}
