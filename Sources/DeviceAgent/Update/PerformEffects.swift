// PerformEffects: how each effect of the machine is done on this device.

internal import UpdateModel

extension DeviceUpdater {
  /// What came of an effect.
  enum Outcome {
    case event(AgentEvent)
    case demand(AgentDemand)
    case done
  }

  func perform(_ effect: AgentEffect) throws(AgentError) -> Outcome {
    switch effect {
    case .download(let image): return .demand(.download(image))
    case .discardDownloads(let digests):
      try downloads.discard(keeping: digests)
      return .done
    case .prepare(let name): return .event(prepare(name))
    case .resume(let name):
      // The update has ended; a part that does not resume is its own trouble and is in its log.
      _ = setup.hooks.actions[name].map(programs.run)
      return .event(.resumed)
    case .write(let image, let place): return .event(write(image, place))
    case .arm(let image, let place): return .event(arm(image, place))
    case .checkTrial(let place): return .demand(.checkTrial(place))
    case .confirm(let image, let place):
      try confirm(image, place)
      return .event(.confirmed)
    case .revert(let image, let place): return .event(try revert(image, place))
    case .keep(let slot):
      let boot = try bootAccess()
      try boot.write(try boot.read().confirming(slot))
      return .done
    case .reboot(let pause): return .demand(.reboot(after: pause))
    case .restartAgent: return .demand(.restartAgent)
    }
  }

  func slotPair() throws(AgentError) -> SlotPair {
    guard let slots = setup.slots else { throw .notConfigured("a pair of slots") }
    return SlotPair(disk: disk, setup: slots)
  }

  func bootAccess() throws(AgentError) -> BootAccess {
    guard let boot = setup.boot else { throw .notConfigured("a boot record") }
    return BootAccess(disk: disk, programs: programs, control: boot)
  }

  func agentVersions() throws(AgentError) -> AgentVersions {
    guard let folder = setup.agentVersions else {
      throw .notConfigured("a folder for versions of the agent")
    }
    return AgentVersions(disk: disk, programs: programs, folder: folder)
  }

  private func prepare(_ name: Name) -> AgentEvent {
    guard let call = setup.hooks.actions[name] else {
      return .prepareFailed(UpdateFailure(.notConfigured("the action \(name)")))
    }
    let result = programs.run(call)
    return result.isSuccess
      ? .prepared : .prepareFailed(UpdateFailure(.program(path: call.path, ending: result.text)))
  }

  private func write(_ image: UpdateImage, _ place: Place) -> AgentEvent {
    do throws(AgentError) {
      let path = downloads.path(image.sha256)
      guard try disk.exists(path) else { return .imageLost }
      let part = try disk.open(path, .read)
      let outcome: SlotOutcome
      switch place {
      case .slot(let slot):
        let running = try runningSlot()
        outcome = try slotPair().write(image, from: part, to: slot, running: running)
        provenSlot = outcome == .written ? slot : nil
      case .agent: outcome = try agentVersions().write(image, from: part)
      }
      switch outcome {
      case .written: return .written
      case .imageLost:
        try PartFile(image, in: downloads).startOver()
        return .imageLost
      }
    } catch {
      return .writeFailed(UpdateFailure(error))
    }
  }

  private func arm(_ image: UpdateImage, _ place: Place) -> AgentEvent {
    do throws(AgentError) {
      switch place {
      case .slot(let slot):
        let content = SlotContent(
          version: image.version, sha256: image.sha256, size: image.size)
        // In the process that wrote it, it has just been read back.
        if provenSlot != slot, try !slotPair().isIntact(slot, content) {
          throw .malformed(subject: "slot \(slot.rawValue)", reason: "changed after it was written")
        }
        // A recovery system falls back to the slot that is not written.
        let running = try runningSlot() ?? slot.other
        guard running != slot else { throw .slotIsRunning(slot) }
        let boot = try bootAccess()
        try boot.write(presentRecord(boot, running).arming(slot, from: running))
      case .agent: try agentVersions().arm(image.sha256)
      }
      return .armed
    } catch {
      return .armFailed(UpdateFailure(error))
    }
  }

  /// A record that cannot be read is made anew: the slot that runs is what is known to start.
  private func presentRecord(_ boot: BootAccess, _ running: Slot) -> BootStatus {
    do throws(AgentError) { return try boot.read() } catch {
      return BootStatus(slot: running, previous: running)
    }
  }

  private func confirm(_ image: UpdateImage, _ place: Place) throws(AgentError) {
    switch place {
    case .slot(let slot):
      let boot = try bootAccess()
      try boot.write(presentRecord(boot, slot).confirming(slot))
    case .agent: try agentVersions().tidy()
    }
  }

  private func revert(_ image: UpdateImage, _ place: Place) throws(AgentError) -> AgentEvent {
    guard case .slot(let slot) = place else {
      try agentVersions().revert(from: image.sha256)
      return .reverted
    }
    let target = slot.other
    guard try slotPair().isIntact(target, state.contents[target]) else {
      return .revertImpossible(
        UpdateFailure(.storage, "slot \(target.rawValue) is not intact any more"))
    }
    let boot = try bootAccess()
    try boot.write(presentRecord(boot, target).reverting(to: target))
    return .reverted
  }
}
