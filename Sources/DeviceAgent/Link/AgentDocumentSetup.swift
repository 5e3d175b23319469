// AgentDocumentSetup: the part of the configuration file that describes slots, boot and checks.

import Crypto
import UpdateModel

extension AgentDocument {
  /// Reads what the disk side needs.
  static func setup(_ reader: DocumentReader, hardware: Name) -> DeviceSetup? {
    var setup = DeviceSetup(hardware: hardware, signingKeys: keys(reader))
    if let path = path(reader, "stateDirectory") { setup.stateDirectory = path }
    setup.agentVersions = path(reader, "agentVersions")
    if reader.has("slots") { setup.slots = slots(reader.object("slots")) }
    if reader.has("boot") { setup.boot = boot(reader.object("boot")) }
    if reader.has("slots"), !reader.has("boot") {
      reader.refuse("boot", "missing; slots need a boot record")
    }
    guard let health = health(reader.object("health")) else { return nil }
    setup.health = health
    setup.hooks.actions = AgentDocumentLists.actions(reader)
    return setup
  }

  private static func keys(_ reader: DocumentReader) -> [VerifyingKey] {
    guard reader.has("signingKeys") else { return [] }
    let keys = reader.read(
      "signingKeys", default: nil,
      allowed: "a list of 1 to \(DeviceIdentity.signingKeysMax) Ed25519 keys of 64 hex digits"
    ) { value -> [VerifyingKey]? in
      guard let elements = value.array,
        (1...DeviceIdentity.signingKeysMax).contains(elements.count)
      else { return nil }
      // A refused key becomes nil here and a fault in `read`.
      return try? DeviceIdentity.keys(value)
    }
    return keys ?? []
  }

  private static func slots(_ reader: DocumentReader) -> SlotSetup? {
    reader.allowOnly(["a", "b", "component", "running", "readOnly", "bytesMax"])
    let (pathA, pathB) = (path(reader, "a"), path(reader, "b"))
    for key in ["a", "b"] where !reader.has(key) {
      reader.refuse(key, "missing; give the path of the slot")
    }
    let component = reader.name("component", default: try? Name("os"))  // a name by its spelling
    let running = running(reader.object("running"))
    guard let pathA, let pathB, let component, let running,
      let isReadOnly = reader.flag("readOnly", default: true),
      let bytesMax = reader.integer("bytesMax", default: 16 << 30, in: 1...(1 << 40))
    else { return nil }
    if pathA == pathB { reader.refuse("b", "it is the path of slot a") }
    var slots = SlotSetup(pathA: pathA, pathB: pathB, component: component, running: running)
    slots.isReadOnly = isReadOnly
    slots.fileBytesMax = Int64(bytesMax)
    return slots
  }

  private static func running(_ reader: DocumentReader) -> SlotSetup.Running? {
    reader.allowOnly(["kernelArgument", "file", "command"])
    if reader.has("kernelArgument") {
      return reader.name("kernelArgument").map { .kernelArgument($0.text) }
    }
    if reader.has("file") { return path(reader, "file").map { .file($0) } }
    if reader.has("command") { return program(reader, "command").map { .command($0) } }
    reader.refuse("kernelArgument", "missing; give kernelArgument, file or command")
    return nil
  }

  private static func boot(_ reader: DocumentReader) -> BootControl? {
    reader.allowOnly(["directory", "uboot", "get", "set"])
    if reader.has("directory") { return path(reader, "directory").map { .file(directory: $0) } }
    if reader.has("uboot") { return uboot(reader.object("uboot")).map { .uboot($0) } }
    let (get, set) = (program(reader, "get"), program(reader, "set"))
    guard let get, let set else {
      if !reader.has("get") || !reader.has("set") {
        reader.refuse("directory", "missing; give directory, uboot, or get and set")
      }
      return nil
    }
    return .commands(BootCommands(get: get, set: set))
  }

  private static func uboot(_ reader: DocumentReader) -> UBootSetup? {
    reader.allowOnly(["path", "offset", "size", "redundant"])
    guard let path = path(reader, "path") else {
      if !reader.has("path") { reader.refuse("path", "missing; give the file or device") }
      return nil
    }
    var setup = UBootSetup(path: path)
    guard let offset = reader.integer("offset", default: 0, in: 0...(1 << 40)),
      let size = reader.integer("size", default: setup.size, in: 256...(1 << 20))
    else { return nil }
    setup.offset = Int64(offset)
    setup.size = size
    if reader.has("redundant") {
      let copy = reader.object("redundant")
      copy.allowOnly(["path", "offset"])
      guard let second = copy.integer("offset", default: 0, in: 0...(1 << 40)) else { return nil }
      setup.redundant = UBootSetup.Copy(
        path: self.path(copy, "path") ?? path, offset: Int64(second))
    }
    return setup
  }

  private static func health(_ reader: DocumentReader) -> HealthSetup? {
    reader.allowOnly([
      "checks", "needsServer", "deadline", "pause", "watchdog", "watchdogPeriod", "revertsAtOnce",
    ])
    var health = HealthSetup()
    health.checks = AgentDocumentLists.checks(reader)
    health.watchdog = path(reader, "watchdog")
    let deadline = reader.interval(
      "deadline", default: health.deadline, in: .seconds(1)...(.hours(24)))
    let pause = reader.interval("pause", default: health.pause, in: .zero...(.hours(1)))
    let period = reader.interval(
      "watchdogPeriod", default: health.watchdogPeriod, in: .seconds(1)...(.hours(1)))
    guard let deadline, let pause, let period,
      let needsServer = reader.flag("needsServer", default: health.needsServer),
      let reverts = reader.flag("revertsAtOnce", default: health.revertsAtOnce)
    else { return nil }
    health.needsServer = needsServer
    health.deadline = deadline
    health.pause = pause
    health.watchdogPeriod = period
    health.revertsAtOnce = reverts
    return health
  }
}
