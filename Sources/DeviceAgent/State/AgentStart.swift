// AgentStart: what a start of the agent means in each phase: resumption, trial or fallback.
//
// A start follows a boot or only a new process; `bootIdentifier` tells which. The slot that runs
// and the boot record say what became of the trial; the phase says what was meant.

internal import UpdateModel

extension AgentTurn {
  mutating func start(_ facts: StartFacts) {
    let isBoot = facts.bootIdentifier != state.bootIdentifier
    state.bootIdentifier = facts.bootIdentifier
    if isBoot { state.rebootsAsked = 0 }
    state.running = facts.running
    state.runningAgent = facts.agent
    if facts.hasSlots, facts.running == nil {
      state.safeMode = state.safeMode ?? .recoverySystem
    } else if state.safeMode == .recoverySystem {
      state.safeMode = nil
    }
    switch state.phase {
    case .idle: startIdle(facts)
    case .downloading(let update, let image):
      effects.append(.download(update.images[image]))
    case .verified: break
    case .preparing(let update):
      if let prepare = update.prepare { effects.append(.prepare(prepare)) }
    case .writing(let update, let image, let place):
      startWriting(update, image, place)
    case .written(let update, let image, let place):
      if isRunning(place, update) {
        // The record was written and the power failed before the journal knew.
        tryOut(update, image, place, attempt: 0, facts)
      } else {
        effects.append(.arm(update.images[image], place))
      }
    case .armed(let update, let image, let place, let departures):
      startArmed(update, image, place, departures, isBoot: isBoot, facts)
    case .onTrial(let update, let image, let place, let attempt):
      startTrial(update, image, place, attempt, facts)
    case .reverting(let update, let image, let place, let failure, let departures):
      startReverting(update, image, place, failure, departures, isBoot: isBoot, facts)
    }
  }

  private mutating func startIdle(_ facts: StartFacts) {
    effects.append(.discardDownloads(keeping: []))
    if let resume = state.owedResume { effects.append(.resume(resume)) }
    guard let running = facts.running else { return }
    if let boot = facts.boot, boot.isTrial {
      // A trial that is not ours is left to whoever began it, unless there is nothing else.
      if boot.slot == running, state.safeMode == .noGoodSlot { effects.append(.keep(running)) }
      return
    }
    if let confirmed = state.confirmed, confirmed != running {
      state.latestFallback = UpdateFailure(
        .boot, "slot \(confirmed.rawValue) was confirmed and the device started \(running.rawValue)"
      )
    }
    state.confirmed = running
  }

  private mutating func startWriting(_ update: Update, _ image: Int, _ place: Place) {
    if case .slot(let slot) = place, state.running == slot {
      let text = "slot \(slot.rawValue) was being written and runs now"
      return end(update, .failed, UpdateFailure(.install, text))
    }
    effects.append(.write(update.images[image], place))
  }

  private mutating func startArmed(
    _ update: Update, _ image: Int, _ place: Place, _ departures: Int, isBoot: Bool,
    _ facts: StartFacts
  ) {
    if isRunning(place, update) {
      return tryOut(update, image, place, attempt: 0, facts)
    }
    switch place {
    case .slot(let slot):
      // Only the agent was started again: the boot is still to come.
      guard isBoot else { return leave(to: place) }
      guard let boot = facts.boot, boot.isTrial, boot.slot == slot else {
        return fallBack(update, state.trialFailure ?? notStarted(place))
      }
      // The boot loader did not follow the record.
      guard departures < AgentMachine.departuresMax else {
        return revert(update, image, place, notStarted(place))
      }
    case .agent:
      guard departures < AgentMachine.departuresMax else {
        return revert(update, image, place, notStarted(place))
      }
    }
    state.phase = .armed(update, image: image, place: place, departures: departures + 1)
    effects.append(.arm(update.images[image], place))
  }

  private mutating func startTrial(
    _ update: Update, _ image: Int, _ place: Place, _ attempt: Int, _ facts: StartFacts
  ) {
    if isRunning(place, update) {
      if case .slot(let slot) = place, let boot = facts.boot, !boot.isTrial, boot.slot == slot {
        // Confirmed, and the power failed before the journal knew.
        return confirm(update, image, place)
      }
      return tryOut(update, image, place, attempt: attempt, facts)
    }
    let failure = state.trialFailure ?? notStarted(place)
    if case .slot(let slot) = place, let boot = facts.boot, boot.isTrial, boot.slot == slot {
      return revert(update, image, place, failure)
    }
    fallBack(update, failure)
  }

  private mutating func startReverting(
    _ update: Update, _ image: Int, _ place: Place, _ failure: UpdateFailure, _ departures: Int,
    isBoot: Bool, _ facts: StartFacts
  ) {
    let isChosen: Bool
    switch place {
    case .slot(let slot): isChosen = facts.boot.map { $0.slot == slot } ?? true
    case .agent: isChosen = isRunning(place, update)
    }
    if !isChosen, !isRunning(place, update) { return fallBack(update, failure) }
    guard departures < AgentMachine.returnsMax else {
      let text = "the device starts \(place.text) whatever is chosen"
      return keep(update, place, failure, UpdateFailure(.boot, text))
    }
    let isReturn = isBoot || place == .agent
    revert(update, image, place, failure, departures: departures + (isReturn ? 1 : 0))
  }

  /// The place runs on trial: how often is counted by the boot loader, or here for the agent.
  private mutating func tryOut(
    _ update: Update, _ image: Int, _ place: Place, attempt: Int, _ facts: StartFacts
  ) {
    let starts: Int
    let startsMax: Int
    if case .slot = place, let boot = facts.boot, boot.isTrial {
      starts = boot.bootCount
      startsMax = boot.bootLimit
    } else {
      starts = attempt + 1
      startsMax = AgentMachine.agentStartsMax
    }
    guard starts <= startsMax else {
      let text = "\(place.text) started \(starts) times and did not prove itself"
      return revert(update, image, place, state.trialFailure ?? UpdateFailure(.boot, text))
    }
    state.phase = .onTrial(update, image: image, place: place, attempt: starts)
    effects.append(.checkTrial(place))
  }

  private func notStarted(_ place: Place) -> UpdateFailure {
    UpdateFailure(.boot, "\(place.text) did not start; the device runs what it ran before")
  }
}
