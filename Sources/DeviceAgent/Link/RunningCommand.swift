// RunningCommand: the one command whose work goes on beside the agent's thread.

import UpdateModel

/// A command that was begun and has not ended.
struct RunningCommand {
  /// The server is told this often that the work goes on; it gives a silent command up after an
  /// hour.
  static let signOfLifePause = Interval.minutes(15)

  private enum Work {
    case program(SideWork<ProgramResult>)
    case logs(LogCollection)
  }

  /// Which command it is.
  let id: Name
  /// Whether the device is out of service meanwhile, so that no update is installed.
  let isDisruptive: Bool
  private var work: Work
  private var lifeSignDue: Interval

  /// Begins; nil when the system has no thread to give.
  init?(
    _ id: Name, _ program: CommandProgram, isDisruptive: Bool, leash: ProgramLeash,
    at now: Interval, ended: @escaping @Sendable () -> Void
  ) {
    guard let work = SideWork.start(ended: ended, { program.run(leash) }) else { return nil }
    self.init(id, .program(work), isDisruptive, at: now)
  }

  /// Begins with the first log.
  init(_ collection: LogCollection, at now: Interval) {
    self.init(collection.command, .logs(collection), false, at: now)
  }

  private init(_ id: Name, _ work: Work, _ isDisruptive: Bool, at now: Interval) {
    self.id = id
    self.isDisruptive = isDisruptive
    self.work = work
    lifeSignDue = now + RunningCommand.signOfLifePause
  }

  /// What to tell the server now: a final answer when the work has ended, news about its progress,
  /// or nothing.
  mutating func news(_ session: DeviceSession?, at now: Interval) -> CommandAnswer? {
    var progress: String?
    switch work {
    case .program(let work):
      if let ended = work.outcome { return CommandDesk.answer(to: ended) }
    case .logs(var collection):
      let before = collection.progress
      let answer = collection.advance(session)
      work = .logs(collection)
      if let answer { return answer }
      progress = collection.progress
      if progress != before { return CommandAnswer(.running, text: progress) }
    }
    guard lifeSignDue <= now else { return nil }
    lifeSignDue = now + RunningCommand.signOfLifePause
    return CommandAnswer(.running, text: progress)
  }

  /// When the server is to be told that the work goes on.
  var due: Interval { lifeSignDue }
}
