// Agent: one device, one server: polls, and does what the answers ask for.
//
// One thread uses it. Whatever has to survive is in the state of `DeviceUpdater` or in the state
// directory before anything relies on it, so the process may end at any instant.

import Crypto
import Glibc
import HTTPClient
public import UpdateModel

/// How the process ends, and what it tells its caller.
public enum AgentExit: Int32, CaseIterable, Sendable {
  /// Done; a service is to be started again.
  case done = 0
  /// It could not be done.
  case failed = 1
  /// The command line is wrong.
  case usage = 2
  /// There was nothing to do.
  case nothing = 3
  /// The device has to be started again; only with `rebootEndsAgent`.
  case rebooting = 75
}

/// What to do after a cycle.
public enum AgentStep: Equatable, Sendable {
  /// Come again after so long.
  case sleep(Interval)
  /// End the process.
  case exit(AgentExit)
}

/// The agent of a device.
public final class Agent {
  /// What the agent calls itself.
  public static let version = "0.1.0"
  /// A trial is looked at this often, since its deadline runs.
  static let trialPause = Interval.seconds(2)
  /// A device that was asked to start again has gone down after this time, or stays.
  static let rebootPatience = Interval.minutes(5)

  /// What the owner of the device told it.
  public let configuration: AgentConfiguration
  let state: StateDirectory
  let interruption: Interruption
  let log: AgentLog
  let clock: DeviceClock
  let wall: @Sendable () -> Instant
  /// What a person can see.
  public let board: StatusBoard

  var updater: DeviceUpdater
  var identity: DeviceIdentity?
  var session: DeviceSession?
  var reported: ReportedState
  var desk: CommandDesk
  /// The desired properties that were stored last.
  var desired: PollAnswer.Desired
  /// What stands at the server, as far as polls told.
  var answer: PollAnswer?
  /// When it came, in the agent's own time.
  var answerCame = Interval.zero
  var entityTag: String?
  /// Failures in a row of whatever needs the server.
  var failures = 0
  var trouble: String?
  var lastAnswer: Instant?
  var nextPoll: Instant?
  /// The same in the agent's own time.
  var nextPollDue = Interval.zero
  var mustEnrol = false
  var isPending = false
  /// Whether the server answered a poll of this process.
  var wasAnswered = false
  var wantsEverything = false
  var departure: Departure?
  /// What was wrong with the latest request to start the device again.
  var rebootFailure: String?
  /// Until when a request may take; later, commanded reboots have failed.
  var rebootPatienceEnds: Interval?
  var waiting: Waiting?
  /// Whether the server has to be told of it.
  var isWaitingOurs = false
  /// The postponement that the server was told.
  var toldPostponement: Waiting?
  var percent: Int?
  /// Why the file that the product writes is not used.
  var productFault: String?
  var downloadFailures = 0
  var reboots: [Name] = []
  let configurationFault: String?

  /// Why the next step of an update is not taken.
  struct Waiting: Equatable {
    let action: Name
    let step: String
    let reason: String
    let until: Instant?
  }

  /// Opens the state directory and takes up what was left there.
  ///
  /// - Parameters:
  ///   - configuration: what the owner of the device told it.
  ///   - configurationFault: why the configuration is not the one in the file; puts the agent into
  ///     safe mode.
  ///   - board: where the status goes.
  ///   - disk: where slots, boot record and state are.
  ///   - programs: runs hooks and checks.
  ///   - clock: for what takes time.
  ///   - wall: the time of day.
  ///   - interruption: what ends or wakes the agent.
  ///   - log: where lines for people go.
  /// - Throws: `LinkError` if the state directory cannot be used.
  public init(
    _ configuration: AgentConfiguration, configurationFault: String? = nil, board: StatusBoard,
    disk: any AgentDisk, programs: any ProgramRunner, clock: DeviceClock = .system,
    wall: @escaping @Sendable () -> Instant = { Agent.wallTime() },
    interruption: Interruption, log: AgentLog = .none
  ) throws(LinkError) {
    self.configuration = configuration
    self.configurationFault = configurationFault
    self.clock = clock
    self.wall = wall
    self.interruption = interruption
    self.log = log
    let state = try StateDirectory(configuration.setup.stateDirectory)
    self.state = state
    self.board = board
    let identity = try DeviceIdentity.load(from: state)
    self.identity = identity
    updater = try Agent.device { () throws(AgentError) in
      try DeviceUpdater(
        Agent.setup(configuration, identity), disk: disk, programs: programs, clock: clock)
    }
    reported = try ReportedState(state)
    desk = try CommandDesk(
      state, boot: Agent.bootIdentifier(configuration.setup),
      rebootEndsAgent: configuration.rebootEndsAgent)
    desired = try Agent.storedDesired(state)
  }

  /// Looks around and goes on where the agent stopped; the first call.
  ///
  /// - Parameter program: the path of the program that runs, to know its own version.
  /// - Throws: `LinkError` for trouble of the device itself.
  public func start(program: String?) throws(LinkError) {
    perform(try Agent.device { () throws(AgentError) in try updater.start(program: program) })
    if configurationFault != nil, updater.state.safeMode == nil {
      try tell(.safeModeEntered(.configuration))
    } else if configurationFault == nil, updater.state.safeMode == .configuration {
      try tell(.safeModeLeft)
    }
    showStatus()
  }

  /// One turn: reports, twin, poll, commands, and as much of an update as may be done now.
  ///
  /// - Parameter mayWait: whether the poll may be held by the server.
  /// - Returns: when to come again, or how to end.
  /// - Throws: `LinkError` for trouble of the device itself; trouble with the server is waited out.
  public func cycle(mayWait: Bool) throws(LinkError) -> AgentStep {
    try takeOrders()
    var pause = configuration.pacing.most
    do throws(LinkError) {
      pause = try converse(mayWait: mayWait)
      failures = 0
      trouble = nil
    } catch {
      guard error.isOfServer else { throw error }
      pause = noteFailure(error)
    }
    if let work = try work() { pause = min(pause, work) }
    if let step = try leave() { return step }
    nextPollDue = clock.now() + pause
    nextPoll = wall() + pause
    showStatus()
    return .sleep(pause)
  }

  private func converse(mayWait: Bool) throws(LinkError) -> Interval {
    try lookAtCommand()
    guard let session = try openSession() else {
      return .seconds(Int64(pendingSeconds))
    }
    try deliver(session)
    let seconds = try poll(
      session,
      wait: mayWait && departureDue == nil && desk.running == nil
        ? configuration.pacing.wait : .zero)
    try obey(session)
    try deliver(session)
    return configuration.pacing.pause(asked: seconds)
  }

  private var pendingSeconds = 60

  func noteFailure(_ error: LinkError) -> Interval {
    failures += 1
    trouble = error.description
    log.write("no answer of the server", ["reason": error.description])
    var retryAfter: Int?
    if case .refused(let status, _, let seconds) = error {
      retryAfter = seconds
      if status == 401 {
        mustEnrol = true
        session = nil
      }
    }
    return configuration.pacing.pause(
      afterFailures: failures, retryAfter: retryAfter, chance: Agent.chance())
  }

  // MARK: Who we are

  /// The session of the device; nil while a person still has to approve it.
  private func openSession() throws(LinkError) -> DeviceSession? {
    if let session, !mustEnrol { return session }
    if let registered = try registeredIdentity() {
      mustEnrol = false
      identity = registered
      let session = try makeSession(registered)
      self.session = session
      return session
    }
    if let identity, identity.place == configuration.place, !mustEnrol {
      let session = try makeSession(identity)
      self.session = session
      return session
    }
    switch try enrol() {
    case .active(let identity, _):
      mustEnrol = false
      let session = try makeSession(identity)
      self.session = session
      return session
    case .pending(let seconds):
      pendingSeconds = seconds
      return nil
    }
  }

  /// The identity of a device that was registered with its own token.
  private func registeredIdentity() throws(LinkError) -> DeviceIdentity? {
    guard configuration.tokenFile != nil, let device = configuration.device else { return nil }
    return DeviceIdentity(
      device: device, place: configuration.place, signingKeys: configuration.setup.signingKeys)
  }

  private func ownToken() throws(LinkError) -> String? {
    guard let path = configuration.tokenFile else { return nil }
    guard let bytes = try StateDirectory.read(path, atMost: 4096) else {
      throw .file(action: "read", path: path, reason: "there is no such file")
    }
    let token = String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
    guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !token.isEmpty else {
      throw .damaged(path: path, reason: "it holds no token")
    }
    return token
  }

  /// Makes the device known to its server.
  public func enrol() throws(LinkError) -> Enrolment.Answer {
    let key = try DeviceIdentity.key(in: state)
    let request = Enrolment(
      claim: try configuration.claim?.code(), device: configuration.device?.text,
      hardware: configuration.setup.hardware, reported: present())
    let answer = try request.ask(
      try link(secondsMax: 30), key: key, place: configuration.place)
    guard case .active(let fresh, let certificate) = answer else {
      isPending = true
      log.write("enrolment waits for approval", [:])
      return answer
    }
    if let certificate {
      try state.write(Array(certificate.utf8), to: DeviceIdentity.certificateFile)
    }
    var known = fresh
    known.rotatedFor = identity?.rotatedFor
    let isNew = known != identity
    try known.save(in: state)
    identity = known
    isPending = false
    if isNew {
      log.write("enrolled", ["device": known.device.text])
      wantsEverything = true
      try takeKeys()
    }
    return answer
  }

  /// The updater knows its keys from its making, so it is made anew for new ones.
  private func takeKeys() throws(LinkError) {
    let setup = Agent.setup(configuration, identity)
    guard setup.signingKeys != updater.setup.signingKeys else { return }
    // A watchdog can be opened once; the next process has both it and the keys.
    guard setup.health.watchdog == nil else {
      departure = .restartAgent
      return
    }
    let present = updater
    updater = try Agent.device { () throws(AgentError) in
      try DeviceUpdater(setup, disk: present.disk, programs: present.programs, clock: clock)
    }
  }

  private func link(secondsMax: Int) throws(LinkError) -> ServerLink {
    let plan = configuration.tls(state)
    return try ServerLink(
      server: configuration.server, tenant: configuration.tenant,
      tls: TLSClientOptions(trust: plan.trust, identity: plan.identity), secondsMax: secondsMax)
  }

  private func makeSession(_ identity: DeviceIdentity) throws(LinkError) -> DeviceSession {
    let clock = clock
    let patience = Int(configuration.pacing.wait.wholeSeconds) + 30
    return DeviceSession(
      link: try link(secondsMax: patience), device: identity.device,
      key: try DeviceIdentity.key(in: state), ownToken: try ownToken(),
      showsCertificate: configuration.tls(state).identity != nil, monotonic: { clock.now() })
  }
}
