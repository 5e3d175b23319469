// UpdateReport: what the server must learn of an update; kept until it was delivered.

public import UpdateModel

/// Classes of failure that the server counts (`error.class` of a report).
public enum FailureClass: String, CaseIterable, Sendable {
  /// The bytes could not be fetched.
  case download
  /// No known key signed the image, or it is for something else.
  case signature
  /// The bytes are not those that were signed.
  case hash
  /// No room, or a medium that fails.
  case storage
  /// Writing or arming failed.
  case install
  /// The new system started and is not well.
  case health
  /// Too little energy.
  case power
  /// The new system did not start.
  case boot
  /// Anything else.
  case unknown
}

/// Why an update ended badly.
public struct UpdateFailure: Equatable, Sendable {
  /// What the server counts.
  public let failureClass: FailureClass
  /// What happened, for people; at most `textBytesMax` bytes.
  public let text: String

  /// Longer texts are cut: the whole state has to fit its limit.
  public static let textBytesMax = 500

  /// Describes a failure.
  public init(_ failureClass: FailureClass, _ text: String) {
    self.failureClass = failureClass
    self.text = String(decoding: text.utf8.prefix(UpdateFailure.textBytesMax), as: UTF8.self)
  }

  /// Takes over what the agent ran into.
  public init(_ error: AgentError) {
    self.init(error.failureClass, "\(error)")
  }
}

/// One thing that the server must learn, in order and at least once.
public struct UpdateReport: Equatable, Sendable {
  /// Phases that are kept until they were delivered; progress in between is not.
  public enum Phase: String, CaseIterable, Sendable {
    /// All images are here and verified.
    case downloaded
    /// Writing began.
    case installing
    /// Installed, to be proven by a start.
    case rebooting
    /// Proven.
    case installed
    /// Ended badly; the device runs what it ran before.
    case failed
    /// The device fell back after the new system had been started or tried.
    case reverted
    /// Stopped as the server wished.
    case cancelled
    /// Too far to be stopped.
    case cancelRefused = "cancel-refused"

    /// Whether it ends an update.
    public var isEnd: Bool {
      switch self {
      case .installed, .failed, .reverted, .cancelled: true
      case .downloaded, .installing, .rebooting, .cancelRefused: false
      }
    }
  }

  /// Counts up over the life of the device; names the report for `reportDelivered`.
  public let number: Int
  /// The action it is about.
  public let action: Name
  /// What happened.
  public let phase: Phase
  /// Why, for `failed` and `reverted`, and for `rebooting` when the device does not start again.
  public let failure: UpdateFailure?

  /// Joins a report.
  public init(number: Int, action: Name, phase: Phase, failure: UpdateFailure? = nil) {
    self.number = number
    self.action = action
    self.phase = phase
    self.failure = failure
  }
}
