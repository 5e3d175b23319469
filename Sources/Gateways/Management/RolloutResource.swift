// RolloutResource: rollouts: plan, create, steer, and look at them.

import HTTPServer
import Orchestrator
import RolloutEngine
import UpdateModel

/// `T/rollouts`.
enum RolloutResource {
  private static let requestFields = ["release", "policy", "overrides", "group", "filter", "query"]

  static let routes =
    [
      Route(.get, "T/rollouts", query: Page.parameters, .tenant(list)),
      Route(.post, "T/rollouts/plan", pace: .slow, .tenant(plan)),
      Route(.post, "T/rollouts", pace: .slow, .tenant(create)),
      Route(.get, "T/rollouts/{id}", .tenant(show)),
      Route(
        .get, "T/rollouts/{id}/devices", query: ["standing"] + Page.parameters, pace: .slow,
        .tenant(devices)),
      Route(.get, "T/rollouts/{id}/events", query: Page.parameters, pace: .slow, .tenant(events)),
      Route(.post, "T/rollouts/{id}/amend", .tenant(amend)),
      Route(
        .get, "T/rollouts/{id}/decisions", query: Page.parameters, pace: .slow,
        .tenant(decisions)),
      Route(.get, "T/rollouts/{id}/explain", query: ["device"], pace: .slow, .tenant(explain)),
    ]
    + SteeringCommand.allCases.map { command in
      Route(
        .post, "T/rollouts/{id}/\(command.rawValue)", pace: command == .start ? .slow : .quick,
        .tenant { (call, room) throws(Problem) in try steer(command, call, room) })
    }
    + StandbyRuling.allCases.map { ruling in
      Route(
        .post, "T/rollouts/{id}/devices/{device}/\(ruling.rawValue)",
        .tenant { (call, room) throws(Problem) in try rule(ruling, call, room) })
    }

  private static func list(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let last = try page.number(UInt32.self)
    return Answer(
      page.cut(
        call.plane.rollouts(in: room), key: { $0.rollout.specification.id.description },
        isAfter: { $0.rollout.specification.id.number < (last ?? .max) },
        document: { Documents.rollout($0) }))
  }

  private static func show(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let view = try call.plane.rollout(call["id"], in: room)
    return Answer(Documents.rollout(view, withPolicy: true))
  }

  private static func plan(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let wanted = try call.read(requestFields + ["expect", "install"]) { expecting($0) }
    return Answer(Documents.plan(try call.plane.plan(wanted, in: room)))
  }

  private static func create(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let (name, wanted, starts, terms) = try call.read(
      ["name", "start"] + RolloutTerms.fields + requestFields
    ) { reader -> (Name, RolloutRequest, Bool, RolloutTerms)? in
      let name = reader.name("name")
      let starts = reader.flag("start", default: false)
      let wanted = request(reader)
      let terms = RolloutTerms(asked: reader)
      guard let name, let wanted, let starts, let terms else { return nil }
      if starts, terms.startAt != nil {
        reader.refuse("startAt", "give start or startAt, not both")
      }
      return (name, wanted, starts, terms)
    }
    let (created, ticket) = try call.plane.createRollout(
      named: name, wanted, terms: terms, in: room)
    guard starts else { return try answer(created, call, room, status: 201, after: ticket) }
    do throws(Problem) {
      let (started, ticket) = try call.plane.steer(
        .start, rollout: created.specification.id.description, by: call.caller.label, in: room)
      return try answer(started, call, room, status: 201, after: ticket)
    } catch {
      let problem = Problem(
        error.kind, "rollout \(name) was created as a draft but not started: \(error.detail)",
        faults: error.faults)
      return Answer(Response(problem), after: ticket)
    }
  }

  private static func steer(
    _ command: SteeringCommand, _ call: Call, _ room: Room
  ) throws(Problem) -> Answer {
    let comment = try comment(command, call)
    let (rollout, ticket) = try call.plane.steer(
      command, rollout: call["id"], by: call.caller.label, comment: comment, in: room)
    return try answer(rollout, call, room, after: ticket)
  }

  private static func rule(
    _ ruling: StandbyRuling, _ call: Call, _ room: Room
  ) throws(Problem) -> Answer {
    try call.expectNoFields()
    let device: DeviceID
    do { device = try DeviceID(call["device"]) } catch { throw Problem(error) }
    let (known, part, ticket) = try call.plane.rule(
      ruling, device, rollout: call["id"], by: call.caller.label, in: room)
    return Answer(
      Documents.participant(known, part), after: ticket)
  }

  private static func amend(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let overrides = try call.read(["overrides"]) { reader in
      reader.read(
        "overrides", default: nil, allowed: "an object such as {\"gate.budget\": 60}",
        replacements)
    }
    let (rollout, ticket) = try call.plane.amend(
      call["id"], overrides: overrides, by: call.caller.label, in: room)
    return try answer(rollout, call, room, after: ticket)
  }

  // Only an approval is worth a word of its own.
  private static func comment(
    _ command: SteeringCommand, _ call: Call
  ) throws(Problem) -> String? {
    guard command == .approve else {
      try call.expectNoFields()
      return nil
    }
    let text = try call.read(["comment"], isOptional: true) {
      $0.text("comment", default: "", bytes: 0...500)
    }
    return text.isEmpty ? nil : text
  }

  private static func answer(
    _ rollout: Rollout, _ call: Call, _ room: Room, status: Int = 200, after ticket: UInt64
  ) throws(Problem) -> Answer {
    let view = try call.plane.rollout(rollout.specification.id.description, in: room)
    return Answer(Documents.rollout(view), status: status, after: ticket)
  }

  private static func devices(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let standing = try call.query["standing"].map { (word) throws(Problem) in
      guard let standing = Standing.allCases.first(where: { $0.label == word }) else {
        let words = Standing.allCases.map(\.label).joined(separator: ", ")
        throw Problem(
          InvalidValue(
            field: "standing", reason: "'\(word.prefix(40))' is no standing; use \(words)"))
      }
      return standing
    }
    let found = try call.plane.participants(
      of: call["id"], in: room, standing: standing, after: page.cursor, limit: page.limit + 1)
    return Answer(
      page.listed(
        found, key: { $0.part.action.device.text },
        document: { Documents.participant($0.device, $0.part) }))
  }

  private static func events(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let before = try page.number(Int64.self)
    let id = try call.plane.rollout(call["id"], in: room).rollout.specification.id
    let (moments, next) = try call.plane.moments(
      of: id, in: room, before: before, limit: page.limit)
    return Answer(
      .members([
        "items": .array(
          moments.map { moment in
            .members([
              "at": .string("\(moment.at)"), "sentence": .string(moment.sentence),
            ])
          }),
        "next": next.map { .string("\($0)") },
      ]))
  }

  private static func decisions(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let before = try page.number(Int64.self)
    let id = try call.plane.rollout(call["id"], in: room).rollout.specification.id
    let (decisions, next) = try call.plane.decisions(
      of: id, in: room, before: before, limit: page.limit)
    return Answer(
      .members([
        "items": .array(decisions.map { Documents.decision($0, withInputs: true) }),
        "next": next.map { .string("\($0)") },
      ]))
  }

  private static func explain(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    guard let text = call.query["device"] else {
      return Answer(
        Documents.explanation(try call.plane.explain(rollout: call["id"], in: room)))
    }
    let device: DeviceID
    do { device = try DeviceID(text) } catch { throw Problem(error) }
    return Answer(
      Documents.explanation(try call.plane.explain(device, rollout: call["id"], in: room)))
  }

  // MARK: What is asked for

  // What only a plan takes: an expected failure rate, and the time to install.
  private static func expecting(_ reader: DocumentReader) -> RolloutRequest? {
    var expectation = RolloutRequest.Expectation()
    let rate = reader.share("expect", default: expectation.failureRate)
    let install = reader.interval("install", default: expectation.install, in: .zero ... .days(30))
    guard var wanted = request(reader), let rate, let install else { return nil }
    expectation.failureRate = rate
    expectation.install = install
    wanted.expectation = expectation
    return wanted
  }

  private static func request(_ reader: DocumentReader) -> RolloutRequest? {
    let release = reader.read(
      "release", default: nil, allowed: "the number of a release or its \"name:version\""
    ) { value -> String? in
      switch value {
      case .integer(let number): "\(number)"
      case .string(let text) where (1...200).contains(text.utf8.count): text
      default: nil
      }
    }
    let policy = reader.text("policy", bytes: 1...64)
    let overrides = reader.read(
      "overrides", default: [], allowed: "an object such as {\"canary.soak\": \"5s\"}", replacements
    )
    let target = target(reader)
    guard let release, let policy, let overrides else { return nil }
    return RolloutRequest(release: release, policy: policy, overrides: overrides, target: target)
  }

  private static func target(_ reader: DocumentReader) -> RolloutSpecification.Target? {
    let given = ["group", "filter", "query"].filter { reader.has($0) }
    if given.count > 1, let last = given.last {
      reader.refuse(last, "name the devices in one way: group, filter or query")
    }
    switch given.first {
    case "group": return reader.name("group").map { .group($0) }
    case "filter": return reader.filter("filter").map { .filter($0) }
    case "query": return reader.query("query").map { .query($0) }
    default: return nil
    }
  }

  // Text is handed on as it is, because the policy reads what is JSON in it and takes the rest as
  // text; any other value is handed on as its JSON.
  private static func replacements(_ value: JSON) -> [(path: String, value: String)]? {
    guard let members = value.members, members.count <= 100 else { return nil }
    return members.map { member in
      let text = member.value.string ?? String(decoding: member.value.text, as: UTF8.self)
      return (member.key, text)
    }
  }
}
