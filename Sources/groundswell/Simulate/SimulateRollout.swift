// SimulateRollout: `groundswell simulate engine`, message by message with faults, in virtual time.

import FleetSimulator
import RolloutEngine
import UpdateModel

/// Runs the decision engine of the server against virtual devices in memory.
enum SimulateRollout {
  static let command = Command.local(
    "simulate engine",
    "Plays rollouts message by message, with faults, and checks the rules that must never break.",
    options: [
      .value("policy", "FILE", "policy to follow", default: "a standard one"),
      .value("devices", "N", "how many devices", default: "1000"),
      .value("canaries", "N", "how many of them are in the policy's group", default: "10"),
      .value("failure-rate", "SHARE", "devices on which the release fails", default: "0%"),
      .value("silent-rate", "SHARE", "devices that fall silent", default: "0%"),
      .value("poll", "TIME", "time between polls", default: "5m"),
      .value("seed", "NUMBER", "decides everything that is drawn", default: "1"),
      .value("runs", "N", "play so many seeds, from --seed on", default: "1"),
      .flag("drawn", "let each seed draw fleet, policy and faults; other options do not count"),
    ],
    examples: [
      "groundswell simulate engine --devices 5000 --failure-rate 3%",
      "groundswell simulate engine --drawn --seed 48",
    ],
    run: { (arguments) throws(Failure) in try run(arguments) })

  private static func run(_ arguments: Arguments) throws(Failure) -> ExitCode {
    let first = try arguments.integer("seed", default: 1, in: 0...Int.max / 2)
    let runs = try arguments.integer("runs", default: 1, in: 1...100_000)
    let base = try scenario(arguments)
    var table = Table(
      "seed", "end", ">devices", ">exposed", ">verified", ">failed", ">lost", ">back", "time")
    var violations: [Violation] = []
    for seed in UInt64(first)..<UInt64(first + runs) {
      var scenario = arguments.has("drawn") ? Scenario.drawn(seed: seed) : base
      scenario.seed = seed
      let report = Simulation.run(scenario)
      let tally = report.tally
      table.append([
        String(seed), report.status.rawValue, String(report.size), String(tally.exposed),
        String(tally[.succeeded] + tally[.unverified]), String(tally[.failed]),
        String(tally[.lost]), String(tally[.returned]),
        Interval.seconds(report.lasted.wholeSeconds).description,
      ])
      if let violation = report.violation { violations.append(violation) }
      if runs == 1, let stop = report.stop { Terminal.note("stopped: \(stop.description)\n") }
    }
    Terminal.write(table.text)
    for violation in violations.prefix(20) { Terminal.write("\(violation)\n") }
    return violations.isEmpty ? .success : .failed
  }

  private static func scenario(_ arguments: Arguments) throws(Failure) -> Scenario {
    var policy = Scenario.standardPolicy
    if let file = arguments.value("policy") {
      let text = try LocalFile.read(file, atMost: 1 << 20)
      do { policy = try Policy.read(text, file: file) } catch { throw Failure(error) }
    }
    let devices = try arguments.integer("devices", default: 1000, in: 1...1_000_000)
    let canaries = try arguments.integer("canaries", default: min(10, devices), in: 1...devices)
    var traits = FleetTraits()
    traits.failureRate = try arguments.share("failure-rate", default: .none)
    traits.failingVersion = Scenario.newVersion
    traits.silentRate = try arguments.share("silent-rate", default: .none)
    traits.poll = try arguments.interval("poll") ?? .minutes(5)
    guard traits.poll >= .seconds(1) else {
      throw arguments.refuse("option --poll: \(traits.poll) is below 1s")
    }
    do {
      // The same plan that the simulation makes, here with words for what is wrong.
      _ = try Plan.stages(
        policy, canaries: policy.canary == nil ? 0 : canaries,
        ranks: (0..<(policy.canary == nil ? devices : devices - canaries)).map { UInt64($0) })
    } catch {
      throw Failure(error)
    }
    return Scenario(
      seed: 1, fleetSize: devices, canaryCount: canaries, policy: policy, traits: traits,
      horizon: .days(60))
  }
}

extension Arguments {
  /// A share such as `20%`.
  func share(_ name: String, default fallback: Share) throws(Failure) -> Share {
    guard let text = value(name) else { return fallback }
    guard let share = Share(text: text) else {
      throw refuse("option --\(name): '\(text)' is no share such as 20% or 0.5%")
    }
    return share
  }
}
