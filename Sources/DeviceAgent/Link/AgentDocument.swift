// AgentDocument: reads the configuration file; every fault is named by line and key.

import Crypto
import UpdateModel

/// The configuration file as JSON with comments.
public enum AgentDocument {
  /// Lists in the file are for people to write; longer ones are a mistake.
  static let listMax = 64

  /// Reads the configuration.
  ///
  /// - Parameters:
  ///   - text: the file's bytes.
  ///   - path: how errors name it.
  /// - Returns: the configuration.
  /// - Throws: `LinkError.configuration` with up to 20 faults.
  public static func read(
    _ text: [UInt8], path: String
  ) throws(LinkError) -> AgentConfiguration {
    let faults = DocumentReader.Faults()
    var configuration: AgentConfiguration?
    do throws(JSONError) {
      let (document, lines) = try JSON.parseWithLines(text, leniency: .comments)
      configuration = read(DocumentReader(document, lines: lines, faults: faults))
    } catch {
      let fault = Problem.Fault(line: error.line, field: "$", reason: error.reason)
      throw .configuration(path: path, faults: [fault])
    }
    guard let configuration, faults.list.isEmpty else {
      throw .configuration(path: path, faults: faults.list)
    }
    return configuration
  }

  /// Reads the configuration file itself.
  public static func load(_ path: String) throws(LinkError) -> AgentConfiguration {
    guard let text = try StateDirectory.read(path, atMost: AgentConfiguration.bytesMax) else {
      throw .file(action: "read", path: path, reason: "there is no such file")
    }
    return try read(text, path: path)
  }

  private static let keys =
    [
      "server", "tenant", "device", "claim", "claimFile", "tokenFile", "authorityFile",
      "clientCertificate",
      "bootIdentifierFile", "rebootEndsAgent", "commands", "capabilities", "logs", "reported",
      "conditions", "autoUpdate", "download", "poll", "statusPage",
    ] + DeviceSetup.documentKeys

  private static func read(_ reader: DocumentReader) -> AgentConfiguration? {
    reader.allowOnly(keys)
    let server = reader.read(
      "server", default: nil, allowed: "a URL such as \"https://updates.example.com\""
    ) { value -> String? in
      guard let text = value.string, text.utf8.count <= 500 else { return nil }
      return text.hasPrefix("https://") || text.hasPrefix("http://") ? text : nil
    }
    let tenant = reader.name("tenant", default: AgentDocument.usualTenant)
    let statusPort = statusPort(reader)
    let identity = identity(reader)
    let setup = DeviceSetup(reader)
    let commands = reader.object("commands")
    commands.allowOnly(["factoryReset", "identify", "desiredChanged"])
    let endsAgent = reader.flag("rebootEndsAgent", default: false)
    let reported = reader.object("reported")
    reported.allowOnly(["file", "properties"])
    let download = reader.object("download")
    download.allowOnly(["bytesPerSecondMin", "window", "metered"])
    let capabilities = AgentDocumentLists.capabilities(reader)
    let logs = AgentDocumentLists.logs(reader)
    let conditions = conditions(reader)
    let pacing = pacing(reader.object("poll"))
    let rate = download.integer("bytesPerSecondMin", default: 0, in: 0...1_000_000_000)
    let window = download.interval("window", default: .minutes(1), in: .seconds(1)...minutes(10))
    let metered = download.flag("metered", default: true)
    let shows = reader.flag("clientCertificate", default: false)
    let properties = reported.read(
      "properties", default: JSON.object([]), allowed: "an object"
    ) { (value: JSON) -> JSON? in value.members == nil ? nil : value }
    guard let server, let tenant, var setup, let conditions, let pacing, let rate, let window,
      let metered, let shows, let properties, let endsAgent
    else { return nil }
    if let path = path(reader, "bootIdentifierFile") { setup.bootIdentifierPath = path }
    if endsAgent, setup.hooks.reboot != nil {
      reader.refuse("rebootEndsAgent", "there is a hook reboot; give one of both")
    }
    return AgentConfiguration(
      server: server, tenant: tenant, device: identity.device, claim: identity.claim,
      tokenFile: tokenFile(reader), authorityFile: path(reader, "authorityFile"),
      showsCertificate: shows, setup: setup,
      hasPinnedKeys: reader.has("signingKeys"), rebootEndsAgent: endsAgent,
      factoryReset: program(commands, "factoryReset"), identify: program(commands, "identify"),
      desiredChanged: program(commands, "desiredChanged"), capabilities: capabilities, logs: logs,
      reportedFile: path(reported, "file"), reportedProperties: properties,
      conditions: conditions, allowsMetered: metered, downloadRateMin: Int64(rate),
      downloadWindow: window, pacing: pacing, statusPort: statusPort)
  }

  private static let usualTenant = try? Name("DEFAULT")  // a name by its spelling

  private static func minutes(_ count: Int64) -> Interval { .minutes(count) }

  private static func identity(
    _ reader: DocumentReader
  ) -> (device: DeviceID?, claim: AgentConfiguration.Claim?) {
    var device: DeviceID?
    if reader.has("device") {
      device = reader.read("device", default: nil, allowed: "a device id without white space") {
        // A refused id becomes nil here and a fault in `read`.
        $0.string.flatMap { try? DeviceID($0) }
      }
    }
    var claim: AgentConfiguration.Claim?
    if reader.has("claim") {
      claim = reader.text("claim", bytes: 4...128).map { .code($0) }
    }
    if let file = path(reader, "claimFile") {
      if claim != nil { reader.refuse("claimFile", "there is a claim already; give one of both") }
      claim = .file(file)
    }
    return (device, claim)
  }

  private static func tokenFile(_ reader: DocumentReader) -> String? {
    guard let path = path(reader, "tokenFile") else { return nil }
    for key in ["device", "signingKeys"] where !reader.has(key) {
      reader.refuse(key, "missing; a device with its own token does not enrol and needs it here")
    }
    return path
  }

  private static func statusPort(_ reader: DocumentReader) -> Int? {
    guard reader.has("statusPage"), reader.value("statusPage") != "off" else { return nil }
    return reader.read(
      "statusPage", default: nil, allowed: "\"off\" or an address such as \"127.0.0.1:8780\""
    ) { value -> Int? in
      guard let text = value.string, text.hasPrefix("127.0.0.1:") else { return nil }
      return Int(text.dropFirst(10)).flatMap { (0...65_535).contains($0) ? $0 : nil }
    }
  }

  private static func conditions(_ reader: DocumentReader) -> LocalConditions? {
    let object = reader.object("conditions")
    object.allowOnly(["batteryPercentMin", "reserveBytes"])
    var conditions = LocalConditions()
    let percent = object.integer(
      "batteryPercentMin", default: conditions.batteryPercentMin, in: 0...100)
    let reserve = object.integer(
      "reserveBytes", default: Int(conditions.reserveBytes), in: 0...(1 << 40))
    let wish = reader.read(
      "autoUpdate", default: AutoUpdate.always,
      allowed: "\"always\", \"manual\" or a window such as \"at 02:00-04:00\""
    ) { $0.string.flatMap(AutoUpdate.init) }
    guard let percent, let reserve, let wish else { return nil }
    conditions.batteryPercentMin = percent
    conditions.reserveBytes = Int64(reserve)
    conditions.autoUpdate = wish
    return conditions
  }

  private static func pacing(_ reader: DocumentReader) -> NextPoll? {
    reader.allowOnly(["least", "most", "wait"])
    let least = reader.interval("least", default: .seconds(10), in: .seconds(1)...(.days(1)))
    let most = reader.interval("most", default: .days(1), in: .seconds(1)...(.days(30)))
    let wait = reader.interval("wait", default: .zero, in: .zero...(.seconds(300)))
    guard let least, let most, let wait else { return nil }
    guard least <= most else {
      reader.refuse("most", "\(most) is shorter than least, \(least)")
      return nil
    }
    return NextPoll(least: least, most: most, wait: wait)
  }

  // MARK: Values

  /// An absolute path; nil when it is not given, or after noting a fault.
  static func path(_ reader: DocumentReader, _ key: String) -> String? {
    guard reader.has(key) else { return nil }
    return reader.read(key, default: nil, allowed: "an absolute path") { value -> String? in
      guard let text = value.string, text.hasPrefix("/"), text.utf8.count <= 1000,
        !text.utf8.contains(0)
      else { return nil }
      return text
    }
  }

  /// A program: a list of words, or an object with `command` and `timeout`; nil when not given.
  static func program(_ reader: DocumentReader, _ key: String) -> ProgramCall? {
    guard let value = reader.value(key) else { return nil }
    if value.members != nil {
      let object = reader.object(key)
      object.allowOnly(["command", "timeout"])
      return program(object, words: "command", timeout: object)
    }
    return program(reader, words: key, timeout: nil)
  }

  /// A program of an object that has the words and perhaps a `timeout` beside them.
  static func program(
    _ reader: DocumentReader, words key: String, timeout: DocumentReader?
  ) -> ProgramCall? {
    let length = timeout?.interval(
      "timeout", default: .seconds(30), in: .seconds(1)...(.hours(1)))
    return reader.read(
      key, default: nil,
      allowed: "a list of words that begins with an absolute path"
    ) { value -> ProgramCall? in
      guard let elements = value.array else { return nil }
      let words = elements.compactMap(\.string)
      guard words.count == elements.count else { return nil }
      return ProgramCall(words, timeout: length ?? .seconds(30))
    }
  }
}
