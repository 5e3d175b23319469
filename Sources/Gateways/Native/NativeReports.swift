// NativeReports: how the update of a device goes, in the words of the native protocol.

import HTTPServer
import Orchestrator
import UpdateModel

/// A report as it was sent.
private struct UpdateReport {
  let action: ActionID
  let report: DeviceReport
  let answersCancel: Bool

  /// Where an update stands, as devices say it.
  private enum Phase: String, CaseIterable {
    case downloading, downloaded, installing, rebooting, installed, failed, reverted, postponed
    case cancelled
    case cancelRefused = "cancel-refused"
  }

  /// Kinds of failure that devices tell apart.
  private static let errorClasses: Set<String> = [
    "download", "signature", "hash", "storage", "install", "health", "power", "boot", "unknown",
  ]

  init(_ document: JSON) throws(Problem) {
    let faults = DocumentReader.Faults()
    let reader = DocumentReader(document, faults: faults)
    let id = reader.read("action", default: nil as ActionID?, allowed: "the number of an action") {
      $0.string.flatMap { ActionID(decimal: Substring($0)) }
    }
    let words = Phase.allCases.map(\.rawValue).joined(separator: ", ")
    let phase = reader.read("phase", default: nil as Phase?, allowed: "one of \(words)") {
      $0.string.flatMap(Phase.init(rawValue:))
    }
    let percent = document["percent"]?.integer.map { Int(min(max($0, 0), 100)) }
    let error = document["error"]
    let word = error?["class"]?.string.map {
      UpdateReport.errorClasses.contains($0) ? $0 : "unknown"
    }
    guard let id, let phase, faults.list.isEmpty else {
      throw Problem(
        .invalidRequest,
        faults.list.map { "\($0.field): \($0.reason)" }.joined(separator: "; "),
        faults: faults.list)
    }
    action = id
    answersCancel = phase == .cancelled || phase == .cancelRefused
    report = DeviceReport(
      meaning: UpdateReport.meaning(of: phase, percent), word: phase.rawValue,
      text: UpdateReport.text(document["text"]?.string ?? "", word, phase),
      code: error?["code"]?.integer.flatMap { Int(exactly: $0) },
      bytes: document["bytes"]?.integer.map { max($0, 0) }, errorClass: word,
      until: document["until"]?.string.flatMap(Instant.init(rfc3339:)))
  }

  private static func meaning(of phase: Phase, _ percent: Int?) -> DeviceReport.Meaning {
    switch phase {
    case .downloading: .progress(percent: percent)
    case .downloaded: .downloaded
    case .installing: .installing(percent: percent)
    case .rebooting, .installed: .installed
    case .failed, .reverted: .failed
    case .postponed: .rejected
    case .cancelled: .cancelAccepted
    case .cancelRefused: .cancelRefused
    }
  }

  // The class says what kind of failure it was, in histories and explanations too.
  private static func text(_ text: String, _ errorClass: String?, _ phase: Phase) -> String {
    guard phase == .failed || phase == .reverted else { return text }
    let kind = phase == .reverted ? "went back by itself" : ""
    return [errorClass ?? "", kind, text].filter { !$0.isEmpty }.joined(separator: ": ")
  }
}

extension NativeGateway {
  /// `POST .../reports`.
  func updateReport(_ request: Request, _ visit: NativeVisit, _ reply: inout Reply) {
    do throws(Problem) {
      let sent = try UpdateReport(try request.object())
      plane.noteWaitsToInstall(visit.device, in: visit.room)
      let ticket = try NativeGateway.ticket(
        plane.record(
          sent.report, of: visit.device, action: sent.action, answersCancel: sent.answersCancel,
          in: visit.room))
      reply.send(Response(json: .object([])), after: ticket)
    } catch { NativeGateway.refuse(error, &reply) }
  }

  private static func ticket(_ outcome: ReportOutcome) throws(Problem) -> UInt64 {
    switch outcome {
    case .accepted(let ticket): return ticket
    case .unknownAction: throw Problem(.notFound, "this device has no such action")
    case .closed: throw Problem(.gone, "the action is closed")
    case .notCancelling: throw Problem(.conflict, "this action is not to be stopped")
    case .tooMany:
      throw Problem(
        .limitReached, "too many reports for this action; only a final one is still taken")
    case .storeUnavailable:
      throw Problem(.storeUnavailable, "the report could not be saved; repeat it later")
    }
  }

  /// `GET|HEAD .../images/{artifact}/{file}`.
  func image(
    _ request: Request, artifact: String, file: String, _ visit: NativeVisit,
    _ reply: inout Reply
  ) {
    guard let number = UInt32(artifact), String(number) == artifact,
      let image = plane.image(ArtifactID(number), named: file, for: visit.device, in: visit.room)
    else {
      return NativeGateway.refuse(
        Problem(.notFound, "this device is offered no such image"), &reply)
    }
    ImageReply(plane: plane, image: image, device: visit.device, room: visit.room)
      .send(for: request, &reply) { refusal, reply in
        switch refusal {
        case .unavailable:
          NativeGateway.refuse(
            Problem(.storeUnavailable, "the image cannot be read now; try again later"), &reply)
        case .otherImage:
          NativeGateway.refuse(
            Problem(.preconditionFailed, "the image is another one than If-Match names"), &reply)
        }
      }
  }
}
