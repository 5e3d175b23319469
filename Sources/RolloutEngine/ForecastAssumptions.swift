// ForecastAssumptions: what a forecast takes for granted about fleet, network and firmware.

public import UpdateModel

/// What a forecast takes for granted. Shares and rates are from 0 to 1.
public struct ForecastAssumptions: Equatable, Sendable {
  /// Devices of one hardware model and revision.
  public struct Stratum: Equatable, Sendable {
    /// Names the stratum.
    public let id: String
    /// Its devices; 0 or more.
    public let size: Int

    /// Joins name and size.
    public init(id: String, size: Int) {
      self.id = id
      self.size = size
    }
  }

  /// Trying again after an attempt failed to deliver.
  public struct Retry: Equatable, Sendable {
    /// The chance that an attempt fails; below 1.
    public var failureRate: Double
    /// Attempts after the first.
    public var retries: Int
    /// The pause before the first retry; it doubles each time.
    public var backoff: Interval
    /// How long an attempt takes until it fails.
    public var attempt: Interval

    /// Joins the facts.
    public init(failureRate: Double, retries: Int, backoff: Interval, attempt: Interval) {
      self.failureRate = failureRate
      self.retries = retries
      self.backoff = backoff
      self.attempt = attempt
    }
  }

  /// Waits for a maintenance window from any moment.
  public struct Closed: Equatable, Sendable {
    /// The mean wait.
    public var mean: Interval
    /// The longest wait.
    public var longest: Interval

    /// Joins the facts.
    public init(mean: Interval, longest: Interval) {
      self.mean = mean
      self.longest = longest
    }
  }

  /// The devices.
  public var strata: [Stratum]
  /// The settings of the gate.
  public var parameters = GateParameters()
  /// The share of devices that call at all.
  public var reach = 0.95
  /// The time between the polls of a device; above zero.
  public var poll = Interval.hours(1)
  /// The chance that a poll fails; below 1.
  public var missRate = 0.0
  /// From the end of the download until the device runs the release.
  public var install = Interval.minutes(15)
  /// How long a device must run well to count as matured.
  public var soak = Interval.hours(12)
  /// How long a device must be silent to count as lost.
  public var silence = Interval.minutes(210)
  /// The length of a daily maintenance window; nil when devices may install at any time.
  public var window: Interval?
  /// How long devices wait for their window, where windows are not the same every day; nil for
  /// what follows from `window`.
  public var closed: Closed?
  /// The bytes that a device downloads.
  public var payloadBytes: Int64 = 0
  /// How fast a device downloads; above 0.
  public var deviceBytesPerSecond: Int64 = 1_000_000
  /// All downloads together stay below this; nil without such a limit, else above 0.
  public var bytesPerSecondMax: Int64?
  /// New grants in a minute at most; nil without such a limit, else above 0.
  public var grantsPerMinuteMax: Int?
  /// A rate of grants that grows with the devices that were granted; nil for none.
  public var rateGrowth: Policy.RateGrowth?
  /// Devices that hold a lease at the same time at most; nil without such a limit, else above 0.
  public var concurrentMax: Int?
  /// The failure rate of the firmware in the expected and the latest case.
  public var failureRate = 0.001
  /// Trying again; nil when every delivery works at once.
  public var retry: Retry?

  /// The usual assumptions about a fleet.
  public init(strata: [Stratum]) { self.strata = strata }
}
