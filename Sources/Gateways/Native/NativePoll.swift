// NativePoll: the one poll that carries everything, and answers 304 when nothing is new.

import HTTPServer
import Orchestrator
import RolloutEngine
import UpdateModel

extension NativeGateway {
  /// `GET /device/v1/{tenant}/{device}?desired=V&wait=S`.
  func poll(_ request: Request, _ path: NativePath, _ room: Room, _ reply: inout Reply) {
    let asked: PollQuestion
    do throws(Problem) { asked = try PollQuestion(request) } catch {
      return NativeGateway.refuse(error, &reply)
    }
    let token = NativeGateway.token(of: request)
    let key = NativeGateway.peerKey(of: request)
    let answer = path.withDevice {
      plane.brief(room, device: $0, token: token, key: key, known: asked.known)
    }
    switch answer {
    case .refused: NativeGateway.unauthorized(&reply)
    case .unchanged(let terms):
      if asked.waitSeconds > 0, terms.ticket == 0,
        // It was found in the table, so it is valid.
        let device = path.withDevice({ try? DeviceID(String(decoding: $0, as: UTF8.self)) })
      {
        return wait(for: device, room, asked, terms.sleep, &reply)
      }
      NativeGateway.unchanged(asked.known ?? 0, terms.sleep, after: terms.ticket, &reply)
    case .briefing(let briefing):
      let text = BriefingDocument(briefing, asked, room, now: plane.now)
      plane.noteBriefing(text.tag, of: briefing.device, in: room)
      // A command is repeated until the device says that it has it.
      guard text.tag != asked.known || !briefing.commands.isEmpty else {
        if asked.waitSeconds > 0, briefing.ticket == 0 {
          return wait(for: briefing.device, room, asked, briefing.pollAfter, &reply)
        }
        return NativeGateway.unchanged(
          text.tag, briefing.pollAfter, after: briefing.ticket, &reply)
      }
      reply.send(
        text.response,
        after: text.showsDesired ? max(briefing.ticket, briefing.desiredTicket) : briefing.ticket)
    }
  }

  private static func unchanged(
    _ tag: UInt32, _ pollAfter: Interval, after ticket: UInt64, _ reply: inout Reply
  ) {
    reply.sendBare(status: 304, after: ticket) { output in
      output.append("ETag: \"")
      output.append(decimal: Int(tag))
      output.append("\"\r\nPoll-After: ")
      output.append(decimal: Int(max(1, pollAfter.wholeSeconds)))
      output.append("\r\n")
    }
  }

  // The answer is given when the device has something to look at, or when its time is over.
  private func wait(
    for device: DeviceID, _ room: Room, _ asked: PollQuestion, _ pollAfter: Interval,
    _ reply: inout Reply
  ) {
    guard waiting.hasPlace else {
      return NativeGateway.unchanged(asked.known ?? 0, pollAfter, after: 0, &reply)
    }
    guard let mark = plane.quiet(of: device, in: room) else {
      return NativeGateway.unchanged(asked.known ?? 0, .seconds(1), after: 0, &reply)
    }
    let plane = plane
    let guest = WaitingRoom.Guest(
      reply: reply.later(), seconds: min(asked.waitSeconds, Int(pollAfter.wholeSeconds)),
      isQuiet: { plane.quiet(of: device, in: room) == mark },
      answer: { exchange in
        exchange.complete(
          Response(
            status: 304,
            headers: [("ETag", "\"\(asked.known ?? 0)\""), ("Poll-After", "1")]))
      })
    waiting.enter(guest)
  }
}

/// What a device says when it polls.
struct PollQuestion {
  /// The version of the desired properties that it has; 0 for none.
  var desired: UInt64 = 0
  /// Seconds that it would wait for news, at most 300.
  var waitSeconds = 0
  /// What it was told before; nil for nothing.
  var known: UInt32?

  /// Refuses parameters that are not known, so that a slip of the pen is found.
  init(_ request: Request) throws(Problem) {
    if let tag = request.header("If-None-Match") { known = PollQuestion.number(of: tag) }
    guard !request.query.isEmpty else { return }
    let query = try Query(request.query, allowed: ["desired", "wait"])
    desired = try PollQuestion.number(query, "desired", max: UInt64.max)
    waitSeconds = Int(try PollQuestion.number(query, "wait", max: 300))
  }

  private static func number(
    _ query: Query, _ key: String, max: UInt64
  ) throws(Problem) -> UInt64 {
    guard let text = query[key] else { return 0 }
    guard let number = UInt64(text), number <= max else {
      throw Problem(
        InvalidValue(field: key, reason: "'\(text.prefix(40))' is no number from 0 to \(max)"))
    }
    return number
  }

  // The number in `"123"` or `W/"123"`.
  private static func number(of tag: UnsafeRawBufferPointer) -> UInt32? {
    var number: UInt32 = 0
    var digits = 0
    for byte in tag {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        let (tens, isOver) = number.multipliedReportingOverflow(by: 10)
        let (sum, isMore) = tens.addingReportingOverflow(UInt32(byte - UInt8(ascii: "0")))
        guard !isOver, !isMore else { return nil }
        number = sum
        digits += 1
      case UInt8(ascii: "\""), UInt8(ascii: "W"), UInt8(ascii: "/"): break
      default: return nil
      }
    }
    return digits > 0 ? number : nil
  }
}

/// The document that a poll is answered with.
struct BriefingDocument {
  /// Names all of it but the time and when to come again.
  let tag: UInt32
  let showsDesired: Bool
  let response: Response

  init(_ briefing: Briefing, _ asked: PollQuestion, _ room: Room, now: Instant) {
    let isNew = briefing.desired.version > 0 && briefing.desired.version != asked.desired
    showsDesired = isNew
    let news: [JSON.Member?] = [
      briefing.wantsReport ? JSON.Member("ask", ["reported"]) : nil,
      isNew
        ? JSON.Member(
          "desired",
          [
            "version": .integer(Int64(clamping: briefing.desired.version)),
            "properties": briefing.desired.properties,
          ]) : nil,
      briefing.commands.isEmpty
        ? nil : JSON.Member("commands", .array(briefing.commands.map(NativeGateway.command))),
      briefing.offer.map {
        JSON.Member("offer", BriefingDocument.offer($0, to: briefing.device, room))
      },
      briefing.cancelling.map { JSON.Member("cancel", ["action": .string("\($0)")]) },
    ]
    let members = news.compactMap { $0 }
    let pollAfter = JSON.integer(max(1, briefing.pollAfter.wholeSeconds))
    // The version counts even when the device has it, so that 304 never hides a newer one.
    let named = JSON.object(
      members + [
        JSON.Member("desired", .integer(Int64(clamping: briefing.desired.version))),
        JSON.Member("quarantined", .bool(briefing.isQuarantined)),
      ])
    tag = BriefingDocument.tag(of: named.text)
    let document = JSON.object(
      [
        JSON.Member("time", .string(now.description)), JSON.Member("pollAfter", pollAfter),
        JSON.Member("state", briefing.isQuarantined ? "quarantined" : "active"),
      ] + members)
    response = Response(
      status: 200,
      headers: [
        ("Content-Type", "application/json"), ("Cache-Control", "no-store"),
        ("ETag", "\"\(tag)\""), ("Poll-After", "\(max(1, briefing.pollAfter.wholeSeconds))"),
      ], body: .bytes(document.text))
  }

  // FNV-1a: two documents of one device in a row must differ, nothing more. Never 0, which stands
  // for "told nothing".
  private static func tag(of text: [UInt8]) -> UInt32 {
    let hash = text.reduce(into: UInt32(0x811C_9DC5)) { hash, byte in
      hash = (hash ^ UInt32(byte)) &* 0x0100_0193
    }
    return max(hash, 1)
  }

  private static func offer(_ offer: Briefing.Offer, to device: DeviceID, _ room: Room) -> JSON {
    let action = offer.action
    let base = "/device/v1/\(room.tenant)/\(PercentEncoding.encode(device.text))/images"
    let permission = offer.permission
    return .members([
      "action": .string("\(action.id)"),
      "attempt": JSON(max(1, action.attempt)),
      "kind": action.kind == .update ? "update" : "rollback",
      "release": [
        "name": .string(offer.release.name.text), "version": .string(offer.release.version.text),
      ],
      "download": decision(permission.download),
      "install": decision(permission.install),
      "prepare": permission.prepare.map { .string($0.text) },
      "resume": permission.resume.map { .string($0.text) },
      "forced": permission.isForced ? true : nil,
      "images": .array(offer.artifacts.map { image($0, base: base) }),
    ])
  }

  private static func decision(_ decision: Permission.Decision) -> JSON {
    switch decision {
    case .allowed: ["allowed": true]
    case .refused(let reason, let until):
      .members([
        "allowed": false, "reason": .string(reason),
        "until": until.map { .string($0.description) },
      ])
    }
  }

  private static func image(_ artifact: Artifact, base: String) -> JSON {
    [
      "component": .string(artifact.component.text),
      "name": .string(artifact.name.text),
      "file": .string(artifact.fileName.text),
      "version": .string(artifact.version.text),
      "hardware": .array(artifact.hardware.map { .string($0.text) }),
      "size": .integer(artifact.size),
      "sha256": .string("\(artifact.sha256)"),
      "signature": .string(artifact.signature),
      "url": .string("\(base)/\(artifact.id)/\(PercentEncoding.encode(artifact.fileName.text))"),
    ]
  }
}
