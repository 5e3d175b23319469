// FaultPlan: what goes wrong between devices and server in one run; drawn from the seed.

public import UpdateModel

/// Faults of a run. Each kind is switched off entirely in some runs, so that a run has a character
/// instead of a little of everything.
public struct FaultPlan: Equatable, Sendable {
  /// Share of the reports that are lost while the device believes that they were received.
  public var lostReports = Share.none
  /// Share of the reports whose answer is lost, so that the device repeats them later.
  public var repeatedReports = Share.none
  /// Share of the reports that arrive twice.
  public var duplicatedReports = Share.none
  /// Share of the reports that arrive late.
  public var lateReports = Share.none
  /// Late reports arrive within this time.
  public var lateness = Interval.minutes(40)
  /// Share of the polls whose answer does not reach the device.
  public var lostAnswers = Share.none
  /// Share of the downloads that end with wrong bytes.
  public var corruptDownloads = Share.none
  /// When a person pauses the rollout, counted from its start; nil for never.
  public var pausedAfter: Interval?
  /// How long the pause lasts.
  public var pauseLength = Interval.minutes(30)
  /// When the server's network fails, so that it hears nobody; counted from the start of the
  /// rollout; nil for never.
  public var outageAfter: Interval?
  /// How long that lasts.
  public var outageLength = Interval.hours(1)
  /// Share of the devices that are switched off for a while.
  public var absent = Share.none
  /// They are switched off within this time from the start of the run.
  public var absentWithin = Interval.hours(12)
  /// They come back after one to two times this time.
  public var absence = Interval.days(1)
  /// Faults happen until this time, counted from the start of the run; then all goes well.
  public var lasting = Interval.hours(6)

  /// A run in which nothing goes wrong.
  public init() {}

  /// Draws a plan.
  public init(drawing random: inout SeededRandom) {
    func share(_ random: inout SeededRandom, upTo basisPoints: Int) -> Share {
      let isOn = random.below(2) == 0
      let drawn = random.within(0...basisPoints)
      return isOn ? Share(basisPoints: drawn) ?? .none : .none
    }
    lostReports = share(&random, upTo: 500)
    repeatedReports = share(&random, upTo: 2000)
    duplicatedReports = share(&random, upTo: 3000)
    lateReports = share(&random, upTo: 1500)
    lostAnswers = share(&random, upTo: 2000)
    corruptDownloads = share(&random, upTo: 300)
    pausedAfter = random.below(3) == 0 ? .minutes(Int64(random.within(5...120))) : nil
  }
}
