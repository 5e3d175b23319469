// SimulateService: `groundswell simulate service`, the real service in a world that goes wrong, by
// seed.

import FleetSimulator
import Glibc
import ServiceSimulator
import UpdateModel

/// Runs control plane, store and device gateway on one thread in virtual time, with faults.
enum SimulateService {
  static let command = Command.local(
    "simulate service",
    "Runs the real service with virtual devices, crashes and faults; ends with 1 on a violation.",
    options: [
      .value("seed", "NUMBER", "the first seed; it decides everything", default: "1"),
      .value("runs", "N", "run so many seeds, from --seed on", default: "1"),
      .value("for", "TIME", "run seeds from --seed on until this time is over"),
      .flag("story", "tell what happened around the service"),
    ],
    examples: [
      "groundswell simulate service --seed 48 --story",
      "groundswell simulate service --runs 5000",
      "groundswell simulate service --seed 100000 --for 8h",
    ],
    run: { (arguments) throws(Failure) in try run(arguments) })

  private static func run(_ arguments: Arguments) throws(Failure) -> ExitCode {
    let first = UInt64(try arguments.integer("seed", default: 1, in: 0...Int.max / 2))
    let runs = try arguments.integer("runs", default: 1, in: 1...100_000_000)
    let time = try arguments.interval("for")
    let images: SimulationImages
    do throws(SimulationImages.Failure) { images = try SimulationImages() } catch {
      throw .failed("\(error)")
    }
    let isSingle = runs == 1 && time == nil
    let start = Instant.present
    var seed = first
    var violations = 0
    var answers = 0
    while time.map({ Instant.present - start < $0 }) ?? (seed < first + UInt64(runs)) {
      let report = ServiceSimulation.run(
        .drawn(seed: seed), images: images, keepsStory: arguments.has("story"))
      for line in report.story { Terminal.write("\(line)\n") }
      if isSingle { describe(report) }
      answers += report.answerCount
      if let violation = report.violation {
        violations += 1
        Terminal.write("\(violation)\n")
        if violations == violationsMax { break }
      }
      seed += 1
    }
    if !isSingle {
      let seconds = max(1, (Instant.present - start).wholeSeconds)
      Terminal.write(
        "\(seed - first) seeds from \(first) on in \(Interval.seconds(seconds)), "
          + "\(answers) answers, \(violations) violations\n")
    }
    return violations == 0 ? .success : .failed
  }

  /// After so many violations there is enough to look at.
  private static let violationsMax = 20

  private static func describe(_ report: ServiceReport) {
    Terminal.write(
      """
      seed      \(report.seed)
      devices   \(report.deviceCount)
      rollouts  \(report.statuses.joined(separator: ", "))
      lasted    \(Interval.seconds(report.lasted.wholeSeconds)) of virtual time
      steps     \(report.stepCount), \(report.answerCount) answers, \(report.grantCount) grants
      restarts  \(report.restartCount)
      digest    \(String(report.digest, radix: 16))

      """)
  }
}
