// Room: everything of one tenant that is in memory.

import RolloutEngine
import Synchronization
public import UpdateModel

/// Settings of a tenant.
public struct TenantSettings: Equatable, Sendable {
  /// Whether a device that nobody registered is registered when it first calls.
  public var registerOnFirstContact = false
  /// How often devices are asked to poll.
  public var pollInterval = Interval.minutes(5)
  /// How often devices of the native protocol are asked to poll while no rollout is under way; nil
  /// for twice the usual interval.
  public var quietPollInterval: Interval?

  /// The safe defaults.
  public init() {}

  /// Reads stored or sent settings over the present ones; unknown members are refused.
  public mutating func apply(_ document: JSON) throws(Problem) {
    let faults = DocumentReader.Faults()
    let reader = DocumentReader(document, faults: faults)
    reader.allowOnly(["name", "registerOnFirstContact", "pollSeconds", "quietPollSeconds"])
    let register = reader.flag("registerOnFirstContact", default: registerOnFirstContact)
    // DDI clients understand 23:59:59 at most, and hawkBit never goes below 1 s.
    let seconds = reader.integer(
      "pollSeconds", default: Int(pollInterval.wholeSeconds), in: 1...86_399)
    var quiet = quietPollInterval
    if reader.has("quietPollSeconds") {
      quiet = reader.integer("quietPollSeconds", in: 1...86_399).map { .seconds(Int64($0)) }
    }
    guard faults.list.isEmpty, let register, let seconds else {
      throw Problem(
        .invalidRequest, faults.list.map { "\($0.field): \($0.reason)" }.joined(separator: "; "),
        faults: faults.list)
    }
    registerOnFirstContact = register
    pollInterval = .seconds(Int64(seconds))
    quietPollInterval = quiet
  }

  /// The settings as stored and shown.
  public var document: JSON {
    .members([
      "registerOnFirstContact": .bool(registerOnFirstContact),
      "pollSeconds": .integer(pollInterval.wholeSeconds),
      "quietPollSeconds": quietPollInterval.map { .integer($0.wholeSeconds) },
    ])
  }
}

/// One tenant: its devices, its ledger, its settings.
public final class Room: Sendable {
  /// The tenant's name.
  public let tenant: Name
  let fleet = Fleet()
  let ledger = Lock(Ledger())
  let gate = EnrolmentGate()
  private let settingsLock = Lock(TenantSettings())
  private let pollSecondsCopy = Atomic<Int64>(TenantSettings().pollInterval.wholeSeconds)
  private let quietPollSecondsCopy = Atomic<Int64>(TenantSettings().pollInterval.wholeSeconds * 2)
  private let quietCopy = Atomic<Bool>(false)
  private let epochCounter = Atomic<UInt32>(1)
  private let changeCounter = Atomic<UInt64>(1)
  private let longestTurn = Atomic<Int64>(0)
  private let longestWork = Atomic<Int64>(0)

  init(tenant: Name) { self.tenant = tenant }

  /// The tenant's settings.
  public var settings: TenantSettings { settingsLock.withLock { $0 } }

  /// Replaces the settings.
  func apply(_ settings: TenantSettings) {
    settingsLock.withLock { $0 = settings }
    let usual = settings.pollInterval.wholeSeconds
    pollSecondsCopy.store(usual, ordering: .releasing)
    quietPollSecondsCopy.store(
      settings.quietPollInterval?.wholeSeconds ?? min(2 * usual, 86_399), ordering: .releasing)
  }

  /// The poll interval in seconds, without a lock.
  var pollSeconds: Int64 { pollSecondsCopy.load(ordering: .acquiring) }

  /// The poll interval while nothing can happen, in seconds, without a lock.
  var quietPollSeconds: Int64 { quietPollSecondsCopy.load(ordering: .acquiring) }

  /// Whether no rollout can concern a device for now, as of the last look at one.
  var isQuiet: Bool { quietCopy.load(ordering: .acquiring) }

  /// Notes whether any rollout can concern a device.
  func noteQuiet(_ isQuiet: Bool) { quietCopy.store(isQuiet, ordering: .releasing) }

  /// Changes whenever a device that had nothing to do might have now.
  var epoch: UInt32 { epochCounter.load(ordering: .acquiring) }

  /// Makes every device look at the rollouts again at its next poll.
  func wakeFleet() {
    // Zero means "never looked", so it is skipped after four thousand million changes.
    if epochCounter.add(1, ordering: .releasing).newValue == 0 {
      epochCounter.store(1, ordering: .releasing)
    }
    noteChange()
  }

  /// Grows with every change that a page would show.
  public var changes: UInt64 { changeCounter.load(ordering: .acquiring) }

  /// The longest time for which decisions that time makes kept all others from the ledger, in
  /// microseconds, since the start.
  public var longestTurnMicroseconds: Int64 { longestTurn.load(ordering: .relaxed) }

  /// The most processor time of such a turn, in microseconds: much less than the longest turn means
  /// that others used the processors.
  public var longestTurnProcessorMicroseconds: Int64 { longestWork.load(ordering: .relaxed) }

  /// Runs a part of `ControlPlane.advance` with the ledger, alone, and notes how long that took.
  func turn<Result>(
    _ body: (inout sending Ledger) -> sending Result
  ) -> sending Result {
    ledger.withLock { ledger in
      let watch = Stopwatch()
      let result = body(&ledger)
      longestTurn.max(watch.microseconds, ordering: .relaxed)
      longestWork.max(watch.processorMicroseconds, ordering: .relaxed)
      return result
    }
  }

  /// Notes that a page would show something else now.
  func noteChange() { changeCounter.add(1, ordering: .releasing) }
}
