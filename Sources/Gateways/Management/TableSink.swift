// TableSink: a table of devices: received with a cap, then registered whole or not at all.

import HTTPServer
import Orchestrator
import UpdateModel

/// Receives a table of devices.
final class TableSink: BodySink {
  /// A million devices with tags fit.
  static let bytesMax = 64 << 20

  private let plane: ControlPlane
  private let room: Room
  private let jobs: Jobs
  /// Held until the answer is given.
  private let place: Places.Place
  private let bytes = Lock<[UInt8]?>([])

  init(plane: ControlPlane, room: Room, jobs: Jobs, place: Places.Place) {
    self.plane = plane
    self.room = room
    self.jobs = jobs
    self.place = place
  }

  static var tooLarge: Problem {
    Problem(.tooLarge, "a table has at most \(bytesMax) bytes; divide it")
  }

  func receive(_ more: UnsafeRawBufferPointer, _ exchange: PendingReply) -> Bool {
    let fits = bytes.withLock { bytes -> Bool in
      guard let count = bytes?.count else { return true }
      guard count + more.count <= TableSink.bytesMax else {
        bytes = nil
        return false
      }
      bytes?.append(contentsOf: more)
      return true
    }
    if !fits { exchange.complete(Response(TableSink.tooLarge)) }
    return true
  }

  func finish(_ exchange: PendingReply) {
    let table = bytes.withLock { bytes in
      defer { bytes = nil }
      return bytes ?? []
    }
    let isTaken = jobs.run {
      do throws(Problem) {
        let (response, ticket) = try self.register(table)
        exchange.complete(response, after: ticket)
      } catch { exchange.complete(Response(error)) }
    }
    if !isTaken { exchange.complete(Busy.response) }
  }

  func abort() { bytes.withLock { $0 = nil } }

  private func register(_ table: [UInt8]) throws(Problem) -> (Response, UInt64) {
    let document = try DeviceTableDocument(table)
    let tokens: [String]
    let ticket: UInt64
    do throws(Problem) {
      (tokens, ticket) = try plane.register(document.registrations, in: room)
    } catch {
      // The plane counts devices; a person counts lines.
      let faults = error.faults.map { fault in
        let line = fault.line.flatMap { document.lines.indices.contains($0 - 1) ? $0 - 1 : nil }
        return Problem.Fault(
          line: line.map { document.lines[$0] }, field: fault.field, reason: fault.reason)
      }
      throw Problem(error.kind, error.detail, faults: faults)
    }
    // Written piece by piece: a tree of a million objects would take several hundred megabytes.
    var text = Array("{\"created\":\(tokens.count),\"tokens\":[".utf8)
    for (position, token) in tokens.enumerated() {
      if position > 0 { text.append(UInt8(ascii: ",")) }
      let id = document.registrations[position].device.text
      text += JSON.members(["id": .string(id), "token": .string(token)]).text
    }
    text += Array("]}".utf8)
    return (Response(json: text), ticket)
  }
}
