// Command: something that one device is told to do once, and what became of it.

/// Identifies a command within its tenant; never used twice, as devices remember what they did.
public typealias CommandID = SerialID<Command>

/// One command for one device.
public struct Command: Equatable, Sendable {
  /// Its number.
  public let id: CommandID
  /// Who is to do it.
  public let device: DeviceID
  /// What is to be done.
  public let name: Name
  /// With what; an object.
  public let arguments: JSON
  /// When it was sent off.
  public let createdAt: Instant
  /// Who sent it.
  public let createdBy: String
  /// When it is given up unless the device has taken it.
  public let expiresAt: Instant
  /// The job it belongs to; nil when a person sent it to this device.
  public let job: JobID?
  /// Whether it takes the device out of service for a while.
  public let isDisruptive: Bool
  /// Whether it may interrupt an installation.
  public let isForced: Bool
  /// What became of it so far.
  public internal(set) var state = State.queued
  /// Whether the device was ever shown it.
  public internal(set) var wasShown = false
  /// How often it was shown to the device; only the first time is kept across a restart.
  public internal(set) var attempts = 0
  /// Words of the device about it that were taken; see `CommandMachine.reportsMax`.
  public internal(set) var reports = 0
  /// When the device last said something about it; nil for never.
  public internal(set) var heardAt: Instant?
  /// When it came to its end; nil before.
  public internal(set) var endedAt: Instant?
  /// What came out; nil when the device gave nothing.
  public internal(set) var result: JSON?
  /// The device's last words, or why it ended; nil without any.
  public internal(set) var text: String?
  /// Whether its result came after it had been given up.
  public internal(set) var isLate = false
  /// Logs that were uploaded for it, by name.
  public internal(set) var logs: [String] = []

  /// Where a command stands.
  public enum State: Equatable, Sendable {
    /// Not yet shown to the device.
    case queued
    /// Shown to the device, which did not answer yet.
    case sent
    /// The device has taken it.
    case accepted
    /// The device is at it; percent when it says.
    case running(percent: Int?)
    /// Over.
    case ended(Ending)

    /// One word, such as `running`.
    public var word: String {
      switch self {
      case .queued: "queued"
      case .sent: "sent"
      case .accepted: "accepted"
      case .running: "running"
      case .ended(let ending): ending.rawValue
      }
    }
  }

  /// How a command ended.
  public enum Ending: String, Sendable, CaseIterable {
    /// The device has done it.
    case done
    /// The device tried in vain.
    case failed
    /// The device did not try.
    case rejected
    /// Nothing was heard in time.
    case expired
    /// A person took it back before the device had taken it.
    case cancelled
  }

  /// A command that was just sent off.
  public init(
    id: CommandID, device: DeviceID, name: Name, arguments: JSON, createdAt: Instant,
    createdBy: String, expiresAt: Instant, job: JobID? = nil, isDisruptive: Bool,
    isForced: Bool = false
  ) {
    self.id = id
    self.device = device
    self.name = name
    self.arguments = arguments
    self.createdAt = createdAt
    self.createdBy = createdBy
    self.expiresAt = expiresAt
    self.job = job
    self.isDisruptive = isDisruptive
    self.isForced = isForced
  }

  /// Whether it is over; a result may still come late.
  public var isEnded: Bool { ending != nil }

  /// How it ended; nil before.
  public var ending: Ending? {
    if case .ended(let ending) = state { ending } else { nil }
  }

  /// Whether the device is to be shown it.
  public var isUndelivered: Bool {
    switch state {
    case .queued, .sent: true
    case .accepted, .running, .ended: false
    }
  }

  /// Whether the device has taken it and is not done.
  public var isUnderWay: Bool {
    switch state {
    case .accepted, .running: true
    case .queued, .sent, .ended: false
    }
  }

  /// When it is given up unless the device says something new; nil when it is over.
  public var deadline: Instant? {
    switch state {
    case .queued, .sent: return expiresAt
    case .accepted, .running:
      let silence = (heardAt ?? createdAt) + Command.silenceMax
      return min(max(expiresAt, silence), createdAt + Command.ageMax)
    case .ended: return nil
    }
  }

  /// What it is for a history: `reboot (command 12 by alice)`.
  public var title: String {
    "\(name) (command \(id)\(job.map { " of job \($0)" } ?? "") by \(createdBy))"
  }

  /// For how long a device that has taken a command may be silent beyond its expiry.
  public static let silenceMax = Interval.hours(1)
  /// The oldest that a command becomes, whatever the device says.
  public static let ageMax = Interval.days(91)
  /// How soon and how late a command may expire after it was sent.
  public static let lifetimes = Interval.seconds(10)...Interval.days(90)
  /// When a command expires for which nobody said it.
  public static let usualLifetime = Interval.days(7)
}

/// The limits of what a device says about a command.
public enum CommandLimits {
  /// Commands of one device that are not over.
  public static let openPerDevice = 64
  /// Commands that one poll shows.
  public static let shownPerPoll = 10
  /// Bytes of compact JSON of a result.
  public static let resultBytes = 16 * 1024
  /// Levels of arrays and objects of a result.
  public static let resultDepth = 16
  /// Bytes of a text.
  public static let textBytes = 4 * 1024
  /// Logs that are noted with one command.
  public static let logsPerCommand = 16
}
