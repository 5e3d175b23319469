// AgentError: everything that can go wrong on the device, with the facts a person needs.

public import UpdateModel

/// Why the agent could not do something on its device.
public enum AgentError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A call of the operating system failed: what was tried, on which path, and `errno`.
  case system(operation: String, path: String, code: Int32)
  /// Stored or given bytes are not what they should be.
  case malformed(subject: String, reason: String)
  /// The running system would be overwritten.
  case slotIsRunning(Slot)
  /// An image does not fit its slot; both in bytes.
  case tooLarge(size: Int64, capacity: Int64)
  /// Bytes differ from what was signed.
  case wrongDigest(subject: String, expected: Digest, found: Digest)
  /// The signature of an image is by none of the keys that the device knows.
  case unsigned(image: String)
  /// A signed image is for other hardware.
  case wrongHardware(image: String, hardware: Name)
  /// A program ended badly: its path and how it ended.
  case program(path: String, ending: String)
  /// What was asked for is not set up on this device.
  case notConfigured(String)
  /// OpenSSL refused.
  case crypto(String)

  /// What happened, with which value.
  public var description: String {
    switch self {
    case .system(let operation, let path, let code):
      "cannot \(operation) \(path): error \(code) of the system"
    case .malformed(let subject, let reason): "\(subject) \(reason)"
    case .slotIsRunning(let slot): "slot \(slot.rawValue) is running and is never written"
    case .tooLarge(let size, let capacity):
      "the image has \(size) bytes and its place only \(capacity)"
    case .wrongDigest(let subject, let expected, let found):
      "\(subject) has SHA-256 \(found) instead of \(expected)"
    case .unsigned(let image): "\(image) is signed by none of the keys of this device"
    case .wrongHardware(let image, let hardware): "\(image) is not for the hardware \(hardware)"
    case .program(let path, let ending): "\(path) \(ending)"
    case .notConfigured(let subject): "\(subject) is not configured on this device"
    case .crypto(let reason): reason
    }
  }

  /// The class under which the server is told.
  public var failureClass: FailureClass {
    switch self {
    case .system(_, _, 28): .storage  // ENOSPC of every Linux
    case .tooLarge: .storage
    case .wrongDigest: .hash
    case .unsigned, .wrongHardware: .signature
    case .system, .malformed, .slotIsRunning, .program, .notConfigured, .crypto: .install
    }
  }
}
