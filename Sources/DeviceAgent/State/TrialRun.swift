// TrialRun: since when a trial runs and how many processes looked at it; no boot loader knows.

public import UpdateModel

/// What is counted of the present trial besides the starts of its place.
public struct TrialRun: Equatable, Sendable {
  /// The run of the kernel that `since` belongs to.
  public let bootIdentifier: String
  /// When the first process of that run of the kernel started on the trial, by `DeviceClock`.
  public let since: Interval
  /// Processes that started on the trial, over all its boots; 1 or more.
  public let processes: Int

  /// Joins what is known.
  public init(bootIdentifier: String, since: Interval, processes: Int) {
    self.bootIdentifier = bootIdentifier
    self.since = since
    self.processes = processes
  }

  /// The run after one more process started; `before` is nothing for the first one of a trial.
  init(after before: TrialRun?, _ facts: StartFacts) {
    bootIdentifier = facts.bootIdentifier
    // A time that is still to come is of another run of a kernel that does not name its runs.
    let isSame =
      before.map { $0.bootIdentifier == facts.bootIdentifier && $0.since <= facts.now } ?? false
    since = isSame ? before?.since ?? facts.now : facts.now
    processes = min(before?.processes ?? 0, Int.max - 1) + 1
  }
}
