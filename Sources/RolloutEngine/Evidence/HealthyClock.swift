// HealthyClock: time that stands still while the control is silent, so that an outage loses nobody.

public import UpdateModel

/// A clock for silence. It stands while too few control devices are heard: then the silence of a
/// device says nothing about the device. It is told about health now and then, and keeps what it
/// was told until the next time.
public struct HealthyClock: Equatable, Sendable {
  /// A time in which the clock stood.
  public struct Freeze: Equatable, Sendable {
    /// When it stopped.
    public let from: Instant
    /// When it went on.
    public let to: Instant
    // Frozen time before `from`, up to a summand that is the same for all.
    fileprivate let before: Int64

    fileprivate var length: Int64 { (to - from).milliseconds }

    /// The same time; what came before it does not matter.
    public static func == (left: Freeze, right: Freeze) -> Bool {
      left.from == right.from && left.to == right.to
    }
  }

  /// Freezes that ended longer ago are forgotten; whoever was last heard before that is long lost.
  public static let memory = Interval.days(100)
  /// Of more freezes the two oldest become one, which also covers the time between them.
  public static let freezesMax = 10_000

  /// The freezes that have ended and are remembered, oldest first.
  public private(set) var freezes: [Freeze] = []
  /// Since when the clock stands; nil while it runs.
  public private(set) var frozenSince: Instant?
  private var lastObserved: Instant?

  /// A clock that runs and has never stood.
  public init() {}

  /// Restores a clock from what was kept of it.
  ///
  /// Freezes that are empty, or not in the order of time, are passed over.
  public init(freezes: [(from: Instant, to: Instant)], frozenSince: Instant?) {
    for freeze in freezes { append(from: freeze.from, to: freeze.to) }
    if let frozenSince { observe(isHealthy: false, at: frozenSince) }
  }

  /// Tells the clock whether enough of the control is heard. Observations before an earlier one are
  /// passed over.
  public mutating func observe(isHealthy: Bool, at now: Instant) {
    if let lastObserved, now < lastObserved { return }
    lastObserved = now
    if !isHealthy {
      frozenSince = frozenSince ?? now
    } else if let start = frozenSince {
      frozenSince = nil
      append(from: start, to: now)
    }
  }

  /// The healthy time between two instants; zero when `to` is not after `from`.
  public func elapsed(from: Instant, to: Instant) -> Interval {
    guard to > from else { return .zero }
    let frozen = frozenTime(before: to) - frozenTime(before: from)
    return Interval(milliseconds: (to - from).milliseconds - frozen)
  }

  /// Whether two clocks stood at the same times, as far as they remember.
  public static func == (left: HealthyClock, right: HealthyClock) -> Bool {
    left.freezes == right.freezes && left.frozenSince == right.frozenSince
  }

  private mutating func append(from: Instant, to: Instant) {
    guard to > from, freezes.last.map({ $0.to <= from }) ?? true else { return }
    let before = freezes.last.map { $0.before + $0.length } ?? 0
    freezes.append(Freeze(from: from, to: to, before: before))
    lastObserved = max(lastObserved ?? to, to)
    let forgotten = freezes.prefix { to - $0.to > HealthyClock.memory }.count
    freezes.removeFirst(forgotten)
    if freezes.count > HealthyClock.freezesMax { joinOldest() }
  }

  private mutating func joinOldest() {
    let (first, second) = (freezes[0], freezes[1])
    // Sums after the second stay as they are, so what came before the first is lowered.
    let length = (second.to - first.from).milliseconds
    let before = second.before + second.length - length
    freezes.replaceSubrange(
      0..<2, with: [Freeze(from: first.from, to: second.to, before: before)])
  }

  /// Frozen time before an instant, up to a summand that is the same for all instants.
  private func frozenTime(before instant: Instant) -> Int64 {
    let open = frozenSince.map { max(0, (instant - $0).milliseconds) } ?? 0
    let begun = freezes.bisect { $0.from < instant }
    guard begun > 0 else { return (freezes.first?.before ?? 0) + open }
    let last = freezes[begun - 1]
    return last.before + min(last.length, (instant - last.from).milliseconds) + open
  }
}

extension HealthyClock {
  /// The first tick at which a device counts as lost, on a clock that is told once per tick which
  /// share of the control is heard.
  ///
  /// - Parameters:
  ///   - heard: The share at each tick; it holds until the next one.
  ///   - lastSeen: The tick at which the device was heard last.
  ///   - threshold: Healthy ticks of silence that make it lost; 0 or more.
  ///   - minHeard: The clock stands while less is heard.
  /// - Returns: nil when it is at no tick of `heard`.
  public static func lostTick(
    heard: [Double], lastSeen: Int, threshold: Int, minHeard: Double
  ) -> Int? {
    let tick: Int64 = 1000
    func instant(_ number: Int) -> Instant { Instant(milliseconds: Int64(number) * tick) }
    let patience = Interval(milliseconds: Int64(threshold) * tick)
    var clock = HealthyClock()
    for (number, share) in heard.enumerated() {
      let now = instant(number)
      if number >= lastSeen, clock.elapsed(from: instant(lastSeen), to: now) >= patience {
        return number
      }
      clock.observe(isHealthy: share >= minHeard, at: now)
    }
    return nil
  }
}
