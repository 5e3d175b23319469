// AgentSurroundings: what the agent takes from its device: time, chance, memory of the last run.

import Crypto
import Glibc
public import UpdateModel

extension Agent {
  /// The time of day; 1970 or so on a device that does not know it.
  public static func wallTime() -> Instant {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Instant(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  /// Minutes after local midnight; nil while the clock was never set.
  static func minuteOfDay(_ now: Instant) -> Int? {
    // No agent ran before 2024, so an earlier time is that of a clock without battery.
    guard now.milliseconds > 1_704_067_200_000 else { return nil }
    var seconds = time_t(now.milliseconds / 1000)
    var local = tm()
    guard localtime_r(&seconds, &local) != nil else { return nil }
    return Int(local.tm_hour) * 60 + Int(local.tm_min)
  }

  /// A number drawn evenly, to spread what many devices do.
  static func chance() -> UInt16 { UInt16.random(in: .min ... .max) }

  /// Names this run of the kernel.
  static func bootIdentifier(_ setup: DeviceSetup) throws(LinkError) -> String {
    let bytes = try StateDirectory.read(setup.bootIdentifierPath, atMost: 256) ?? []
    return String(decoding: bytes.prefix { $0 > 0x20 }, as: UTF8.self)
  }

  /// The setup with the keys that count: pinned ones, or those of the enrolment.
  static func setup(
    _ configuration: AgentConfiguration, _ identity: DeviceIdentity?
  ) -> DeviceSetup {
    var setup = configuration.setup
    if !configuration.hasPinnedKeys { setup.signingKeys = identity?.signingKeys ?? [] }
    return setup
  }

  /// Does something of the disk side, whose errors become ours.
  static func device<Value>(_ body: () throws(AgentError) -> Value) throws(LinkError) -> Value {
    do throws(AgentError) { return try body() } catch { throw .device(error) }
  }

  // MARK: Desired properties

  static let desiredName = "desired.json"

  static func storedDesired(_ state: StateDirectory) throws(LinkError) -> PollAnswer.Desired {
    let none = PollAnswer.Desired(version: 0, properties: .object([]))
    do throws(LinkError) {
      guard let document = try state.document(desiredName),
        let version = document["version"]?.integer, let properties = document["properties"]
      else { return none }
      return PollAnswer.Desired(version: version, properties: properties)
    } catch {
      guard case .damaged = error else { throw error }
      return none  // the next poll brings them again
    }
  }
}

extension LinkError {
  /// Whether waiting may help, since the server or the way to it is to blame.
  var isOfServer: Bool {
    switch self {
    case .unreachable, .refused, .malformedAnswer, .notEnrolled: true
    case .configuration, .file, .damaged, .crypto, .device, .program: false
    }
  }
}

/// Writes what happens, one line each, to whoever keeps the log of the device.
public struct AgentLog: Sendable {
  private let emit: @Sendable (String) -> Void

  /// Hands on each line, without its end.
  public init(_ emit: @escaping @Sendable (String) -> Void) { self.emit = emit }

  /// Writes nothing.
  public static let none = AgentLog { _ in }

  /// Writes a constant message and its facts. Never a token, a key or a claim code.
  func write(_ message: StaticString, _ facts: KeyValuePairs<String, String>) {
    var line = "\(message)"
    for (key, value) in facts {
      var quoted: [UInt8] = []
      quoted.append(jsonString: value)
      line += " \(key)=\(String(decoding: quoted, as: UTF8.self))"
    }
    emit(line)
  }
}
