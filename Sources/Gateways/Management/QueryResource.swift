// QueryResource: questions about all devices of a tenant in the query language.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/devices/query`. For whoever may read devices.
enum QueryResource {
  // Before the routes of single devices. A device that is called `query` is still found: without a
  // query the path means it.
  static let routes = [
    Route(.get, "T/devices/query", query: parameters, pace: .slow, .tenant(get)),
    Route(.post, "T/devices/query", pace: .slow, .tenant(post)),
  ]

  private static let parameters = ["query", "limit", "after", "explain"]
  private static let limits = 1...QueryStatement.limitMax

  /// What is asked.
  private struct Question {
    let text: String
    let limit: Int?
    let cursor: String?
    /// A device about which it is asked why it does not match.
    let device: DeviceID?
  }

  private static func get(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    guard let text = call.query["query"] else {
      let device: DeviceID
      do { device = try DeviceID("query") } catch { throw Problem(error) }
      return Answer(try DeviceResource.document(device, call, room))
    }
    let limit = try call.query["limit"].map { text throws(Problem) in
      guard let limit = Int(text), limits.contains(limit) else {
        throw Problem(
          InvalidValue(
            field: "limit",
            reason: "'\(text.prefix(40))' is no number from 1 to \(limits.upperBound)"))
      }
      return limit
    }
    let device = try call.query["explain"].map { text throws(Problem) in
      do throws(InvalidValue) { return try DeviceID(text) } catch { throw Problem(error) }
    }
    return try answer(
      Question(text: text, limit: limit, cursor: call.query["after"], device: device), call, room)
  }

  private static func post(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let question = try call.read(parameters) { reader -> Question? in
      // Any length: what is too long is told by the language, with its own words.
      let text = reader.text("query", bytes: 0...(64 * 1024))
      let limit =
        reader.has("limit") ? reader.integer("limit", in: limits) : nil
      let cursor = reader.has("after") ? reader.text("after", bytes: 1...256) : nil
      let device = reader.has("explain") ? reader.device("explain") : nil
      return text.map { Question(text: $0, limit: limit, cursor: cursor, device: device) }
    }
    return try answer(question, call, room)
  }

  private static func answer(
    _ question: Question, _ call: Call, _ room: Room
  ) throws(Problem) -> Answer {
    if let device = question.device { return try explanation(device, question, call, room) }
    let statement: QueryStatement
    do throws(QueryFault) { statement = try QueryStatement(question.text) } catch {
      throw Problem(error)
    }
    let found = try call.plane.query(
      statement, in: room, after: question.cursor, limit: question.limit)
    let tenths = found.tookMicroseconds / 100
    let isList = statement.grouping.isEmpty
    return Answer(
      .members([
        "query": .string(statement.description),
        "count": JSON(found.count),
        "tookMs": .decimal("\(tenths / 10).\(tenths % 10)"),
        "columns": .array(found.columns.map { .string($0.description) }),
        "items": isList ? .array(found.devices.map { item($0, found.columns) }) : nil,
        "groups": isList
          ? nil
          : .array(
            found.groups.map { group in
              .members([
                "values": .object(members(group.values, found.columns)),
                "count": JSON(group.count),
              ])
            }),
        "more": .bool(found.hasMore),
        "next": isList && statement.order == nil && found.hasMore
          ? found.devices.last.map { .string($0.id) } : nil,
      ]))
  }

  private static func explanation(
    _ device: DeviceID, _ question: Question, _ call: Call, _ room: Room
  ) throws(Problem) -> Answer {
    let statement: QueryStatement
    do throws(QueryFault) { statement = try QueryStatement(question.text) } catch {
      throw Problem(error)
    }
    guard let verdict = call.plane.explain(statement.filter, for: device, in: room) else {
      throw Problem(.notFound, "there is no device \(device)")
    }
    let isKnown = if case .unknown = verdict { false } else { true }
    return Answer(
      .members([
        "device": .string(device.text), "query": .string(statement.filter.description),
        "holds": .bool(verdict == .holds), "known": .bool(isKnown),
        "reason": verdict.reason.map { .string($0) },
      ]))
  }

  private static func item(_ row: FleetAnswer.Row, _ columns: [QueryField]) -> JSON {
    let members = members(row.values, columns)
    guard !columns.contains(.device) else { return .object(members) }
    return .object([JSON.Member("device", .string(row.id))] + members)
  }

  // What has no value is left out.
  private static func members(_ values: [QueryValue?], _ columns: [QueryField]) -> [JSON.Member] {
    zip(columns, values).compactMap { column, value in
      switch value {
      case nil: nil
      case .json(let json): JSON.Member(column.description, json)
      case .time(let time): JSON.Member(column.description, .string(time.description))
      }
    }
  }
}
