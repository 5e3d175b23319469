// ClaimLink: what the QR code on a label says, as a URI that an installer's program understands.

/// `groundswell:claim?t=TENANT&d=DEVICE&c=CODE&u=SERVER`.
///
/// `t` and `c` are always there, since a claim is a tenant's and its code finds the rest. `d`, the
/// device id, and `u`, the server's address, are left out when a label is too small for them.
/// Values are percent-encoded (RFC 3986); the order does not matter, unknown names are ignored, and
/// a name that occurs twice is an error.
public struct ClaimLink: Hashable, Sendable {
  /// Whose claim it is.
  public var tenant: Name
  /// The id that was fixed when the label was made, if it was and there is room for it.
  public var device: DeviceID?
  /// The secret.
  public var code: ClaimCode
  /// The address of the server, `http://` or `https://`.
  public private(set) var server: String?

  /// Longest address: a host name has at most 253 characters.
  public static let serverByteCountMax = 300
  /// Longest link: a device id of 256 bytes, all of them encoded, and the rest.
  public static let byteCountMax = 1_536
  private static let start = "groundswell:claim?"

  /// Joins the parts; throws when `server` is no plain web address of at most 300 characters.
  public init(
    tenant: Name, device: DeviceID?, code: ClaimCode, server: String?
  ) throws(InvalidValue) {
    if let server {
      let isWeb = server.hasPrefix("https://") || server.hasPrefix("http://")
      guard isWeb, server.utf8.count <= Self.serverByteCountMax,
        server.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
      else {
        throw InvalidValue(
          field: "server",
          reason: "'\(server.prefix(80))' is no address such as https://ota.example.com of at most "
            + "300 characters")
      }
    }
    self.tenant = tenant
    self.device = device
    self.code = code
    self.server = server
  }

  /// Reads a link; the error never repeats the code.
  public init(_ text: String) throws(InvalidValue) {
    guard text.utf8.count <= Self.byteCountMax,
      text.prefix(Self.start.count).lowercased() == Self.start
    else {
      throw InvalidValue(field: "link", reason: "does not start with \(Self.start)")
    }
    var parts: [String: String] = [:]
    for pair in text.dropFirst(Self.start.count).split(separator: "&") {
      let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard halves.count == 2, let value = Self.decode(halves[1]) else {
        throw InvalidValue(field: "link", reason: "has a part that is not name=value")
      }
      guard parts.updateValue(value, forKey: String(halves[0])) == nil else {
        throw InvalidValue(field: "link", reason: "has '\(halves[0].prefix(16))' more than once")
      }
    }
    guard let tenant = parts["t"], let code = parts["c"] else {
      throw InvalidValue(field: "link", reason: "lacks t (tenant) or c (claim code)")
    }
    var device: DeviceID?
    if let id = parts["d"] { device = try DeviceID(id) }
    try self.init(
      tenant: try Name(tenant, field: "tenant"), device: device, code: try ClaimCode(code),
      server: parts["u"])
  }

  /// The link as text.
  public var text: String {
    var text = "\(Self.start)t=\(Self.encode(tenant.text))"
    if let device { text += "&d=\(Self.encode(device.text))" }
    text += "&c=\(code.symbols)"
    if let server { text += "&u=\(Self.encode(server))" }
    return text
  }

  /// Percent-encodes all but the unreserved characters, and `:`, `/` and `@`, which a query may
  /// hold as they are (RFC 3986 section 3.4).
  private static func encode(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: ":"), UInt8(ascii: "/"),
        UInt8(ascii: "@"):
        bytes.append(byte)
      default:
        bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func decode(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit)
      else {
        return nil
      }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func digit(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - 48
    case UInt8(ascii: "A")...UInt8(ascii: "F"): character - 55
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - 87
    default: nil
    }
  }
}
