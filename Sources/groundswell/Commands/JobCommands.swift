// JobCommands: `groundswell job ...`, the same command for many devices.

import UpdateModel

/// Commands about jobs.
enum JobCommands {
  /// In the order that help lists them.
  static let all =
    [create, list, show, JobWatch.command] + [
      steering("pause", "Gives the command to no more devices until resume."),
      steering("resume", "Lets a paused job go on; the failures so far no longer stop it."),
      steering(
        "cancel", "Ends a job; commands that no device has taken are taken back."),
    ]

  /// The operand that names a job.
  static let job = Operand("JOB", "number or name of the job")

  private static let create = Command.remote(
    "job create",
    "Gives a command to many devices, each when it calls, so many per minute and at a time.",
    operands: [
      Operand("NAME", "name of the job; made from command and time without it", .optional)
    ],
    options: [
      .value("command", "NAME", "what they are told", required: true),
      .value("arg", "NAME=VALUE", "an argument; what is no JSON is a text", repeats: true),
      .value("json-args", "JSON", "all arguments as an object"),
      .value("where", "QUERY", "the devices that meet a query"),
      .value("group", "NAME", "the members of a group"),
      .value("device", "ID", "this device", repeats: true),
      .flag("all", "every device of the tenant"),
      .value("rate", "N/min", "commands in any one minute"),
      .value("concurrent", "N", "devices at it at the same time"),
      .value("stop-at", "SHARE", "pause when more than this share failed, such as 10%"),
      .value("stop-minimum", "N", "with --stop-at: and at least so many", default: "5"),
      .value("expires", "TIME", "how long a device has for it", default: "1h"),
      .value("length", "TIME", "how long devices are given it", default: "7d"),
      .flag("force", "also to devices that are installing"),
      .flag("dry-run", "only say which devices it would be for now"),
    ],
    examples: [
      "groundswell job create --command reboot --where 'tags.site = \"berlin\"' --rate 50/min "
        + "--concurrent 10 --dry-run",
      "groundswell job create night-logs --command collect-logs --group staging --stop-at 10%",
    ]
  ) { (arguments, session) throws(Failure) in
    let request = try request(arguments, now: session.now)
    guard !arguments.has("dry-run") else {
      let census = try session.post(session.target("jobs", "plan"), request)
      return session.show(census) { census in
        let examples = census.items("examples").compactMap(\.string)
        let others = census.count("able") > examples.count ? ", ..." : ""
        return Table.facts([
          "would be told": Wording.count(census.count("able"), "device"),
          "such as": examples.isEmpty ? nil : examples.joined(separator: ", ") + others,
          "not able": census.count("unable") == 0
            ? nil
            : "\(Wording.count(census.count("unable"), "device")); \(census.shown("reason"))",
        ])
      }
    }
    let job = try session.post(session.target("jobs"), request)
    session.show(job) { job in
      facts(job, now: session.now)
        + "\nwatch it with: groundswell job watch \(job.shown("name"))\n"
    }
  }

  private static func request(_ arguments: Arguments, now: Instant) throws(Failure) -> JSON {
    let command = arguments.required("command")
    let devices = arguments.values("device")
    var rate: JSON?
    if let text = arguments.value("rate") {
      let digits = text.hasSuffix("/min") ? text.dropLast(4) : text[...]
      guard let number = Int64(digits), number > 0 else {
        throw arguments.refuse("option --rate: '\(text)' is no rate such as 50/min")
      }
      rate = .integer(number)
    }
    let concurrent =
      arguments.has("concurrent")
      ? try arguments.integer("concurrent", default: 1, in: JobLimits.range) : nil
    let minimum = try arguments.integer("stop-minimum", default: 5, in: JobLimits.range)
    let stamp = now.description.filter { $0.isNumber }
    return .members([
      "name": .string(arguments.operands.first ?? "\(command)-\(stamp)"),
      "command": .string(command), "arguments": try DeviceOrders.arguments(arguments),
      "where": arguments.value("where").map { .string($0) },
      "group": arguments.value("group").map { .string($0) },
      "devices": devices.isEmpty ? nil : .array(devices.map { .string($0) }),
      "all": arguments.has("all") ? true : nil, "perMinute": rate,
      "concurrent": concurrent.map { JSON($0) },
      "failureStop": arguments.value("stop-at").map {
        ["share": .string($0), "minimum": JSON(minimum)]
      },
      "expiresIn": try arguments.interval("expires").map { .string($0.description) },
      "length": try arguments.interval("length").map { .string($0.description) },
      "force": arguments.has("force") ? true : nil,
    ])
  }

  private static let list = Command.remote(
    "job list", "Lists jobs, newest first.",
    options: [.value("limit", "N", "show at most so many", default: "20")],
    examples: ["groundswell job list", "groundswell job list --json"]
  ) { (arguments, session) throws(Failure) in
    let limit = try arguments.integer("limit", default: 20, in: 1...1_000_000)
    let listing = try session.list(session.target("jobs"), limit: limit)
    session.show(listing, empty: "no jobs") {
      Table(">id", "name", "command", "status", ">done", ">failed", ">open", "started", rows: $0) {
        job in
        let counts = job["counts"] ?? .object([])
        return [
          job.shown("id"), job.shown("name"), job.shown("command"), job.shown("status"),
          "\(counts.count("done"))", "\(failures(counts))", "\(counts.count("open"))",
          job.ago("createdAt", now: session.now),
        ]
      }
    }
  }

  private static let show = Command.remote(
    "job show", "Shows a job, or with --state the devices that stand so.",
    operands: [job],
    options: [
      .value("state", "STATE", "open, done, failed, rejected, expired or cancelled")
    ],
    examples: ["groundswell job show night-logs", "groundswell job show 3 --state failed"]
  ) { (arguments, session) throws(Failure) in
    guard let state = arguments.value("state") else {
      return session.show(try session.get(session.target("jobs", arguments[0]))) {
        facts($0, now: session.now)
      }
    }
    let listing = try session.list(
      session.target("jobs", arguments[0], "devices").with("state", state))
    session.show(
      listing,
      empty: "no device of it is \(Table.printable(state)), or they are no "
        + "longer listed because the job is over"
    ) {
      Table("device", "state", rows: $0) { [$0.shown("device"), $0.shown("state")] }
    }
  }

  private static func steering(_ verb: String, _ summary: String) -> Command {
    .remote(
      "job \(verb)", summary, operands: [job], examples: ["groundswell job \(verb) night-logs"]
    ) { (arguments, session) throws(Failure) in
      session.show(try session.post(session.target("jobs", arguments[0], verb))) {
        facts($0, now: session.now)
      }
    }
  }

  /// Devices that did not do it.
  static func failures(_ counts: JSON) -> Int {
    counts.count("failed") + counts.count("rejected") + counts.count("expired")
  }

  /// `12 done, 3 open, 1 failed`; what is nobody is left out.
  static func standing(_ job: JSON) -> String {
    let counts = (job["counts"]?.members ?? []).compactMap { member -> String? in
      guard let count = member.value.integer, count > 0 else { return nil }
      return "\(Wording.count(Int(count))) \(member.key)"
    }
    return counts.isEmpty ? "nobody was told yet" : counts.joined(separator: ", ")
  }

  /// Everything about one job.
  static func facts(_ job: JSON, now: Instant) -> String {
    let limits = job["limits"] ?? .object([])
    let stop = limits["failureStop"]
    func json(_ value: JSON?) -> String? {
      value.map { String(decoding: $0.text, as: UTF8.self) }
    }
    return Table.facts([
      "job": "\(job.shown("name")) (\(job.shown("id")))", "status": job.text("status"),
      "because": job.text("reason"), "command": job.text("command"),
      "arguments": json(job["arguments"]), "devices": json(job["target"]),
      "able": job.text("devices"), "standing": standing(job),
      "rate": limits.text("perMinute").map { "\($0) per minute" },
      "at a time": limits.text("concurrent"),
      "pauses at": stop.map { "more than \($0.shown("share")), from \($0.shown("minimum"))" },
      "last minute": job.text("lastMinute"),
      "started": "\(job.ago("createdAt", now: now)) by \(job.shown("createdBy"))",
      "until": job.ago("until", now: now),
      "ended": job["endedAt"] == nil ? nil : job.ago("endedAt", now: now),
    ])
  }
}
