// DeviceIDPattern: many device ids from one text such as `line4-{n}`.

/// A text in which `{n}` stands for a number.
public struct DeviceIDPattern: Equatable, Sendable {
  /// The text.
  public let text: String
  private let parts: [Substring]

  /// The first numbers there are.
  public static let starts = 0...1_000_000_000

  /// Checks a pattern: `{n}` once, and the rest as in a device id.
  public init(_ text: String) throws(InvalidValue) {
    let marker = Array("{n}")
    let characters = Array(text)
    let places = characters.indices.filter { characters[$0...].starts(with: marker) }
    guard places.count == 1, let place = places.first, text.utf8.count <= 200 else {
      throw InvalidValue(
        field: "pattern", reason: "'\(text.prefix(80))' has to have {n} once, and at most 200 bytes"
      )
    }
    self.text = text
    parts = [
      Substring(String(characters[..<place])), Substring(String(characters[(place + 3)...])),
    ]
    _ = try DeviceID(parts[0] + "1" + parts[1])
  }

  /// `count` ids from a number on, all of the same length.
  public func ids(from start: Int, count: Int) throws(InvalidValue) -> [DeviceID] {
    precondition(DeviceIDPattern.starts.contains(start), "the caller checked the first number")
    let width = String(start + max(count, 1) - 1).utf8.count
    var ids: [DeviceID] = []
    ids.reserveCapacity(count)
    for number in start..<start + count {
      let digits = String(number)
      let zeros = String(repeating: "0", count: width - digits.utf8.count)
      ids.append(try DeviceID(parts[0] + zeros + digits + parts[1]))
    }
    return ids
  }
}
