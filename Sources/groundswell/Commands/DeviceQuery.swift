// DeviceQuery: `groundswell device query`, questions about the whole fleet.

import UpdateModel

/// Asks which devices, how many of what, or why not.
enum DeviceQuery {
  static let command = Command.remote(
    "device query",
    "Finds devices by their twins, counts them in groups, or tells why one does not match.",
    operands: [Operand("QUERY", "conditions, then perhaps group by, order by, limit, select")],
    options: [
      .flag("count", "show only how many devices match"),
      .value("explain", "DEVICE", "tell whether this device matches, and why not"),
      .value("limit", "N", "show at most so many", default: "100"),
    ],
    examples: [
      "groundswell device query 'battery.percent < 20 and tags.site = \"berlin\"'",
      "groundswell device query 'lastSeen > 7d group by hardware, version'",
      "groundswell device query 'version < \"2.4\" order by lastSeen limit 20' --json",
      "groundswell device query 'update.phase = \"failed\" group by update.error.class, hardware'",
      "groundswell device query 'network.metered = false' --explain gw-0001",
    ]
  ) { (arguments, session) throws(Failure) in
    let text = arguments[0]
    do throws(QueryFault) { _ = try QueryStatement(text) } catch {
      // The query in the first two lines, with the place; what is wrong comes after.
      throw .usage(
        "this is no query\n\(error.rendered)", hint: "groundswell device query --help")
    }
    if let device = arguments.value("explain") {
      try explain(text, device, session)
      return
    }
    let limit = try arguments.integer("limit", default: 100, in: 1...QueryStatement.limitMax)
    let isCount = arguments.has("count")
    let answer = try session.post(
      session.target("devices", "query"),
      .members(["query": .string(text), "limit": JSON(isCount ? 1 : limit)]))
    session.show(answer) { answer in
      let count = answer.count("count")
      if isCount { return "\(count)\n" }
      let summary = "\(Wording.count(count, "device")), found in \(took(answer)) ms\n"
      guard count > 0 else { return summary }
      return table(answer, now: session.now) + "\n" + summary
    }
  }

  /// Refuses what is no query for a group or a rollout, before anything is sent.
  static func check(_ text: String, _ arguments: Arguments) throws(Failure) {
    do throws(QueryFault) { _ = try Query(text) } catch {
      throw arguments.refuse("this is no query\n\(error.rendered)")
    }
  }

  private static func explain(
    _ text: String, _ device: String, _ session: Session
  ) throws(Failure) {
    let answer = try session.post(
      session.target("devices", "query"),
      .members(["query": .string(text), "explain": .string(device)]))
    session.show(answer) { answer in
      let reason = answer["reason"]?.string
      return Table.printable(
        reason.map { "\(device) does not match: \($0)" } ?? "\(device) matches") + "\n"
    }
  }

  private static func table(_ answer: JSON, now: Instant) -> String {
    let columns = (answer["columns"]?.array ?? []).compactMap(\.string)
    let isMore = answer["more"]?.bool == true
    let groups = answer["groups"]?.array
    let rows = groups ?? answer["items"]?.array ?? []
    var table = Table(headings: (groups == nil ? [] : [">devices"]) + columns)
    for row in rows {
      let values = groups == nil ? row : row["values"]
      let cells = columns.map { cell(values?[$0], $0, now: now) }
      table.append((groups == nil ? [] : [Wording.count(row.count("count"))]) + cells)
    }
    return table.text + (isMore ? "... and more\n" : "")
  }

  // Times that the server keeps are shown as ages; all else as it is.
  private static func cell(_ value: JSON?, _ column: String, now: Instant) -> String {
    guard let value else { return "-" }
    guard let text = value.string else { return String(decoding: value.text, as: UTF8.self) }
    guard column == "lastSeen" || column == "createdAt", let time = Instant(rfc3339: text) else {
      return text
    }
    return Wording.ago(time, now: now)
  }

  private static func took(_ answer: JSON) -> String {
    if case .decimal(let literal) = answer["tookMs"] { literal } else { "?" }
  }
}
