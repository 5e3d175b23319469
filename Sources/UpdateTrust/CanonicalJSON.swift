// CanonicalJSON: the one byte form of a JSON value that is signed.

public import UpdateModel

/// The OLPC canonical form that The Update Framework signs: no white space, keys in the order of
/// their UTF-8 bytes, only `"` and `\` escaped, no numbers but integers.
public enum CanonicalJSON {
  /// A value has no canonical form.
  public struct NotCanonical: Error, Equatable, Sendable {
    /// The number that is no integer.
    public let literal: String
  }

  /// The canonical bytes of a value.
  public static func encode(_ value: JSON) throws(NotCanonical) -> [UInt8] {
    var output: [UInt8] = []
    try append(value, to: &output)
    return output
  }

  private static func append(_ value: JSON, to output: inout [UInt8]) throws(NotCanonical) {
    switch value {
    case .null: output.append(contentsOf: "null".utf8)
    case .bool(let flag): output.append(contentsOf: (flag ? "true" : "false").utf8)
    case .integer(let number): output.append(contentsOf: String(number).utf8)
    case .decimal(let literal): throw NotCanonical(literal: literal)
    case .string(let text): append(text, to: &output)
    case .array(let elements):
      output.append(UInt8(ascii: "["))
      for (position, element) in elements.enumerated() {
        if position > 0 { output.append(UInt8(ascii: ",")) }
        try append(element, to: &output)
      }
      output.append(UInt8(ascii: "]"))
    case .object(let members):
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      output.append(UInt8(ascii: "{"))
      for (position, member) in sorted.enumerated() {
        if position > 0 { output.append(UInt8(ascii: ",")) }
        append(member.key, to: &output)
        output.append(UInt8(ascii: ":"))
        try append(member.value, to: &output)
      }
      output.append(UInt8(ascii: "}"))
    }
  }

  private static func append(_ text: String, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        output.append(UInt8(ascii: "\\"))
      }
      output.append(byte)
    }
    output.append(UInt8(ascii: "\""))
  }
}
