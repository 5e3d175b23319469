// SetupDocument: the part of the agent's configuration that describes the device, from JSON.

internal import Crypto
public import UpdateModel

extension DeviceSetup {
  /// The members that this part reads from the top of the configuration.
  public static let documentKeys = [
    "stateDirectory", "hardware", "signingKeys", "slots", "boot", "health", "hooks",
    "agentVersions",
  ]

  /// Reads the description of the device; nil after noting faults. Other members are not looked at.
  public init?(_ document: DocumentReader) {
    let read = SetupDocument(document)
    guard let hardware = document.name("hardware") else { return nil }
    self.init(hardware: hardware, signingKeys: read.signingKeys())
    if let path = read.path("stateDirectory", document, default: stateDirectory) {
      stateDirectory = path
    }
    if document.has("slots") { slots = read.slots(document.object("slots")) }
    if document.has("boot") { boot = read.boot(document.object("boot")) }
    if slots != nil, boot == nil {
      document.refuse("boot", "missing; slots are of no use without a boot record")
    }
    health = read.health(document.object("health"))
    hooks = read.hooks(document.object("hooks"))
    if document.has("agentVersions") {
      agentVersions = read.path("agentVersions", document, default: nil)
    }
  }
}

/// Reads the nested parts.
private struct SetupDocument {
  let document: DocumentReader

  init(_ document: DocumentReader) { self.document = document }

  /// Default none: keys may come with the enrolment.
  func signingKeys() -> [VerifyingKey] {
    guard let value = document.value("signingKeys") else { return [] }
    let keys = value.array?.map { element -> VerifyingKey? in
      // A key that is refused becomes a fault below.
      element.string.flatMap { try? VerifyingKey(hex: $0) }
    }
    guard let keys, keys.count <= 16, !keys.contains(where: { $0 == nil }) else {
      document.refuse("signingKeys", "give at most 16 texts of 64 hexadecimal digits")
      return []
    }
    return keys.compactMap { $0 }
  }

  func path(_ key: String, _ reader: DocumentReader, default fallback: String?) -> String? {
    reader.read(key, default: fallback, allowed: "an absolute path of at most 1000 bytes") {
      $0.string.flatMap { SetupDocument.isPath($0) ? $0 : nil }
    }
  }

  static func isPath(_ text: String) -> Bool {
    text.utf8.first == UInt8(ascii: "/") && text.utf8.count <= 1000 && !text.utf8.contains(0)
      && (text.utf8.last != UInt8(ascii: "/") || text == "/")
  }

  /// A program with its arguments as a list of words.
  func call(_ key: String, _ reader: DocumentReader, timeout: Interval) -> ProgramCall? {
    reader.read(key, default: nil, allowed: "a list of words that starts with an absolute path") {
      value in
      let words = value.array?.compactMap(\.string) ?? []
      guard words.count == value.array?.count else { return nil }
      return ProgramCall(words, timeout: timeout)
    }
  }

  private func timeout(_ reader: DocumentReader) -> Interval {
    reader.interval("timeout", default: .seconds(30), in: .seconds(1) ... .hours(1)) ?? .seconds(30)
  }

  // MARK: Slots and boot

  func slots(_ reader: DocumentReader) -> SlotSetup? {
    reader.allowOnly(["a", "b", "component", "running", "readOnly", "pieceBytes"])
    // It is a name; were it none, the field would be demanded.
    let os = try? Name("os")
    guard let pathA = path("a", reader, default: nil), let pathB = path("b", reader, default: nil),
      let component = reader.name("component", default: os),
      let running = running(reader.object("running"))
    else { return nil }
    guard pathA != pathB else {
      reader.refuse("b", "is the path of slot a too; the running system would be overwritten")
      return nil
    }
    var slots = SlotSetup(pathA: pathA, pathB: pathB, component: component, running: running)
    slots.isReadOnly = reader.flag("readOnly", default: true) ?? true
    slots.pieceBytes =
      reader.integer("pieceBytes", default: slots.pieceBytes, in: (4 << 10)...(16 << 20))
      ?? slots.pieceBytes
    return slots
  }

  private func running(_ reader: DocumentReader) -> SlotSetup.Running? {
    reader.allowOnly(["kernelArgument", "file", "command", "timeout"])
    if reader.has("kernelArgument") {
      return reader.text("kernelArgument", bytes: 1...64).map { .kernelArgument($0) }
    }
    if reader.has("file") { return path("file", reader, default: nil).map { .file($0) } }
    return call("command", reader, timeout: timeout(reader)).map { .command($0) }
  }

  private enum Kind: String, CaseIterable {
    case file
    case uboot
    case commands
  }

  func boot(_ reader: DocumentReader) -> BootControl? {
    guard let kind = reader.choice("kind", default: nil as Kind?) else { return nil }
    switch kind {
    case .file:
      reader.allowOnly(["kind", "directory"])
      return path("directory", reader, default: nil).map { .file(directory: $0) }
    case .uboot: return uboot(reader)
    case .commands:
      reader.allowOnly(["kind", "get", "set", "timeout"])
      let limit = timeout(reader)
      guard let get = call("get", reader, timeout: limit),
        let set = call("set", reader, timeout: limit)
      else { return nil }
      return .commands(BootCommands(get: get, set: set))
    }
  }

  private func uboot(_ reader: DocumentReader) -> BootControl? {
    reader.allowOnly(["kind", "path", "offset", "size", "redundant"])
    let offsets = 0...(1 << 40)
    guard let path = path("path", reader, default: nil),
      let offset = reader.integer("offset", default: 0, in: offsets),
      let size = reader.integer("size", default: 0x4000, in: 256...(1 << 20))
    else { return nil }
    var setup = UBootSetup(path: path)
    setup.offset = Int64(offset)
    setup.size = size
    if reader.has("redundant") {
      let second = reader.object("redundant")
      second.allowOnly(["path", "offset"])
      guard let secondPath = self.path("path", second, default: path),
        let secondOffset = second.integer("offset", default: 0, in: offsets)
      else { return nil }
      guard secondPath != path || abs(secondOffset - offset) >= size else {
        second.refuse("offset", "the two copies overlap")
        return nil
      }
      setup.redundant = UBootSetup.Copy(path: secondPath, offset: Int64(secondOffset))
    }
    return .uboot(setup)
  }

  // MARK: Health and hooks

  func health(_ reader: DocumentReader) -> HealthSetup {
    reader.allowOnly([
      "checks", "server", "deadline", "pause", "watchdog", "watchdogPeriod", "revertAtOnce",
    ])
    var health = HealthSetup()
    health.checks = checks(reader)
    health.needsServer = reader.flag("server", default: true) ?? true
    health.deadline =
      reader.interval("deadline", default: health.deadline, in: .seconds(1) ... .hours(24))
      ?? health.deadline
    health.pause =
      reader.interval("pause", default: health.pause, in: .zero ... .hours(1)) ?? health.pause
    if reader.has("watchdog") { health.watchdog = path("watchdog", reader, default: nil) }
    health.watchdogPeriod =
      reader.interval(
        "watchdogPeriod", default: health.watchdogPeriod, in: .seconds(1) ... .minutes(10))
      ?? health.watchdogPeriod
    health.revertsAtOnce = reader.flag("revertAtOnce", default: true) ?? true
    return health
  }

  private func checks(_ reader: DocumentReader) -> [HealthSetup.Check] {
    guard reader.has("checks") else { return [] }
    guard let elements = reader.objects("checks"), elements.count <= 32 else {
      reader.refuse("checks", "give a list of at most 32 checks")
      return []
    }
    return elements.compactMap { element in
      element.allowOnly(["name", "command", "timeout", "attempts"])
      guard let name = element.name("name"),
        let call = call("command", element, timeout: timeout(element)),
        let attempts = element.integer("attempts", default: 3, in: 1...100)
      else { return nil }
      var check = HealthSetup.Check(name: name, call: call)
      check.attempts = attempts
      return check
    }
  }

  func hooks(_ reader: DocumentReader) -> HookSetup {
    reader.allowOnly(["reboot", "actions"])
    var hooks = HookSetup()
    if reader.has("reboot") {
      hooks.reboot = call("reboot", reader, timeout: .minutes(1))
    }
    guard reader.has("actions") else { return hooks }
    guard let elements = reader.objects("actions"), elements.count <= 32 else {
      reader.refuse("actions", "give a list of at most 32 actions")
      return hooks
    }
    for element in elements {
      element.allowOnly(["name", "command", "timeout"])
      guard let name = element.name("name"),
        let call = call("command", element, timeout: timeout(element))
      else { continue }
      hooks.actions[name] = call
    }
    return hooks
  }
}
