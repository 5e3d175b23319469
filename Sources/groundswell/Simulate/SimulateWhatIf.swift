// SimulateWhatIf: `groundswell simulate rollout`, what a policy would do to a fleet.

import FleetSimulator
import RolloutEngine
import UpdateModel

/// Plays rollouts with the server's own decisions on virtual devices in memory.
enum SimulateWhatIf {
  static let command = Command.local(
    "simulate rollout",
    "Shows what a policy would do to a fleet: harm, false stops and time, in virtual time.",
    options: [
      .value("policy", "FILE", "policy to follow", default: "the gate with its defaults"),
      .value("set", "PATH=VALUE", "put a value in place of the policy's", repeats: true),
      .value("fleet-size", "N", "how many devices", default: "100000"),
      .value("devices", "N", "the same as --fleet-size"),
      .value(
        "models", "LIST", "hardware models and their shares", default: WhatIfOptions.modelsText),
      .value("canaries", "N", "devices in the policy's canary group", default: "10"),
      .value("failure-rate", "SHARE", "devices on which the release fails", default: "0%"),
      .value("late", "TIME", "devices fail so long after they installed"),
      .value("late-rate", "SHARE", "devices that fail late", default: "5% with --late"),
      .value("unreported", "SHARE", "failing devices that are bricked, silent", default: "50%"),
      .value("model-brick", "NAME", "the release bricks every device of this model", repeats: true),
      .value("silent", "SHARE", "devices that never call", default: "5%"),
      .value("drop-outs", "SHARE", "devices that drop out for 12 h on any day", default: "1%"),
      .value("outage", "TIME", "nobody is heard so long, from 1 to 12 h after the start"),
      .value("poll", "TIME", "time between two calls of a device", default: "1h"),
      .value("install", "TIME", "how long an installation takes", default: "15m"),
      .value("image-size", "SIZE", "what counts against limits.bandwidth", default: "20MB"),
      .value("runs", "N", "play so many seeds, from --seed on", default: "20"),
      .value("seed", "NUMBER", "decides what each device meets", default: "1"),
      .flag("compare", "also play what hawkBit and AWS IoT Jobs do, on the same devices"),
      .value(
        "expect", "FIGURE", "exit 1 unless this holds, such as 'bricked.p95<=16'", repeats: true),
      .flag("json", "write figures and decisions as JSON"),
    ],
    examples: [
      "groundswell simulate rollout --policy Policies/standard.json --failure-rate 5%",
      "groundswell simulate rollout --fleet-size 1000000 --failure-rate 0.1% --runs 1",
      "groundswell simulate rollout --model-brick C --compare",
      "groundswell simulate rollout --set gate.soak=24h --late 24h",
      "groundswell simulate rollout --late 24h --runs 100 --expect 'bricked.p95<=110'",
    ],
    run: { (arguments) throws(Failure) in try run(arguments) })

  private static func run(_ arguments: Arguments) throws(Failure) -> ExitCode {
    let options = try WhatIfOptions(arguments)
    if let note = options.note { Terminal.note(note + "\n") }
    var strategies = [WhatIfStrategy.policy(options.policy)]
    if arguments.has("compare") { strategies += WhatIfStrategy.others }
    var meter = RunMeter(total: options.runs * strategies.count)
    var results: [WhatIfResult] = []
    for strategy in strategies {
      var outcomes: [WhatIfOutcome] = []
      for seed in options.seeds {
        do {
          outcomes.append(
            try strategy.play(options.scenario, seed: seed) { run in meter.show(strategy, run) })
        } catch {
          throw Failure(error)
        }
        meter.countRun(strategy)
      }
      results.append(
        WhatIfResult(
          label: strategy.label, summary: WhatIfSummary(outcomes),
          decisions: outcomes.first?.decisions ?? []))
    }
    meter.clear()
    let report = WhatIfReport(options: options, results: results)
    Terminal.write(
      arguments.has("json")
        ? String(decoding: report.document.prettyText, as: UTF8.self) : report.text)
    return try verdict(options, results)
  }

  private static func verdict(
    _ options: WhatIfOptions, _ results: [WhatIfResult]
  ) throws(Failure) -> ExitCode {
    guard let summary = results.first?.summary else { return .success }
    let missed = options.expectations.filter { !$0.holds(in: summary) }
    Terminal.complain(missed.map { $0.complaint(in: summary) })
    return missed.isEmpty ? .success : .failed
  }
}

/// How many runs are done, drawn in place for people; a log gets nothing.
private struct RunMeter {
  private let total: Int
  private var done = 0
  private var lastShown = Instant.epoch

  init(total: Int) { self.total = total }

  mutating func countRun(_ strategy: WhatIfStrategy) {
    done += 1
    draw(strategy, "")
  }

  mutating func show(_ strategy: WhatIfStrategy, _ run: WhatIfRun) {
    let hours = run.elapsed.wholeSeconds / 3600
    draw(strategy, "  \(hours) h, \(Wording.count(run.exposed, "device"))")
  }

  private mutating func draw(_ strategy: WhatIfStrategy, _ facts: @autoclosure () -> String) {
    guard Terminal.showsProgress else { return }
    let now = Instant.present
    guard now - lastShown >= Interval(milliseconds: 100) else { return }
    lastShown = now
    let width = 30
    let filled = width * done / max(1, total)
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    let text = "[\(bar)] \(done) of \(total) runs  \(strategy.label)\(facts())"
    Terminal.note("\r" + text.prefix(Terminal.size(of: 2).columns - 1) + "\u{1B}[K")
  }

  func clear() {
    if Terminal.showsProgress, lastShown > .epoch { Terminal.note("\r\u{1B}[K") }
  }
}
