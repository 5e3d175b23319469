// DeviceUpdater: the shell around `AgentMachine`: saves each state, then performs its effects.

/// Everything that decides and touches slots, boot record and state on one device.
///
/// One thread uses it. Each call returns what is to be done outside of it; the demands of the last
/// call replace those of earlier ones. An error that is thrown left the durable state as it was or
/// as it became; the process should end then and start again.
public final class DeviceUpdater {
  /// How the device is built.
  public let setup: DeviceSetup
  /// The durable state as it is on the medium.
  public private(set) var state: AgentState
  /// Where images are collected.
  public let downloads: DownloadDirectory
  /// Files and block devices.
  public let disk: any AgentDisk
  let programs: any ProgramRunner
  let clock: DeviceClock
  let journal: Journal
  /// The slot that this process has written and read back; a restart forgets it.
  var provenSlot: Slot?

  /// Reads the durable state. A spoilt one leads to safe mode, not to an error.
  public init(
    _ setup: DeviceSetup, disk: any AgentDisk, programs: any ProgramRunner, clock: DeviceClock
  ) throws(AgentError) {
    self.setup = setup
    self.disk = disk
    self.programs = programs
    self.clock = clock
    downloads = DownloadDirectory(disk: disk, stateDirectory: setup.stateDirectory)
    try disk.makeDirectory(setup.stateDirectory)
    journal = Journal(disk: disk, directory: setup.stateDirectory)
    state = try journal.load()
  }

  /// Looks around and goes on where the agent stopped; the first call.
  ///
  /// - Parameter program: The path of the program that runs, to know its version; nil in tests and
  ///   for programs that are part of a system.
  public func start(program: String?) throws(AgentError) -> [AgentDemand] {
    try handle(.started(try lookAround(program: program)))
  }

  /// Considers an update that may be downloaded: signature, hardware, component and size first.
  public func offer(_ update: Update) throws(AgentError) -> [AgentDemand] {
    if let failure = judge(update) { return try handle(.refused(update, failure)) }
    return try handle(.offered(update))
  }

  /// Checks the complete part file of the image at work and goes on.
  public func finishDownload() throws(AgentError) -> [AgentDemand] {
    guard case .downloading(let update, let image) = state.phase else { return demands([]) }
    do throws(AgentError) {
      try PartFile(update.images[image], in: downloads).verify()
    } catch .wrongDigest {
      return try handle(.imageLost)
    }
    return try handle(.downloaded)
  }

  /// Takes an event: saves the state, performs the effects, and goes on until nothing is left here.
  public func handle(_ event: AgentEvent) throws(AgentError) -> [AgentDemand] {
    var events = [event]
    var wanted: [AgentDemand] = []
    while !events.isEmpty {
      let step = AgentMachine.step(state, events.removeFirst())
      if step.state != state {
        try journal.save(step.state)
        state = step.state
      }
      for effect in step.effects {
        switch try perform(effect) {
        case .event(let next): events.append(next)
        case .demand(let demand): wanted.append(demand)
        case .done: break
        }
      }
    }
    return demands(wanted)
  }

  private func demands(_ wanted: [AgentDemand]) -> [AgentDemand] {
    state.outbox.isEmpty ? wanted : [.deliverReports] + wanted
  }
}
