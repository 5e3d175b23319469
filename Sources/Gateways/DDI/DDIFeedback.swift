// DDIFeedback: what devices report, read leniently, because the report that matters most is often
// the worst formed one.

import HTTPServer
import Orchestrator
import RolloutEngine
import UpdateModel

/// The members of a feedback document that mean something.
struct DDIFeedback {
  private(set) var execution = ""
  private(set) var finished = ""
  private(set) var percent: Int?
  private(set) var code: Int?
  private(set) var details: [String] = []

  /// More texts than this in one report are dropped; SWUpdate sends up to 48.
  private static let detailsMax = 64

  /// Reads a feedback document.
  ///
  /// SWUpdate 2022.12 puts raw line feeds into strings, sends `id` as a number and `progress` with
  /// `of` 0; rauc-hawkbit sends `details` as one string and `progress` as `{"percentage":20}`;
  /// Zephyr sends an empty `time`. Unknown members are passed over.
  init(_ body: [UInt8]) throws(JSONError) {
    var scanner = JSONScanner(body, leniency: .rawControlCharacters)
    try scanner.object { (key, scanner) throws(JSONError) in
      if key == "status" { try readStatus(&scanner) } else { try scanner.skip() }
    }
    try scanner.end()
    guard !execution.isEmpty else {
      throw JSONError(line: 1, reason: "status.execution is missing")
    }
    guard !finished.isEmpty else {
      throw JSONError(line: 1, reason: "status.result.finished is missing")
    }
    guard finished == "success" || finished == "failure" || finished == "none" else {
      throw JSONError(
        line: 1,
        reason: "status.result.finished '\(finished.prefix(40))': use success, failure or none")
    }
  }

  private mutating func readStatus(_ scanner: inout JSONScanner) throws(JSONError) {
    try scanner.object { (key, scanner) throws(JSONError) in
      switch key {
      case "execution": execution = try scanner.string()
      case "result": try readResult(&scanner)
      case "code": code = try DDIFeedback.integer(&scanner)
      case "details": try readDetails(&scanner)
      default: try scanner.skip()
      }
    }
  }

  private mutating func readResult(_ scanner: inout JSONScanner) throws(JSONError) {
    try scanner.object { (key, scanner) throws(JSONError) in
      switch key {
      case "finished": finished = try scanner.string()
      case "progress": try readProgress(&scanner)
      default: try scanner.skip()
      }
    }
  }

  private mutating func readProgress(_ scanner: inout JSONScanner) throws(JSONError) {
    guard case .object = try scanner.peek() else { return try scanner.skip() }
    var count: Int?
    var total: Int?
    try scanner.object { (key, scanner) throws(JSONError) in
      switch key {
      case "cnt": count = try DDIFeedback.integer(&scanner)
      case "of": total = try DDIFeedback.integer(&scanner)
      case "percentage": percent = try DDIFeedback.integer(&scanner).map { min(max($0, 0), 100) }
      default: try scanner.skip()
      }
    }
    if let count, let total, total > 0, (0...total).contains(count) {
      percent = Int(Double(count) / Double(total) * 100)
    }
  }

  private mutating func readDetails(_ scanner: inout JSONScanner) throws(JSONError) {
    switch try scanner.peek() {
    case .string: details.append(try scanner.string())
    case .array:
      try scanner.array { (scanner) throws(JSONError) in
        guard case .string = try scanner.peek(), details.count < DDIFeedback.detailsMax else {
          return try scanner.skip()
        }
        details.append(try scanner.string())
      }
    default: try scanner.skip()
    }
  }

  private static func integer(_ scanner: inout JSONScanner) throws(JSONError) -> Int? {
    guard case .number = try scanner.peek() else {
      try scanner.skip()
      return nil
    }
    return Int(try scanner.numberLiteral())
  }

  /// The details as one text, a line each.
  var text: String {
    details.count == 1 ? details[0] : details.joined(separator: "\n")
  }

  /// What an answer to `deploymentBase` means; nil for an execution that DDI does not know.
  var meaning: DeviceReport.Meaning? {
    switch (execution, finished) {
    case ("closed", "failure"): .failed
    case ("closed", "success"), ("closed", "none"): .installed
    case ("downloaded", _): .downloaded
    case ("rejected", _): .rejected
    // hawkBit keeps such an action open for good (issue 952); here the device has stopped.
    case ("canceled", _): .cancelAccepted
    case ("proceeding", _), ("scheduled", _), ("resumed", _), ("download", _):
      .progress(percent: percent)
    default: nil
    }
  }

  /// What an answer to `cancelAction` means; nil for an execution that DDI does not know.
  var cancelMeaning: DeviceReport.Meaning? {
    switch (execution, finished) {
    case ("closed", "failure"), ("rejected", _): .cancelRefused
    case ("closed", _), ("canceled", _): .cancelAccepted
    case ("proceeding", _), ("scheduled", _), ("resumed", _), ("download", _), ("downloaded", _):
      .progress(percent: nil)
    default: nil
    }
  }
}

extension DDIGateway {
  /// `POST .../deploymentBase/{actionId}/feedback` and `POST .../cancelAction/{actionId}/feedback`.
  func feedback(
    _ request: Request, _ text: Substring, cancels: Bool, _ visit: DDIVisit, _ reply: inout Reply
  ) {
    guard let id = ActionID(decimal: text) else { return DDIError.notFound.send(&reply) }
    let feedback: DDIFeedback
    do { feedback = try DDIFeedback(Array(request.body)) } catch {
      return DDIError.badRequest("the feedback cannot be read: \(error)").send(&reply)
    }
    guard let meaning = cancels ? feedback.cancelMeaning : feedback.meaning else {
      return DDIError.badRequest(
        "status.execution '\(feedback.execution.prefix(40))' is not known; use closed, proceeding, "
          + "canceled, scheduled, rejected, resumed, download or downloaded"
      ).send(&reply)
    }
    let report = DeviceReport(
      meaning: meaning, word: feedback.execution,
      text: feedback.text, code: feedback.code)
    switch plane.record(
      report, of: visit.device, action: id, answersCancel: cancels, in: visit.room)
    {
    case .accepted(let ticket):
      reply.send(status: 200, contentType: "application/json", after: ticket) { _ in }
    case .unknownAction: DDIError.notFound.send(&reply)
    case .closed: DDIError.gone.send(&reply)
    case .notCancelling: DDIError.notCancelling.send(&reply)
    case .tooMany: DDIError.tooManyReports.send(&reply)
    case .storeUnavailable: DDIError.storeUnavailable.send(&reply)
    }
  }
}
