// SimulateVisitor: carries out over HTTP what one virtual device wants.

import Crypto
import FleetSimulator
import HTTPClient
import UpdateModel

/// What one turn of a device came to.
struct TurnTally: Sendable {
  var polls = 0
  var reports = 0
  var downloads = DownloadTally()
  var rejectedImages = 0
  /// Refusals and broken connections, in words.
  var errors: [String] = []
}

/// A virtual device with its credentials and what it read of its instructions.
struct FleetMember: Sendable {
  let id: String
  let token: String?
  var device: VirtualDevice
  var deployment: DeploymentDocument?
}

/// Lets one device take its turn.
struct DeviceVisitor {
  let link: FleetLink
  let plan: FleetPlan

  /// The device's timer rang: carries out all it wants until it waits again.
  func visit(_ member: inout FleetMember) -> TurnTally {
    var tally = TurnTally()
    var pending = member.device.handle(.due, now: .present)[...]
    while let intent = pending.popFirst() {
      do {
        if let event = try carryOut(intent, &member, &tally) {
          pending += member.device.handle(event, now: .present)
        }
      } catch {
        tally.errors.append(error.detail)
        // What was under way ends here; the next poll takes it up again.
        switch intent {
        case .report(let report):
          pending += member.device.handle(.reportLost(report), now: .present)
        case .fetch: pending += member.device.handle(.refused, now: .present)
        case .download(let action):
          // Only wrong bytes are a failure of the image.
          pending += member.device.handle(.downloadCut(action: action), now: .present)
        case .poll, .describe, .answerCancel: break
        }
      }
    }
    return tally
  }

  private func carryOut(
    _ intent: DeviceIntent, _ member: inout FleetMember, _ tally: inout TurnTally
  ) throws(Failure) -> DeviceEvent? {
    switch intent {
    case .poll:
      tally.polls += 1
      let document = try answered { () throws(HTTPClientError) in
        try link.send("GET", path: plan.basePath + member.id, token: member.token)
      }
      return .answered(PollAnswer(document, followsServer: plan.followsServer))
    case .describe(let href, let version):
      let data = JSON.members([
        "version": version.map { .string($0) }, "hardware": .string(plan.hardware.text),
      ])
      _ = try answered { () throws(HTTPClientError) in
        try link.send(
          "PUT", link: href, token: member.token, body: ["mode": "merge", "data": data])
      }
      return nil
    case .fetch(let href):
      let document = try answered { () throws(HTTPClientError) in
        try link.send("GET", link: href, token: member.token)
      }
      member.deployment = DeploymentDocument(document)
      guard let deployment = member.deployment else {
        throw .failed("the instructions lack something that a device needs")
      }
      return .instructed(action: deployment.action, version: deployment.version)
    case .download(let action): return try download(action, member, &tally)
    case .report(let report):
      tally.reports += 1
      try send(report.document(), to: report.feedbackLink, member)
      return nil
    case .answerCancel(let href, let action, let accepted):
      let answer: JSON = [
        "id": .string(action),
        "status": [
          "execution": accepted ? "closed" : "rejected", "result": ["finished": "success"],
          "details": [],
        ],
      ]
      tally.reports += 1
      try send(answer, to: String(href.prefix { $0 != "?" }) + "/feedback", member)
      return nil
    }
  }

  private func send(_ document: JSON, to href: String, _ member: FleetMember) throws(Failure) {
    _ = try answered(gone: true) { () throws(HTTPClientError) in
      try link.send("POST", link: href, token: member.token, body: document)
    }
  }

  private func download(
    _ action: String, _ member: FleetMember, _ tally: inout TurnTally
  ) throws(Failure) -> DeviceEvent {
    guard let deployment = member.deployment, deployment.action == action else {
      throw .failed(
        "the instructions of action \(action) are gone; the next poll brings them again")
    }
    for image in deployment.images {
      let download = ImageDownload(
        image: image, token: member.token,
        acceptsCompression: member.device.personality.acceptsCompression,
        verifyingKey: plan.verifyingKey)
      guard try download.run(link, &tally.downloads) else {
        tally.rejectedImages += 1
        tally.errors.append("image \(image.name) is not what was announced or signed")
        return .downloaded(action: action, verified: false)
      }
    }
    return .downloaded(action: action, verified: true)
  }

  /// The document of a 200; `gone` lets 410 and 404 pass, which answer a report nobody waits for.
  private func answered(
    gone: Bool = false, _ send: () throws(HTTPClientError) -> HTTPResponse
  ) throws(Failure) -> JSON {
    let response: HTTPResponse
    do { response = try send() } catch { throw .unreachable("\(error)") }
    if gone, response.status == 410 || response.status == 404 { return .null }
    guard response.status == 200 else {
      throw .failed("the server answered with status \(response.status)")
    }
    if response.body.isEmpty { return .null }
    do {
      return try JSON.parse(response.body)
    } catch {
      throw .failed("the server's answer is not JSON: \(error)")
    }
  }
}
