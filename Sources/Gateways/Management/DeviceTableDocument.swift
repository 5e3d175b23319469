// DeviceTableDocument: a table of devices to registrations, or to every fault with its line.

import Orchestrator
import UpdateModel

/// Devices that were sent as a table with the header `id,hardware[,token][,tag.NAME..][,group]`.
struct DeviceTableDocument {
  /// The devices in the order of the table.
  private(set) var registrations: [Registration] = []
  /// The line of each device.
  private(set) var lines: [Int] = []

  private enum Column {
    case id, hardware, token, group
    case tag(String)
  }

  /// Reads a table; throws a problem that lists the faults with their lines.
  init(_ bytes: [UInt8]) throws(Problem) {
    var reader = CSVReader(bytes)
    var faults: [Problem.Fault] = []
    do throws(CSVError) {
      guard let header = try reader.next() else {
        throw CSVError(line: 1, reason: "the table is empty; start with the line id,hardware")
      }
      let columns = DeviceTableDocument.columns(header.fields, &faults)
      while faults.count < DocumentReader.Faults.limit, let record = try reader.next() {
        guard registrations.count < ControlPlane.bulkMax else {
          throw CSVError(
            line: record.line, reason: "more than \(ControlPlane.bulkMax) devices; divide the table"
          )
        }
        add(record, columns, expecting: header.fields.count, &faults)
      }
    } catch {
      faults.append(Problem.Fault(line: error.line, field: "table", reason: error.reason))
    }
    if faults.isEmpty, registrations.isEmpty {
      faults.append(Problem.Fault(line: 1, field: "table", reason: "there is no device in it"))
    }
    if !faults.isEmpty { throw Problem(faults: faults) }
  }

  private static func columns(_ names: [String], _ faults: inout [Problem.Fault]) -> [Column] {
    var columns: [Column] = []
    for (position, name) in names.enumerated() {
      if names[..<position].contains(name) {
        faults.append(
          Problem.Fault(
            line: 1, field: String(name.prefix(64)), reason: "the column is there twice"))
      }
      switch name {
      case "id": columns.append(.id)
      case "hardware": columns.append(.hardware)
      case "token": columns.append(.token)
      case "group": columns.append(.group)
      default:
        guard name.hasPrefix("tag."), name.utf8.count > 4 else {
          faults.append(
            Problem.Fault(
              line: 1, field: String(name.prefix(64)),
              reason: "unknown column; allowed are id, hardware, token, tag.NAME and group"))
          continue
        }
        columns.append(.tag(String(name.dropFirst(4))))
      }
    }
    for needed in ["id", "hardware"] where !names.contains(needed) {
      faults.append(
        Problem.Fault(line: 1, field: needed, reason: "the column is missing in the first line"))
    }
    return columns
  }

  private mutating func add(
    _ record: (line: Int, fields: [String]), _ columns: [Column], expecting count: Int,
    _ faults: inout [Problem.Fault]
  ) {
    guard record.fields.count == count else {
      faults.append(
        Problem.Fault(
          line: record.line, field: "table",
          reason: "found \(record.fields.count) fields where the header has \(count)"))
      return
    }
    // With a wrong header the fields cannot be told apart; its faults are enough.
    guard columns.count == count else { return }
    do throws(InvalidValue) {
      registrations.append(try DeviceTableDocument.registration(record.fields, columns))
      lines.append(record.line)
    } catch {
      let field = error.field == "device" ? "id" : error.field
      faults.append(Problem.Fault(line: record.line, field: field, reason: error.reason))
    }
  }

  private static func registration(
    _ fields: [String], _ columns: [Column]
  ) throws(InvalidValue) -> Registration {
    var id = ""
    var hardware: Name?
    var token: String?
    var groups: [Name] = []
    var tags: [String: String] = [:]
    for (field, column) in zip(fields, columns) {
      switch column {
      case .id: id = field
      case .hardware: hardware = field.isEmpty ? nil : try Name(field, field: "hardware")
      case .token: token = field.isEmpty ? nil : field
      case .group: groups = field.isEmpty ? [] : [try Name(field, field: "group")]
      case .tag(let key): tags[key] = field.isEmpty ? nil : field
      }
    }
    return try Registration(
      device: try DeviceID(id), hardware: hardware, tags: tags, token: token, groups: groups)
  }
}
