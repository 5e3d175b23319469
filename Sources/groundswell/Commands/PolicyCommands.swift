// PolicyCommands: `groundswell policy ...`, how rollouts widen and when they stop.

import UpdateModel

/// Commands about policies.
enum PolicyCommands {
  /// In the order that help lists them.
  static let all = [list, show, check]

  private static let list = Command.remote(
    "policy list", "Lists the server's policies, and files there that are none.",
    examples: ["groundswell policy list", "groundswell policy list --json"]
  ) { (_, session) throws(Failure) in
    session.show(try session.get(session.target("policies"))) { answer in
      let table = Table("name", "file", "summary", rows: answer.items("items")) {
        [$0.shown("name"), $0.shown("file"), $0.shown("summary")]
      }
      let broken = answer.items("broken").map { file in
        "broken: \(file.shown("file")): \(file.shown("detail"))"
      }
      return table.text + broken.map { Table.printable($0) + "\n" }.joined()
    }
  }

  private static let show = Command.remote(
    "policy show", "Shows a policy of the server as a document.",
    operands: [Operand("NAME", "name of the policy")],
    examples: ["groundswell policy show standard"]
  ) { (arguments, session) throws(Failure) in
    session.show(try session.get(session.target("policies", arguments[0]))) {
      String(decoding: $0.prettyText, as: UTF8.self)
    }
  }

  private static let check = Command.local(
    "policy check",
    "Checks policy files without a server; faults are printed as FILE:LINE: PATH: REASON.",
    operands: [Operand("FILE", "a policy file; - is standard input", .oneOrMore)],
    options: [
      .value(
        "set", "PATH=VALUE", "check with a value replaced, as rollout create does", repeats: true)
    ],
    examples: [
      "groundswell policy check Policies/standard.json",
      "groundswell policy check Policies/*.json",
      "groundswell policy check Policies/fast.json --set canary.soak=5m",
    ]
  ) { (arguments) throws(Failure) in
    let overrides = try arguments.pairs("set").map { (path: $0.key, value: $0.value) }
    var code = ExitCode.success
    for file in arguments.operands {
      let text: [UInt8]
      do throws(Failure) {
        text = try LocalFile.read(file, atMost: 1 << 20)
      } catch {
        // One file that is not there does not hide what is wrong with the others.
        code = .failed
        Terminal.complain(error.lines)
        continue
      }
      do throws(Problem) {
        let policy = try Policy.read(text, file: file, overrides: overrides)
        Terminal.write("\(file): ok: \(description(of: policy))\n")
      } catch {
        code = .failed
        Terminal.complain(lines(of: error, in: file))
      }
    }
    return code
  }

  private static func lines(of problem: Problem, in file: String) -> [String] {
    problem.faults.sorted { ($0.line ?? 0) < ($1.line ?? 0) }.map { fault in
      "\(file):" + (fault.line.map { "\($0):" } ?? "") + " \(fault.field): \(fault.reason)"
    }
  }

  private static func description(of policy: Policy) -> String {
    let first = policy.canary.map { canary in
      "group \(canary.group) first" + (canary.signOff ? " with sign-off, then " : ", then ")
    }
    let stages =
      switch policy.stages {
      case .adaptive: "steps as large as the evidence allows"
      case .exponential(let start, let growth, let cap, _):
        "stages from \(text(start)) growing \(text(hundredths: growth))-fold"
          + (cap.map { " up to \(text($0))" } ?? "")
      case .shares(let shares):
        "stages up to " + shares.map(\.upTo.description).joined(separator: ", ")
      }
    let evidence = policy.evidence.map {
      "evidence of more than \($0.tolerance) failures"
    }
    let limit = policy.failureLimit.map {
      "more than \($0.share) and \(Wording.count($0.minimum, "failure"))"
    }
    let bounds = [evidence, limit].compactMap(\.self).joined(separator: ", or ")
    return "\(policy.name): \(first ?? "")\(stages); on \(bounds): \(policy.onAbort.rawValue)"
  }

  private static func text(_ size: Policy.StageSize) -> String {
    switch size {
    case .devices(let count): Wording.count(count, "device")
    case .share(let share): share.description
    }
  }

  private static func text(hundredths: Int) -> String {
    Share(basisPoints: min(hundredths, 10_000)).map { String($0.description.dropLast()) } ?? "-"
  }
}
