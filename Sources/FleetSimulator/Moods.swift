// Moods: what happens to virtual devices beside their updates: use, batteries, users who say no.

public import UpdateModel

/// How the state of devices changes over time, and what the policy of the scenario asks of it.
public struct Moods: Equatable, Sendable {
  /// Percent of the battery that a download needs.
  public var downloadBattery = 20
  /// Percent of the battery that an installation needs, if the device does not charge.
  public var installBattery = 35
  /// Whether an installation needs a device that nobody uses.
  public var sparesUsers = true
  /// Share of the devices that can wait with the image at hand.
  public var patient = Share(basisPoints: 5000) ?? .none
  /// Share of the devices whose users say "not now" at first.
  public var reluctant = Share(basisPoints: 4000) ?? .none

  /// The usual ones.
  public init() {}

  /// The conditions as a policy writes them.
  var conditions: String {
    let use = sparesUsers ? #""notInUse": true, "# : ""
    return #"{"download": {"batteryAtLeast": "\#(downloadBattery)%"}, "install": {\#(use)"#
      + #""chargingOrBatteryAtLeast": "\#(installBattery)%"}}"#
  }
}

/// The state of one device at one moment.
struct Mood: Equatable {
  let isInUse: Bool
  let percent: Int
  let isCharging: Bool

  /// As the device reports it.
  var attributes: [String: String] {
    [
      "inUse": "\(isInUse)", "battery.percent": "\(percent)", "battery.charging": "\(isCharging)",
    ]
  }

  /// Whether a download may begin; counted without the code that is watched.
  func allowsDownload(_ moods: Moods) -> Bool { percent >= moods.downloadBattery }

  /// Whether an installation may begin; a forced one disturbs its user.
  func allowsInstall(_ moods: Moods, isForced: Bool) -> Bool {
    (isCharging || percent >= moods.installBattery)
      && (isForced || !isInUse || !moods.sparesUsers)
  }
}

/// How the state of one device goes up and down; the same for the same seed.
struct MoodCycle {
  let isPatient: Bool
  /// How often its user says "not now".
  private(set) var refusals: Int
  private let use: Interval
  private let usedShare: Int64
  private let charge: Interval
  private let phase: Int64

  init(_ moods: Moods, seed: UInt64, number: Int) {
    var random = SeededRandom(seed: seed ^ 0x6d6f_6f64, stream: UInt64(number) &+ 1)
    isPatient = random.chance(moods.patient)
    refusals = random.chance(moods.reluctant) ? random.within(1...6) : 0
    use = .minutes(Int64(random.within(30...300)))
    usedShare = Int64(random.within(10...80))
    charge = .minutes(Int64(random.within(120...600)))
    phase = random.interval(below: .hours(10)).milliseconds
  }

  /// The state at a moment: used for a part of each turn, charged at the end of each.
  func mood(at now: Instant) -> Mood {
    let time = now.milliseconds + phase
    let (used, charged) = (time % use.milliseconds, time % charge.milliseconds)
    // It runs down in four fifths of a turn.
    let left = 100 - Int(charged * 125 / charge.milliseconds)
    return Mood(
      isInUse: used * 100 < usedShare * use.milliseconds, percent: max(0, left),
      isCharging: left < 0)
  }

  /// The user says "not now" once more; false when the user does not.
  mutating func refuses() -> Bool {
    guard refusals > 0 else { return false }
    refusals -= 1
    return true
  }
}
