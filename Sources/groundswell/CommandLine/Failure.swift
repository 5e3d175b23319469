// Failure: why a command did not do what it was asked, and the exit code that says so to scripts.

import UpdateModel

/// What the program tells its caller.
enum ExitCode: Int32, Sendable, CaseIterable {
  /// Done.
  case success = 0
  /// The command failed or was refused.
  case failed = 1
  /// The command line is wrong.
  case usage = 2
  /// The server does not answer.
  case unreachable = 3
  /// The watched rollout was halted, aborted or rolled back.
  case endedBadly = 4
  /// A person stopped the command with Ctrl-C; 128 + SIGINT, as shells have it.
  case interrupted = 130

  /// What `--help` says about it.
  var meaning: String {
    switch self {
    case .success: "done"
    case .failed: "failed, or refused by the server"
    case .usage: "wrong command line"
    case .unreachable: "the server does not answer"
    case .endedBadly: "rollout watch: the rollout was halted, aborted or rolled back"
    case .interrupted: "stopped with Ctrl-C; rollouts go on"
    }
  }
}

/// A command did not do what it was asked.
struct Failure: Error, Sendable {
  let code: ExitCode
  /// What happened, with which value.
  var detail: String
  /// Every fault in a document, when there are several.
  var faults: [Problem.Fault] = []
  /// A command that helps, without `Try: `.
  var hint: String?
  /// The kind of the server's problem document, when it sent one.
  var kind: Problem.Kind?

  /// The command line is wrong.
  static func usage(_ detail: String, hint: String? = nil) -> Failure {
    Failure(code: .usage, detail: detail, hint: hint)
  }

  /// It could not be done.
  static func failed(_ detail: String, hint: String? = nil) -> Failure {
    Failure(code: .failed, detail: detail, hint: hint)
  }

  /// The server does not answer.
  static func unreachable(_ detail: String, hint: String? = nil) -> Failure {
    Failure(code: .unreachable, detail: detail, hint: hint)
  }

  /// A fault that this program found with the rules that the server uses.
  init(_ problem: Problem) {
    self.init(code: .failed, detail: problem.detail, faults: problem.faults, kind: problem.kind)
  }

  init(
    code: ExitCode, detail: String, faults: [Problem.Fault] = [], hint: String? = nil,
    kind: Problem.Kind? = nil
  ) {
    self.code = code
    self.detail = detail
    self.faults = faults
    self.hint = hint
    self.kind = kind
  }

  /// Reads the problem document (RFC 9457) of a refusal; `status` speaks when there is none.
  init(status: Int, document: JSON?) {
    let type = document?["type"]?.string ?? ""
    let faults = (document?["errors"]?.array ?? []).map { fault in
      Problem.Fault(
        line: fault["line"]?.integer.flatMap { Int(exactly: $0) },
        column: fault["column"]?.integer.flatMap { Int(exactly: $0) },
        field: fault["field"]?.string ?? "", reason: fault["reason"]?.string ?? "")
    }
    self.init(
      code: .failed,
      detail: document?["detail"]?.string ?? document?["title"]?.string
        ?? "the server answered with status \(status)",
      faults: faults,
      kind: Problem.Kind.allCases.first { type.hasSuffix(":\($0.rawValue)") })
  }

  /// The failure of a document that this program wrote, as one line, which nobody has seen.
  var withoutLines: Failure {
    var failure = self
    if detail.hasPrefix("line 1, ") { failure.detail = String(detail.dropFirst(8)) }
    if failure.detail.hasPrefix("$.") { failure.detail = String(failure.detail.dropFirst(2)) }
    failure.faults = faults.map { fault in
      guard fault.line == 1 else { return fault }
      let field = fault.field.hasPrefix("$.") ? String(fault.field.dropFirst(2)) : fault.field
      return Problem.Fault(
        line: nil, column: fault.column, field: field, reason: fault.reason)
    }
    return failure
  }

  /// The lines for standard error.
  var lines: [String] {
    // The detail has the first fault and counts the others, which follow here.
    var headline = detail
    if headline.hasSuffix(" more in errors"), let cut = headline.lastIndex(of: ";") {
      headline = String(headline[..<cut])
    }
    var lines = ["groundswell: \(headline)"]
    lines += faults.filter { !headline.contains($0.reason) }.map { fault in
      let place = [fault.line.map { "line \($0)" }, fault.field.isEmpty ? nil : fault.field]
      let prefix = place.compactMap { $0 }.joined(separator: ", ")
      return "  " + (prefix.isEmpty ? "" : "\(prefix): ") + fault.reason
    }
    if let hint { lines.append("Try: \(hint)") }
    return lines
  }
}
