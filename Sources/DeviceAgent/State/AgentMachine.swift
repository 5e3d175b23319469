// AgentMachine: the decisions of the agent. Values in, values out.
//
// Inputs are events, outputs a new state and effects. Whoever calls `step` makes the state durable
// and only then performs the effects, in their order; each effect may be performed twice, because a
// power failure in between leads to the same effect again (see AgentStart).
//
// Not its work: what an image is worth (`ImageTrust`), when an update may begin (the server and
// `LocalConditions`), and how a trial is checked (`HealthCheck`). Events that do not fit the phase
// change nothing: they are echoes of what a restart repeated.

internal import UpdateModel

/// The pure machine.
public enum AgentMachine {
  /// Starts that an agent program may take to have a poll answered. Power failures count too, so
  /// it is more than a boot loader allows.
  public static let agentStartsMax = 5
  /// Restarts after which a place that is armed and never starts is given up.
  public static let departuresMax = 3
  /// Starts in a failed place after the other one was chosen, before the boot loader is to blame.
  /// Power failures on the way count too.
  public static let returnsMax = 10
  /// Times that verified images may be lost before the medium is to blame.
  public static let imagesLostMax = 3

  /// Decides what an event means.
  public static func step(
    _ state: AgentState, _ event: AgentEvent
  ) -> (state: AgentState, effects: [AgentEffect]) {
    var turn = AgentTurn(state)
    switch event {
    case .started(let facts): turn.start(facts)
    case .offered, .refused, .cancelled, .downloaded, .downloadFailed, .installAllowed, .prepared,
      .prepareFailed, .imageLost:
      turn.takeBefore(event)
    case .written, .writeFailed, .armed, .armFailed, .trialPassed, .trialFailed, .confirmed,
      .reverted, .revertImpossible:
      turn.takeWithin(event)
    case .resumed: turn.state.owedResume = nil
    case .reportDelivered(let number): turn.state.outbox.removeAll { $0.number == number }
    case .rebootAsked(let hookFailure): turn.askForReboot(hookFailure)
    case .safeModeEntered(let reason): turn.state.safeMode = reason
    case .safeModeLeft: turn.state.safeMode = nil
    }
    return (turn.state, turn.effects)
  }
}

/// One step under way.
struct AgentTurn {
  var state: AgentState
  var effects: [AgentEffect] = []

  init(_ state: AgentState) { self.state = state }

  // MARK: Before anything is written

  fileprivate mutating func takeBefore(_ event: AgentEvent) {
    switch (event, state.phase) {
    case (.offered(let update), _): consider(update)
    case (.refused(let update, let failure), .idle): refuse(update, failure)
    case (.cancelled(let action), _): cancel(action)
    case (.downloaded, .downloading(let update, let image)): download(update, from: image + 1)
    case (.downloadFailed(let failure), .downloading(let update, _)):
      end(update, .failed, failure)
    case (.installAllowed(let action), .verified(let update)) where update.action == action:
      state.owedResume = update.resume
      if let prepare = update.prepare {
        state.phase = .preparing(update)
        effects.append(.prepare(prepare))
      } else {
        report(update, .installing)
        write(update, from: 0)
      }
    case (.prepared, .preparing(let update)):
      report(update, .installing)
      write(update, from: 0)
    case (.prepareFailed(let failure), .preparing(let update)): end(update, .failed, failure)
    case (.imageLost, .downloading(let update, let image)): fetchAgain(update, image, .hash)
    case (.imageLost, .writing(let update, let image, _)): fetchAgain(update, image, .storage)
    default: break
    }
  }

  private mutating func consider(_ update: Update) {
    switch state.phase {
    case .idle:
      if let end = state.latestEnd, !update.isLocal, end.action == update.action,
        end.attempt == update.attempt
      {
        return repeatEnd(end)
      }
      begin(update)
    case .downloading(let present, _), .verified(let present):
      if present != update { begin(update) }
    // Too far to be replaced; the server offers it again when this one has ended.
    case .preparing, .writing, .written, .armed, .onTrial, .reverting: break
    }
  }

  private mutating func begin(_ update: Update) {
    state.trialFailure = nil
    state.imagesLost = 0
    effects.append(.discardDownloads(keeping: update.images.map(\.sha256)))
    download(update, from: 0)
  }

  private mutating func refuse(_ update: Update, _ failure: UpdateFailure) {
    if let end = state.latestEnd, end.action == update.action, end.attempt == update.attempt {
      return repeatEnd(end)
    }
    end(update, .failed, failure)
  }

  private mutating func cancel(_ action: Name) {
    guard let update = state.phase.update, update.action == action else {
      if let end = state.latestEnd, end.action == action { return repeatEnd(end) }
      // Nothing of it was ever begun here.
      guard !state.outbox.contains(where: { $0.action == action }) else { return }
      return report(action, .cancelled)
    }
    guard state.phase.canBeCancelled else {
      if !state.outbox.contains(where: { $0.action == action && $0.phase == .cancelRefused }) {
        report(update, .cancelRefused)
      }
      return
    }
    end(update, .cancelled, nil)
  }

  private mutating func download(_ update: Update, from start: Int) {
    if let image = (start..<update.images.count).first(where: { !isInPlace(update.images[$0]) }) {
      state.phase = .downloading(update, image: image)
      effects.append(.download(update.images[image]))
    } else if update.images.allSatisfy(isInPlace) {
      end(update, .installed, nil)
    } else {
      state.phase = .verified(update)
      report(update, .downloaded)
    }
  }

  private mutating func fetchAgain(
    _ update: Update, _ image: Int, _ failureClass: FailureClass
  ) {
    state.imagesLost += 1
    guard state.imagesLost <= AgentMachine.imagesLostMax else {
      let text =
        "\(update.images[image].file) was fetched \(state.imagesLost) times and never has "
        + "the signed digest on this disk"
      return end(update, .failed, UpdateFailure(failureClass, text))
    }
    state.phase = .downloading(update, image: image)
    effects.append(.download(update.images[image]))
  }

  /// Whether an image runs and has proven itself. In safe mode nothing is taken for granted.
  private func isInPlace(_ image: UpdateImage) -> Bool {
    guard state.safeMode == nil else { return false }
    if image.isAgent { return state.confirmedAgent == image.sha256 }
    guard let confirmed = state.confirmed, state.running == confirmed else { return false }
    return state.contents[confirmed]?.sha256 == image.sha256
  }

  // MARK: Writing and trying

  fileprivate mutating func takeWithin(_ event: AgentEvent) {
    switch (event, state.phase) {
    case (.written, .writing(let update, let image, let place)):
      let written = update.images[image]
      if case .slot(let slot) = place {
        state.contents[slot] = SlotContent(
          version: written.version, sha256: written.sha256, size: written.size)
      }
      state.phase = .written(update, image: image, place: place)
      effects.append(.arm(written, place))
    case (.writeFailed(let failure), .writing(let update, _, _)),
      (.armFailed(let failure), .written(let update, _, _)),
      (.armFailed(let failure), .armed(let update, _, _, _)):
      end(update, .failed, failure)
    case (.armed, .written(let update, let image, let place)):
      state.phase = .armed(update, image: image, place: place, departures: 0)
      state.rebootsAsked = 0
      report(update, .rebooting)
      leave(to: place)
    case (.armed, .armed(_, _, let place, _)): leave(to: place)
    case (.trialPassed, .onTrial(let update, let image, let place, _)):
      effects.append(.confirm(update.images[image], place))
    case (.trialFailed(let failure, true), .onTrial(let update, let image, let place, _)):
      revert(update, image, place, failure)
    case (.trialFailed(let failure, false), .onTrial(_, _, let place, _)):
      state.trialFailure = failure
      leave(to: place)
    case (.confirmed, .onTrial(let update, let image, let place, _)):
      confirm(update, image, place)
    case (.reverted, .reverting(let update, _, let place, let failure, _)):
      if isRunning(place, update) { leave(to: place) } else { fallBack(update, failure) }
    case (.revertImpossible(let failure), .reverting(let update, _, let place, let cause, _)):
      keep(update, place, cause, failure)
    default: break
    }
  }

  mutating func write(_ update: Update, from start: Int) {
    guard let image = (start..<update.images.count).first(where: { !isInPlace(update.images[$0]) })
    else { return end(update, .installed, nil) }
    let place: Place
    if update.images[image].isAgent {
      place = .agent
    } else {
      // A recovery system runs in neither; the slot that proved itself last is kept then.
      let target = (state.running ?? state.confirmed)?.other ?? .a
      state.contents[target] = nil
      place = .slot(target)
    }
    state.phase = .writing(update, image: image, place: place)
    effects.append(.write(update.images[image], place))
  }

  mutating func confirm(_ update: Update, _ image: Int, _ place: Place) {
    switch place {
    case .slot(let slot):
      state.confirmed = slot
      switch state.safeMode {
      case .noGoodSlot, .stateLost: state.safeMode = nil
      case nil, .recoverySystem, .configuration, .ordered: break
      }
    case .agent: state.confirmedAgent = update.images[image].sha256
    }
    state.trialFailure = nil
    write(update, from: image + 1)
  }

  mutating func revert(
    _ update: Update, _ image: Int, _ place: Place, _ failure: UpdateFailure, departures: Int = 0
  ) {
    state.phase = .reverting(
      update, image: image, place: place, failure: failure, departures: departures)
    effects.append(.revert(update.images[image], place))
  }

  /// The device runs what it ran before.
  mutating func fallBack(_ update: Update, _ failure: UpdateFailure) {
    if let running = state.running { state.confirmed = running }
    state.latestFallback = failure
    end(update, .reverted, failure)
  }

  /// There is nothing to fall back to: a bad system that runs is better than none.
  mutating func keep(
    _ update: Update, _ place: Place, _ cause: UpdateFailure, _ failure: UpdateFailure
  ) {
    state.safeMode = .noGoodSlot
    state.latestFallback = cause
    if case .slot(let slot) = place {
      state.confirmed = slot
      effects.append(.keep(slot))
    }
    end(
      update, .failed,
      UpdateFailure(cause.failureClass, "\(cause.text); it runs on, because \(failure.text)"))
  }

  func isRunning(_ place: Place, _ update: Update) -> Bool {
    switch place {
    case .slot(let slot): state.running == slot
    case .agent: update.images.contains { $0.isAgent && $0.sha256 == state.runningAgent }
    }
  }

  mutating func leave(to place: Place) {
    switch place {
    case .slot:
      let pause = AgentMachine.rebootPause(afterAsking: state.rebootsAsked)
      effects.append(.reboot(after: pause))
    case .agent: effects.append(.restartAgent)
    }
  }

  // MARK: Ends and reports

  mutating func end(
    _ update: Update, _ phase: UpdateReport.Phase, _ failure: UpdateFailure?
  ) {
    state.phase = .idle
    state.trialFailure = nil
    state.rebootsAsked = 0
    state.latestEnd = UpdateEnd(
      action: update.action, attempt: update.attempt, phase: phase, failure: failure)
    report(update, phase, failure)
    effects.append(.discardDownloads(keeping: []))
    if let resume = state.owedResume { effects.append(.resume(resume)) }
  }

  private mutating func repeatEnd(_ end: UpdateEnd) {
    guard !state.outbox.contains(where: { $0.action == end.action }) else { return }
    report(end.action, end.phase, end.failure)
  }

  mutating func report(
    _ update: Update, _ phase: UpdateReport.Phase, _ failure: UpdateFailure? = nil
  ) {
    guard !update.isLocal else { return }
    report(update.action, phase, failure)
  }

  private mutating func report(
    _ action: Name, _ phase: UpdateReport.Phase, _ failure: UpdateFailure? = nil
  ) {
    state.latestReport += 1
    state.outbox.append(
      UpdateReport(number: state.latestReport, action: action, phase: phase, failure: failure))
    guard state.outbox.count > AgentState.outboxMax else { return }
    // What came of an update says more than how it went.
    let oldest = state.outbox.firstIndex { !$0.phase.isEnd } ?? 0
    state.outbox.remove(at: oldest)
  }
}
