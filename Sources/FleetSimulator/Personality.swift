// Personality: what kind of device a virtual device is, drawn once from the seed of the run.

public import UpdateModel

/// How often each trait occurs in a virtual fleet, and how long things take there.
public struct FleetTraits: Equatable, Sendable {
  /// Share of the devices on which a given version fails.
  public var failureRate = Share.none
  /// The only version that can fail; nil for every version that a device has not run before.
  public var failingVersion: String?
  /// Share of the failing devices that report success, do not boot and fall back by themselves.
  public var bootFailures = Share.none
  /// Share of the devices that run a version they have not run before well at first, and fall back
  /// by themselves later.
  public var lateFailures = Share.none
  /// Late failures happen within this time.
  public var lateness = Interval.hours(6)
  /// Share of the devices that stop polling for good at some point.
  public var silentRate = Share.none
  /// The points at which silent devices fall silent; one is drawn for each.
  public var silences = Silence.allCases
  /// Share of the devices that report the version they run.
  public var versionAware = Share.whole
  /// Share of the devices that ask for compressed downloads.
  public var compression = Share.none
  /// Share of the devices that take four times as long for everything.
  public var slow = Share.none
  /// Share of the devices that refuse to stop once they install.
  public var stubborn = Share.none
  /// Time between polls.
  public var poll = Interval.minutes(5)
  /// Time a download takes in virtual time.
  public var download = Interval.minutes(2)
  /// Time an installation takes.
  public var install = Interval.minutes(3)
  /// Time a restart takes.
  public var reboot = Interval.minutes(1)

  /// A fleet in which everything works.
  public init() {}
}

/// The point at which a device falls silent.
public enum Silence: String, Sendable, CaseIterable {
  /// It never sees an offer.
  case beforeOffer
  /// It saw the offer and nothing more is heard.
  case afterOffer
  /// It never finishes its installation.
  case whileInstalling
  /// It reports success and does not come back from its restart.
  case afterSuccess
  /// It runs the new version, says so, and is not heard of again.
  case afterUpdate
}

/// The lasting character of one device.
public struct Personality: Equatable, Sendable {
  /// When it falls silent for good; nil for a device that never does.
  public let silence: Silence?
  /// Whether it reports the version it runs.
  public let isVersionAware: Bool
  /// Whether it asks for compressed downloads.
  public let acceptsCompression: Bool
  /// Whether a version that fails on it fails at boot instead of during installation.
  public let failsAtBoot: Bool
  /// Whether it goes on when it is asked to stop during installation.
  public let refusesCancel: Bool
  /// Time between polls unless the server says otherwise.
  public let poll: Interval
  /// Time of a download in virtual time.
  public let download: Interval
  /// Time of an installation.
  public let install: Interval
  /// Time of a restart.
  public let reboot: Interval
  /// How long a failing version runs before the device falls back; nil where none fails late.
  public let lateness: Interval?

  private let seed: UInt64
  private let number: Int
  private let failureRate: Share
  private let failingVersion: String?

  /// Draws the device of this number in the fleet of this seed.
  public init(number: Int, seed: UInt64, traits: FleetTraits) {
    var random = SeededRandom(seed: seed, stream: UInt64(number) &+ 1)
    let isSilent = random.chance(traits.silentRate) && !traits.silences.isEmpty
    let point = random.below(max(1, traits.silences.count))
    silence = isSilent ? traits.silences[point] : nil
    isVersionAware = random.chance(traits.versionAware)
    acceptsCompression = random.chance(traits.compression)
    failsAtBoot = random.chance(traits.bootFailures)
    refusesCancel = random.chance(traits.stubborn)
    let factor: Int64 = random.chance(traits.slow) ? 4 : 1
    func scaled(_ length: Interval) -> Interval {
      Interval(milliseconds: length.milliseconds * factor)
    }
    poll = traits.poll
    download = scaled(traits.download)
    install = scaled(traits.install)
    reboot = scaled(traits.reboot)
    lateness =
      random.chance(traits.lateFailures) ? random.interval(below: traits.lateness) : nil
    self.seed = seed
    self.number = number
    failureRate = traits.failureRate
    failingVersion = traits.failingVersion
  }

  /// Whether a version goes bad on this device after it ran for a while.
  public func failsLate(_ version: String) -> Bool {
    lateness != nil && failingVersion.map { $0 == version } ?? true
  }

  /// Whether a version fails on this device; the same answer each time it is tried.
  public func fails(_ version: String) -> Bool {
    if let failingVersion, failingVersion != version { return false }
    // FNV-1a: versions only have to give different seeds.
    let mark = version.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    var random = SeededRandom(seed: seed ^ mark, stream: UInt64(number) &+ 1)
    return random.chance(failureRate)
  }
}
