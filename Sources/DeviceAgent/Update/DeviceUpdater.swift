// DeviceUpdater: the shell around `AgentMachine`: saves each state, then performs its effects.

internal import UpdateModel

/// Everything that decides and touches slots, boot record and state on one device.
///
/// One thread uses it. Each call returns all that is to be done outside of it now, also what an
/// earlier call asked for and was not done yet. An error that is thrown left the durable state as
/// it was or as it became; the process should end then and start again.
public final class DeviceUpdater {
  /// For what comes after the checks of a trial, before the watchdog is left alone.
  private static let trialMargin = Interval.minutes(1)
  /// In which a system that failed its trial has to be left; a system may take 90 s to stop.
  private static let fleeingTime = Interval.minutes(5)

  /// How the device is built.
  public let setup: DeviceSetup
  /// The durable state as it is on the medium.
  public private(set) var state: AgentState {
    didSet { watchdog?.allowRest(DeviceUpdater.allowsRest(state)) }
  }
  /// Where images are collected.
  public let downloads: DownloadDirectory
  /// Files and block devices.
  public let disk: any AgentDisk
  let programs: any ProgramRunner
  let clock: DeviceClock
  private let watchdog: Watchdog?
  /// Why the watchdog of the setup cannot be used; a trial fails with it.
  public let watchdogFailure: AgentError?
  let journal: Journal
  private var program: String?
  /// Until when the watchdog is petted in a slot that failed its trial.
  private var fleeingEnd: Interval?
  /// What is to be done outside, until the phase changes.
  private var standing: [AgentDemand] = []
  /// The slot that this process has written and read back; a restart forgets it.
  var provenSlot: Slot?

  /// Reads the durable state. A spoilt one leads to safe mode, not to an error.
  ///
  /// `isService` tells whether the process stays; one that does a single thing opens the watchdog,
  /// which starts it, only for an update that needs it.
  public init(
    _ setup: DeviceSetup, disk: any AgentDisk, programs: any ProgramRunner, clock: DeviceClock,
    isService: Bool = true
  ) throws(AgentError) {
    self.setup = setup
    self.disk = disk
    self.programs = programs
    self.clock = clock
    var watchdog: Watchdog?
    var failure: AgentError?
    let journal = Journal(disk: disk, directory: setup.stateDirectory)
    // What cannot be read is told below, by the same call.
    let isNeeded = isService || !((try? journal.load()).map { Self.allowsRest($0) } ?? true)
    if isNeeded, let path = setup.health.watchdog {
      do throws(AgentError) {
        watchdog = try Watchdog(path: path, period: setup.health.watchdogPeriod, clock: clock)
      } catch {
        failure = error
      }
    }
    self.watchdog = watchdog
    watchdogFailure = failure
    downloads = DownloadDirectory(disk: disk, stateDirectory: setup.stateDirectory)
    try disk.makeDirectory(setup.stateDirectory)
    self.journal = journal
    let state = try journal.load()
    self.state = state
    watchdog?.allowRest(Self.allowsRest(state))
  }

  /// Whether the device needs no watchdog once the agent has ended on purpose. From the arming to
  /// the end it does: a system that hangs must fall back, and a reboot that hangs must happen.
  private static func allowsRest(_ state: AgentState) -> Bool {
    switch state.phase {
    case .idle where state.isOnUnknownTrial: false
    case .idle, .downloading, .verified, .preparing, .writing, .written: true
    case .armed, .onTrial, .reverting: false
    }
  }

  /// Puts the watchdog to sleep where that is safe; for the end of the process, from any thread.
  public var rest: @Sendable () -> Void {
    let watchdog = watchdog
    return { watchdog?.close() }
  }

  /// Looks around and goes on where the agent stopped; the first call.
  ///
  /// `program` is the path of the program that runs, to know its version; nothing for one that is
  /// part of a system.
  public func start(program: String?) throws(AgentError) -> [AgentDemand] {
    self.program = program
    return try handle(.started(try lookAround(program: program)))
  }

  /// Looks at a trial that the state knows nothing of: whoever began it may have confirmed it; past
  /// the deadline the device is started again, so that its boot loader goes on counting.
  public func checkUnknownTrial() throws(AgentError) -> [AgentDemand] {
    guard state.isOnUnknownTrial else { return demands }
    let facts = try lookAround(program: program)
    if let boot = facts.boot, !boot.isTrial || boot.slot != state.running {
      return try handle(.started(facts))
    }
    guard trialDeadline <= clock.now() else { return demands }
    return demands + [.reboot()]
  }

  /// Considers an update that may be downloaded: signature, hardware, component and size first.
  public func offer(_ update: Update) throws(AgentError) -> [AgentDemand] {
    if let failure = judge(update) { return try handle(.refused(update, failure)) }
    return try handle(.offered(update))
  }

  /// Checks the complete part file of the image at work and goes on.
  public func finishDownload() throws(AgentError) -> [AgentDemand] {
    guard case .downloading(let update, let image) = state.phase else { return demands }
    do throws(AgentError) {
      try PartFile(update.images[image], in: downloads).verify()
    } catch .wrongDigest {
      return try handle(.imageLost)
    }
    return try handle(.downloaded)
  }

  /// Checks a trial and goes on. Takes up to `health.deadline`; does nothing when no slot is tried.
  ///
  /// `isServerReachable` tells whether a poll of this process was answered; it is asked repeatedly.
  public func checkTrial(isServerReachable: () -> Bool) throws(AgentError) -> [AgentDemand] {
    guard case .onTrial(_, _, .slot, _) = state.phase else { return demands }
    let check = HealthCheck(setup: setup.health, programs: programs, clock: clock)
    let failure =
      watchdogFailure.map { UpdateFailure(.health, "\($0)") }
      ?? check.run(since: trialStart, isServerReachable: isServerReachable)
    guard let failure else { return try handle(.trialPassed) }
    _ = try handle(.trialFailed(failure, revertsAtOnce: setup.health.revertsAtOnce))
    // The fallback is chosen; if the reboot hangs in this bad system, the watchdog does it.
    if state.safeMode == nil { watchdog?.stop() }
    return demands
  }

  /// Compares both slots with what was written to them; enters safe mode when neither is intact.
  /// Reads them completely.
  public func checkSlots() throws(AgentError) -> [AgentDemand] {
    let slots = try slotPair()
    for slot in Slot.allCases where try slots.isIntact(slot, state.contents[slot]) {
      return demands
    }
    return try handle(.safeModeEntered(.noGoodSlot))
  }

  /// Starts the device again by its hook; returns when that was begun.
  public func reboot() throws(AgentError) {
    guard let call = setup.hooks.reboot else { throw .notConfigured("a program that reboots") }
    let result = programs.run(call)
    guard result.isSuccess else { throw .program(path: call.path, ending: result.text) }
  }

  /// Takes an event: saves the state, performs the effects, and goes on until nothing is left here.
  public func handle(_ event: AgentEvent) throws(AgentError) -> [AgentDemand] {
    var events = [event]
    while !events.isEmpty {
      let phase = state.phase
      let step = AgentMachine.step(state, events.removeFirst())
      if step.state != state {
        try journal.save(step.state)
        state = step.state
      }
      var wanted: [AgentDemand] = []
      for effect in step.effects {
        switch try perform(effect) {
        case .event(let next): events.append(next)
        case .demand(let demand): wanted.append(demand)
        case .done: break
        }
      }
      if state.phase != phase || !wanted.isEmpty { standing = wanted }
    }
    tendWatchdog()
    return demands
  }

  /// When the first process of this run of the kernel started on the trial.
  private var trialStart: Interval { state.trial?.since ?? clock.now() }

  /// When the present trial has to have passed.
  var trialDeadline: Interval { trialStart + setup.health.deadline }

  /// All deadlines count from the start of the trial: a process that is started again and again
  /// must not get a new one each time.
  private func tendWatchdog() {
    if case .reverting(_, _, .slot(let slot), _, _) = state.phase, slot == state.running {
      // The way out may fail in a sick system, in this process or in each of many.
      let end = fleeingEnd ?? min(clock.now(), trialDeadline) + DeviceUpdater.fleeingTime
      fleeingEnd = end
      watchdog?.expect(by: end)
      return
    }
    fleeingEnd = nil
    switch state.phase {
    case .onTrial(_, _, .slot, _):
      watchdog?.expect(by: trialDeadline + DeviceUpdater.trialMargin)
    case .idle where state.isOnUnknownTrial:
      watchdog?.expect(by: trialDeadline + DeviceUpdater.trialMargin)
    default: watchdog?.trust()
    }
  }

  private var demands: [AgentDemand] {
    state.outbox.isEmpty ? standing : [.deliverReports] + standing
  }
}
