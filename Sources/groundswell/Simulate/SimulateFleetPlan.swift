// SimulateFleetPlan: what the options of `simulate fleet` amount to.

import Crypto
import FleetSimulator
import UpdateModel

/// What is to be played.
struct FleetPlan: Sendable {
  let deviceCount: Int
  let prefix: Name
  let hardware: Name
  let initialVersion: FirmwareVersion
  let traits: FleetTraits
  /// Whether the server's word on the time between polls counts.
  let followsServer: Bool
  let group: (name: Name, count: Int)?
  let isRegistering: Bool
  let tokenFile: String?
  let verifyingKey: VerifyingKey?
  let seed: UInt64
  let duration: Interval
  let untilVersion: String?
  let workerCount: Int
  /// Path of the device's resource up to its id.
  let basePath: String

  /// More devices than this would not fit the memory of a small machine.
  static let deviceCountMax = 1_000_000
  static let workerCountMax = 256

  init(_ arguments: Arguments, _ session: Session) throws(Failure) {
    deviceCount = try arguments.integer(
      "devices", default: 100, in: 1...FleetPlan.deviceCountMax)
    prefix = try FleetPlan.name(arguments, "prefix", default: "sim")
    hardware = try FleetPlan.name(arguments, "hardware", default: "board-a")
    do {
      initialVersion = try FirmwareVersion(arguments.value("initial-version") ?? "1.0")
    } catch {
      throw arguments.refuse("option --initial-version: \(error.reason)")
    }
    followsServer = !arguments.has("poll")
    traits = try FleetPlan.traits(arguments)
    group = try FleetPlan.group(arguments, deviceCount: deviceCount)
    isRegistering = arguments.has("register")
    tokenFile = arguments.value("tokens")
    verifyingKey = try FleetPlan.key(arguments)
    let seed = try arguments.integer("seed", default: 1, in: 0...Int.max)
    self.seed = UInt64(seed)
    duration = try arguments.interval("duration") ?? .hours(1)
    untilVersion = arguments.value("until-version")
    workerCount = try arguments.integer(
      "workers", default: 16, in: 1...FleetPlan.workerCountMax)
    let tenant = try FleetPlan.name(session.tenant, "--tenant", arguments)
    basePath = "\(session.client.server.prefix)/\(tenant)/controller/v1/"
  }

  /// The id of a device by its number, from 0.
  func id(_ number: Int) -> String {
    let digits = String(number + 1)
    let width = max(4, String(deviceCount).count)
    return "\(prefix)-" + String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func traits(_ arguments: Arguments) throws(Failure) -> FleetTraits {
    var traits = FleetTraits()
    traits.failureRate = try arguments.share("failure-rate", default: .none)
    traits.failingVersion = arguments.value("failing-version")
    traits.bootFailures = try arguments.share("boot-failures", default: .none)
    traits.silentRate = try arguments.share("silent-rate", default: .none)
    traits.versionAware = try arguments.share("version-aware", default: .whole)
    traits.compression = try arguments.share(
      "compression", default: Share(basisPoints: 5000) ?? .none)
    // Without --poll the first polls are spread over ten seconds; then the server's word counts.
    traits.poll = try arguments.interval("poll") ?? .seconds(10)
    traits.install = try arguments.interval("install") ?? .seconds(1)
    traits.reboot = try arguments.interval("reboot") ?? .seconds(1)
    guard traits.poll >= Interval(milliseconds: 10) else {
      throw arguments.refuse("option --poll: \(traits.poll) is below 10ms")
    }
    return traits
  }

  private static func name(
    _ arguments: Arguments, _ option: String, default fallback: String
  ) throws(Failure) -> Name {
    try name(arguments.value(option) ?? fallback, "--\(option)", arguments)
  }

  private static func name(
    _ text: String, _ option: String, _ arguments: Arguments
  ) throws(Failure) -> Name {
    do {
      return try Name(text, field: option)
    } catch {
      throw arguments.refuse("option \(option): \(error.reason)")
    }
  }

  private static func group(
    _ arguments: Arguments, deviceCount: Int
  ) throws(Failure) -> (name: Name, count: Int)? {
    guard let text = arguments.value("group") else { return nil }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let count = Int(parts[1]), (1...deviceCount).contains(count) else {
      throw arguments.refuse(
        "option --group: '\(text)' is not NAME:N with N from 1 to \(deviceCount)")
    }
    return (try name(String(parts[0]), "--group", arguments), count)
  }

  private static func key(_ arguments: Arguments) throws(Failure) -> VerifyingKey? {
    guard let hex = arguments.value("verify-key") else { return nil }
    do {
      return try VerifyingKey(hex: hex)
    } catch {
      throw arguments.refuse("option --verify-key: '\(hex)' is no key of 64 hexadecimal digits")
    }
  }
}
