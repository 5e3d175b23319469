// Job: the same command for many devices, a few at a time.

/// Identifies a job within its tenant.
public typealias JobID = SerialID<Job>

/// A command for all devices that belong to a target at the moment they call, and how fast.
public struct Job: Equatable, Sendable {
  /// Its number.
  public let id: JobID
  /// What people call it.
  public let name: Name
  /// Which devices.
  public let target: JobTarget
  /// What is to be done.
  public let command: Name
  /// With what.
  public let arguments: JSON
  /// How many at a time.
  public let limits: JobLimits
  /// Whether commands may interrupt an installation.
  public let isForced: Bool
  /// How long a device has for its command once it was given it.
  public let lifetime: Interval
  /// No device is given its command from then on.
  public let until: Instant
  /// When it was started.
  public let createdAt: Instant
  /// Who started it.
  public let createdBy: String
  /// Whether it gives out commands.
  public var status = Status.running
  /// When it came to its end; nil before.
  public var endedAt: Instant?
  /// Outcomes that no longer count for the failure stop, because a person looked at them.
  public var pardoned = JobCounts()
  /// How its devices stood when it was settled; nil while it still can change.
  public var settled: JobCounts?

  /// Whether a job gives out commands.
  public enum Status: Equatable, Sendable {
    /// It does.
    case running
    /// Not until somebody resumes it.
    case paused(reason: String)
    /// Never again; what devices had not seen yet was taken back.
    case cancelled(by: String)
    /// Every device is through, or its time is over.
    case finished

    /// One word.
    public var word: String {
      switch self {
      case .running: "running"
      case .paused: "paused"
      case .cancelled: "cancelled"
      case .finished: "finished"
      }
    }
  }

  /// A job that starts now.
  public init(
    id: JobID, name: Name, target: JobTarget, command: Name, arguments: JSON, limits: JobLimits,
    isForced: Bool, lifetime: Interval, until: Instant, createdAt: Instant, createdBy: String
  ) {
    self.id = id
    self.name = name
    self.target = target
    self.command = command
    self.arguments = arguments
    self.limits = limits
    self.isForced = isForced
    self.lifetime = lifetime
    self.until = until
    self.createdAt = createdAt
    self.createdBy = createdBy
  }

  /// Whether it will give out no more commands.
  public var isOver: Bool {
    switch status {
    case .running, .paused: false
    case .cancelled, .finished: true
    }
  }

  /// How long a job may go on.
  public static let lengths = Interval.minutes(1)...Interval.days(90)
  /// How long a job goes on for which nobody said it.
  public static let usualLength = Interval.days(7)
  /// How long devices have for a command of a job for which nobody said it.
  public static let usualLifetime = Interval.hours(1)
}

/// Which devices a job is for; membership is looked at when a device calls.
public enum JobTarget: Equatable, Sendable {
  /// All of the tenant.
  case everyone
  /// The members of a group.
  case group(Name)
  /// Those that meet a query.
  case query(Query)
  /// Those that are listed.
  case devices(Set<DeviceID>)

  /// Devices that can be listed.
  public static let listMax = 10_000
}

/// How many devices of a job are given their command at a time, checked at the moment of giving.
public struct JobLimits: Equatable, Sendable {
  /// Commands in any one minute; nil for no limit.
  public let perMinute: Int?
  /// Devices that may be at it at the same time; nil for no limit.
  public let concurrent: Int?
  /// When too many fail; nil to go on whatever happens.
  public let failureStop: FailureStop?

  /// Too many failures: more than a share of the outcomes, and at least so many.
  public struct FailureStop: Equatable, Sendable {
    /// More than this share of the outcomes.
    public let share: Share
    /// At least so many failures.
    public let minimum: Int

    /// Joins share and minimum.
    public init(share: Share, minimum: Int) {
      self.share = share
      self.minimum = minimum
    }
  }

  /// The range of rates and of devices at the same time.
  public static let range = 1...1_000_000

  /// Joins the limits.
  public init(perMinute: Int?, concurrent: Int?, failureStop: FailureStop?) {
    self.perMinute = perMinute
    self.concurrent = concurrent
    self.failureStop = failureStop
  }
}

/// How one device stands in a job.
public enum JobPart: Equatable, Sendable {
  /// It was given its command, which is not over.
  case open
  /// Its command is over.
  case ended(Command.Ending)

  /// `open`, or how the command ended.
  public var word: String {
    switch self {
    case .open: "open"
    case .ended(let ending): ending.rawValue
    }
  }

  /// Reads the word.
  public init?(word: String) {
    if word == "open" {
      self = .open
    } else if let ending = Command.Ending(rawValue: word) {
      self = .ended(ending)
    } else {
      return nil
    }
  }
}

/// How many devices of a job stand where.
public struct JobCounts: Equatable, Sendable {
  /// Devices whose command is not over.
  public private(set) var open = 0
  private var endings = [Int](repeating: 0, count: Command.Ending.allCases.count)

  /// Nobody yet.
  public init() {}

  /// Devices whose command ended so.
  public subscript(ending: Command.Ending) -> Int {
    endings[JobCounts.index(ending)]
  }

  /// Devices whose command is over.
  public var ended: Int { endings.reduce(0, +) }
  /// Devices that were given a command.
  public var granted: Int { open + ended }
  /// Devices that did not do it: it failed, was rejected or nobody heard of it.
  public var failures: Int { self[.failed] + self[.rejected] + self[.expired] }
  /// Devices that did it or did not; commands that were taken back tell nothing.
  public var outcomes: Int { failures + self[.done] }

  /// Takes a device from one place to another; nil is outside.
  public mutating func move(from old: JobPart?, to new: JobPart?) {
    add(-1, to: old)
    add(1, to: new)
  }

  mutating func add(_ count: Int, to part: JobPart?) {
    switch part {
    case nil: break
    case .open: open += count
    case .ended(let ending): endings[JobCounts.index(ending)] += count
    }
  }

  private static func index(_ ending: Command.Ending) -> Int {
    switch ending {
    case .done: 0
    case .failed: 1
    case .rejected: 2
    case .expired: 3
    case .cancelled: 4
    }
  }
}
