// JobResource: the same command for many devices: plan, start, steer, and look at it.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/jobs`.
enum JobResource {
  static let routes =
    [
      Route(.get, "T/jobs", query: Page.parameters, .tenant(list)),
      Route(.post, "T/jobs", pace: .slow, .tenant(start)),
      Route(.post, "T/jobs/plan", pace: .slow, .tenant(plan)),
      Route(.get, "T/jobs/{id}", .tenant(show)),
      Route(
        .get, "T/jobs/{id}/devices", query: ["state"] + Page.parameters, pace: .slow,
        .tenant(devices)),
    ]
    + JobSteering.allCases.map { steering in
      Route(
        .post, "T/jobs/{id}/\(steering.rawValue)",
        .tenant { (call, room) throws(Problem) in
          try call.expectNoFields()
          let (view, ticket) = try call.plane.steer(
            steering, job: call["id"], by: call.caller.label, in: room)
          return Answer(Documents.job(view), after: ticket)
        })
    }

  private static func list(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let last = try page.number(UInt32.self)
    return Answer(
      page.cut(
        call.plane.jobs(in: room), key: { $0.job.id.description },
        isAfter: { $0.job.id.number < (last ?? .max) }, document: Documents.job))
  }

  private static func show(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    Answer(Documents.job(try call.plane.job(call["id"], in: room)))
  }

  private static func start(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let (view, ticket) = try call.plane.startJob(
      try request(call), by: call.caller.label, in: room)
    return Answer(Documents.job(view), status: 201, after: ticket)
  }

  private static func plan(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let census = try call.plane.plan(try request(call), in: room)
    return Answer(
      .members([
        "able": JSON(census.able), "unable": JSON(census.unable),
        "reason": census.reason.map { .string($0) },
        "examples": .array(census.examples.map { .string($0.text) }),
      ]))
  }

  private static func devices(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let state = try call.query["state"].map { (word) throws(Problem) in
      guard let part = JobPart(word: word) else {
        let known = ["open"] + Command.Ending.allCases.map(\.rawValue)
        throw Problem(
          InvalidValue(
            field: "state",
            reason: "'\(word.prefix(40))' is no state; use \(known.joined(separator: ", "))"))
      }
      return part
    }
    let found = try call.plane.parts(
      ofJob: call["id"], in: room, part: state, after: page.cursor, limit: page.limit + 1)
    return Answer(
      page.listed(
        found, key: { $0.device.text },
        document: { ["device": .string($0.device.text), "state": .string($0.part.word)] }))
  }

  // MARK: What is asked for

  private static func request(_ call: Call) throws(Problem) -> JobRequest {
    try call.read(
      ["name", "command", "where", "group", "devices", "all", "perMinute", "concurrent"]
        + ["failureStop", "length"] + CommandResource.fields
    ) { reader -> JobRequest? in
      let name = reader.name("name")
      let command = reader.name("command").flatMap {
        CommandResource.command($0, reader, lifetime: Job.usualLifetime)
      }
      let target = target(reader)
      let limits = limits(reader)
      let length = reader.interval("length", default: Job.usualLength, in: Job.lengths)
      guard let name, let command, let target, let limits, let length else { return nil }
      return JobRequest(
        name: name, target: target, command: command, limits: limits, length: length)
    }
  }

  private static func target(_ reader: DocumentReader) -> JobTarget? {
    let given = ["where", "group", "devices", "all"].filter { reader.has($0) }
    guard given.count == 1, let key = given.first else {
      reader.refuse(
        given.first ?? "where",
        "name the devices in one way: where (a query), group, devices (a list), or all (true)")
      return nil
    }
    switch key {
    case "group": return reader.name("group").map { .group($0) }
    case "devices":
      guard let ids = reader.devices("devices") else { return nil }
      guard (1...JobTarget.listMax).contains(ids.count) else {
        reader.refuse("devices", "\(ids.count) devices are listed; list 1 to \(JobTarget.listMax)")
        return nil
      }
      return .devices(Set(ids))
    case "all":
      guard reader.value("all")?.bool == true else {
        reader.refuse("all", "give true, or name the devices")
        return nil
      }
      return .everyone
    default:
      guard let text = reader.text("where", bytes: 1...UpdateModel.Query.bytesMax) else {
        return nil
      }
      do throws(QueryFault) { return .query(try UpdateModel.Query(text)) } catch {
        reader.refuse("where", error.description)
        return nil
      }
    }
  }

  private static func limits(_ reader: DocumentReader) -> JobLimits? {
    let range = JobLimits.range
    let perMinute =
      reader.has("perMinute") ? reader.integer("perMinute", in: range) : nil
    let concurrent =
      reader.has("concurrent") ? reader.integer("concurrent", in: range) : nil
    var stop: JobLimits.FailureStop?
    if reader.has("failureStop") {
      let inner = reader.object("failureStop")
      inner.allowOnly(["share", "minimum"])
      guard let share = inner.share("share"),
        let minimum = inner.integer("minimum", default: 5, in: range)
      else { return nil }
      stop = JobLimits.FailureStop(share: share, minimum: minimum)
    }
    return JobLimits(perMinute: perMinute, concurrent: concurrent, failureStop: stop)
  }
}

extension Documents {
  /// A job as people see it.
  static func job(_ view: JobView) -> JSON {
    let job = view.job
    return .members([
      "id": .string("\(job.id)"), "name": .string(job.name.text),
      "status": .string(job.status.word), "reason": .string(view.reason),
      "command": .string(job.command.text), "arguments": job.arguments,
      "target": job.target.document, "limits": job.limits.document,
      "forced": job.isForced ? true : nil, "expiresIn": .string(job.lifetime.description),
      "until": time(job.until), "createdAt": time(job.createdAt),
      "createdBy": .string(job.createdBy), "endedAt": job.endedAt.map(time),
      "devices": view.size.map { JSON($0) }, "givenOut": JSON(view.counts.granted),
      "lastMinute": JSON(view.recent), "counts": view.counts.document,
    ])
  }
}
