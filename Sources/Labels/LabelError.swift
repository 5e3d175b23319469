// The one error of this target.

/// Why there is no label sheet.
public enum LabelError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A text is empty or too long for a QR code.
  case unencodable(byteCount: Int)
  /// Labels of this size, in millimetres, have no room for a code that a camera can read.
  case tooSmall(width: String, height: String)
  /// The number of labels is not in the range that one sheet may have.
  case count(Int, most: Int)
  /// An option has a value that is not allowed.
  case option(name: String, reason: String)

  /// What happened, with which value, and what to do next.
  public var description: String {
    switch self {
    case .unencodable(let byteCount):
      "a link of \(byteCount) bytes does not fit a QR code; use 1 to \(QRCode.textByteCountMax)"
    case .tooSmall(let width, let height):
      "labels of \(width) x \(height) mm have no room for the QR code; use larger ones or a "
        + "shorter tenant name"
    case .count(let count, let most):
      "\(count) labels were asked for; make 1 to \(most) at once"
    case .option(let name, let reason):
      "\(name): \(reason)"
    }
  }
}
