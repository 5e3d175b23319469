// Call: what a handler needs of one request, copied out of the connection's buffer.

import Orchestrator
import UpdateModel

/// One admitted request.
struct Call: Sendable {
  /// The service.
  let plane: ControlPlane
  /// Facts about the running program.
  let service: ServiceFacts
  /// Who asks.
  let caller: Operator
  /// The parts of the path that the pattern captured.
  let captures: [String: String]
  /// The query.
  let query: Query
  /// The body.
  let body: [UInt8]
  /// The version that the caller saw, of `If-Match: "7"`; nil without one.
  let expectedVersion: String?

  /// A captured part of the path; the route table guarantees that it is there.
  subscript(name: String) -> String { captures[name] ?? "" }

  /// Reads the body as an object with these fields; throws a problem that lists every fault.
  ///
  /// With `isOptional` an empty body stands for an object without members. `convert` may return nil
  /// only after a fault was noted.
  func read<Value>(
    _ fields: [String], isOptional: Bool = false, _ convert: (DocumentReader) -> Value?
  ) throws(Problem) -> Value {
    let document: JSON
    let lines: [String: Int]
    if body.isEmpty, isOptional {
      (document, lines) = (.object([]), [:])
    } else {
      do throws(JSONError) { (document, lines) = try JSON.parseWithLines(body) } catch {
        throw Problem(error)
      }
    }
    let faults = DocumentReader.Faults()
    let reader = DocumentReader(document, lines: lines, faults: faults)
    reader.allowOnly(fields)
    let value = convert(reader)
    guard faults.list.isEmpty else { throw Problem(faults: faults.list) }
    guard let value else { throw Problem(.internalError, "a fault of the body was not noted") }
    return value
  }

  /// Makes sure that a body, if there is one, is an object without members.
  func expectNoFields() throws(Problem) { try read([], isOptional: true) { _ in () } }

  /// The device named in the path; a text that cannot name one is answered as one that is unknown.
  func device() throws(Problem) -> DeviceID {
    do { return try DeviceID(self["device"]) } catch {
      throw Problem(.notFound, "there is no device \(self["device"].prefix(80))")
    }
  }

  /// The group named in the path.
  func groupName() throws(Problem) -> Name {
    do { return try Name(self["name"]) } catch {
      throw Problem(.notFound, "there is no group \(self["name"].prefix(80))")
    }
  }
}

/// What the program knows about itself.
struct ServiceFacts: Sendable {
  /// The version of the program.
  let version: String
  /// When it started.
  let startedAt: Instant
  /// Connections open now and requests served since the start.
  let statistics: @Sendable () -> (connections: Int, requests: Int)
}

extension DocumentReader {
  /// Reads a version.
  func version(_ key: String) -> FirmwareVersion? {
    read(key, default: nil, allowed: "a version of 1 to 128 bytes without white space") {
      // A refused version becomes nil here and a fault with the path in `read`.
      $0.string.flatMap { try? FirmwareVersion($0) }
    }
  }

  /// Reads a device id.
  func device(_ key: String) -> DeviceID? {
    read(key, default: nil, allowed: "a device id of 1 to 256 bytes without white space or '/'") {
      // A refused id becomes nil here and a fault with the path in `read`.
      $0.string.flatMap { try? DeviceID($0) }
    }
  }

  /// Reads a list of device ids; a missing one is empty.
  func devices(_ key: String) -> [DeviceID]? {
    read(key, default: [], allowed: "an array of device ids") { value in
      guard let elements = value.array else { return nil }
      // A refused id becomes nil here and a fault with the path in `read`.
      let ids = elements.compactMap { $0.string.flatMap { try? DeviceID($0) } }
      return ids.count == elements.count ? ids : nil
    }
  }

  /// Reads a filter; the fault of a filter that cannot be read says why.
  func filter(_ key: String) -> DeviceFilter? {
    guard let text = text(key, bytes: 0...2000) else { return nil }
    do throws(InvalidValue) { return try DeviceFilter(text) } catch {
      refuse(key, error.reason)
      return nil
    }
  }

  /// Reads a query; the fault of one that cannot be read tells the column.
  func query(_ key: String) -> UpdateModel.Query? {
    // Any length: what is too long is told by the language, with its own words.
    guard let text = text(key, bytes: 0...(64 * 1024)) else { return nil }
    do throws(QueryFault) { return try UpdateModel.Query(text) } catch {
      refuse(key, error.description)
      return nil
    }
  }

  /// Reads an object of texts; a missing one is empty.
  func texts(_ key: String) -> [(key: String, value: String)]? {
    read(key, default: [], allowed: "an object with texts as values") { value in
      guard let members = value.members else { return nil }
      let pairs = members.compactMap { member in member.value.string.map { (member.key, $0) } }
      return pairs.count == members.count ? pairs : nil
    }
  }
}
