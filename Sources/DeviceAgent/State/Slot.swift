// Slot: the two places for a system, and every place that an image can be installed to.

public import UpdateModel

/// One of the two places that hold a whole system; the other one is running or was before.
public enum Slot: String, CaseIterable, Sendable {
  /// The first one.
  case a
  /// The second one.
  case b

  /// The one that this is not.
  public var other: Slot { self == .a ? .b : .a }
}

/// Where an image goes.
public enum Place: Hashable, Sendable {
  /// A system slot; it is proven by a boot.
  case slot(Slot)
  /// The agent's own program; it is proven by a poll.
  case agent

  /// `slot-a`, `slot-b` or `agent`.
  public var text: String {
    switch self {
    case .slot(let slot): "slot-\(slot.rawValue)"
    case .agent: "agent"
    }
  }

  /// Reads what `text` gives.
  public init?(text: String) {
    switch text {
    case "slot-a": self = .slot(.a)
    case "slot-b": self = .slot(.b)
    case "agent": self = .agent
    default: return nil
    }
  }
}

/// What was completely written to a slot, or was there when the device was made.
public struct SlotContent: Equatable, Sendable {
  /// Version of the system.
  public let version: FirmwareVersion
  /// SHA-256 of its bytes.
  public let sha256: Digest
  /// Length in bytes; the rest of the slot is of no meaning.
  public let size: Int64
  /// Whether its bytes became others while it ran and proved itself, as those of a file system that
  /// is mounted writable do; its digest says nothing more then.
  public var isAltered = false

  /// Joins what is known of a slot.
  public init(version: FirmwareVersion, sha256: Digest, size: Int64) {
    self.version = version
    self.sha256 = sha256
    self.size = size
  }
}
