// LookAround: what runs, what the boot record says, and whether an offer fits this device.

internal import UpdateModel

extension DeviceUpdater {
  /// Bytes of the small files that are read here: a kernel's command line has at most 4096.
  private static let textBytesMax = 8192

  func lookAround(program: String?) throws(AgentError) -> StartFacts {
    var boot: BootStatus?
    if setup.boot != nil {
      // An unreadable record is a fact of its own, and must not keep the agent from starting.
      do throws(AgentError) { boot = try bootAccess().read() } catch { boot = nil }
    }
    var running: Slot?
    // The agent polls and reports then; whoever wants to write asks again and is refused.
    do throws(AgentError) { running = try runningSlot() } catch { running = nil }
    let folder = setup.agentVersions
    let versions = folder.map { AgentVersions(disk: disk, programs: programs, folder: $0) }
    return StartFacts(
      hasSlots: setup.slots != nil, running: running, boot: boot,
      agent: program.flatMap { versions?.version(ofProgram: $0) },
      bootIdentifier: try Self.text(setup.bootIdentifierPath, disk) ?? "", now: clock.now())
  }

  /// The slot that runs, asked of the system each time; nothing for a recovery system, which says
  /// a word of its own instead of `a` or `b`.
  ///
  /// A system that says nothing may run in either slot, so nothing may be written: an error.
  func runningSlot() throws(AgentError) -> Slot? {
    try DeviceUpdater.runningSlot(setup, disk, programs)
  }

  static func runningSlot(
    _ setup: DeviceSetup, _ disk: any AgentDisk, _ programs: any ProgramRunner
  ) throws(AgentError) -> Slot? {
    let word: String?
    switch setup.slots?.running {
    case nil: return nil
    case .kernelArgument(let key):
      let words = (try text("/proc/cmdline", disk) ?? "").split(separator: " ")
      // The last one counts, as for the kernel itself.
      word = words.last { $0.hasPrefix("\(key)=") }.map { String($0.dropFirst(key.count + 1)) }
    case .file(let path): word = try text(path, disk)
    case .command(let call):
      let result = programs.run(call)
      guard result.isSuccess else { throw .program(path: call.path, ending: result.text) }
      word = trimmed(result.output)
    }
    guard let word, !word.isEmpty else {
      throw .malformed(subject: "the running slot", reason: "is not told by the system")
    }
    return Slot(rawValue: word)
  }

  /// Why an offer can never be installed here.
  func judge(_ update: Update) -> UpdateFailure? {
    do throws(AgentError) {
      for image in update.images { try judge(image) }
      for action in [update.prepare, update.resume].compactMap({ $0 })
      where setup.hooks.actions[action] == nil {
        throw .notConfigured("the action \(action)")
      }
      return nil
    } catch {
      return UpdateFailure(error)
    }
  }

  private func judge(_ image: UpdateImage) throws(AgentError) {
    if let objection = ImageTrust.objection(
      to: image, hardware: setup.hardware, keys: setup.signingKeys)
    {
      throw objection
    }
    if image.isAgent {
      _ = try agentVersions()
      return
    }
    let slots = try slotPair()
    guard slots.setup.component == image.component else {
      throw .notConfigured("the component \(image.component)")
    }
    // Both are alike on every device of ours; the smaller one decides where they are not.
    for slot in Slot.allCases where try disk.exists(slots.setup.path(slot)) {
      let capacity = try slots.capacity(of: slot)
      guard image.size <= capacity else { throw .tooLarge(size: image.size, capacity: capacity) }
    }
  }

  private static func text(
    _ path: String, _ disk: any AgentDisk
  ) throws(AgentError) -> String? {
    guard try disk.exists(path) else { return nil }
    return trimmed(try disk.open(path, .read).read(at: 0, count: textBytesMax))
  }

  private static func trimmed(_ bytes: [UInt8]) -> String {
    let blank: (UInt8) -> Bool = { $0 <= 0x20 }
    let body = bytes.drop(while: blank)
    let end = body.lastIndex { !blank($0) }
    return String(decoding: end.map { body[...$0] } ?? [], as: UTF8.self)
  }
}
