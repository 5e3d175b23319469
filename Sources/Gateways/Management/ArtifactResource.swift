// ArtifactResource: stored images: list, show, verify, delete, serve; uploads are in UploadSink.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/artifacts`.
enum ArtifactResource {
  private static let descriptionParameters = [
    "name", "version", "hardware", "component", "fileName", "sha256",
  ]

  static let routes = [
    Route(.get, "T/artifacts", query: Page.parameters, .tenant(list)),
    Route(.post, "T/artifacts", query: descriptionParameters, .upload),
    Route(.get, "T/artifacts/{id}", .tenant(show)),
    Route(.get, "T/artifacts/{id}/content", pace: .slow, .tenant(content)),
    Route(.post, "T/artifacts/{id}/verify", pace: .slow, .tenant(verify)),
    Route(.delete, "T/artifacts/{id}", pace: .slow, .tenant(delete)),
  ]

  private static func list(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let last = try page.number(UInt32.self)
    return Answer(
      page.cut(
        call.plane.artifacts(in: room), key: { $0.id.description },
        isAfter: { $0.id.number > (last ?? 0) }, document: Documents.artifact))
  }

  private static func show(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    Answer(Documents.artifact(try image(call, room).artifact))
  }

  private static func content(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let image = try image(call, room)
    guard let file = OpenFile(path: image.path) else {
      throw Problem(
        .internalError,
        "the bytes of artifact \(image.artifact.id) cannot be opened; verify it and upload it again"
      )
    }
    return Answer(
      Response(
        status: 200, headers: [("Cache-Control", "no-store")],
        body: .file(
          FileBody(
            file: file, contentType: "application/octet-stream",
            etag: "\"\(image.artifact.sha256)\"",
            disposition: "attachment; filename=\"\(image.artifact.fileName)\""))))
  }

  private static func verify(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try call.expectNoFields()
    let verdict = try call.plane.verifyArtifact(try id(call), in: room)
    let faults = [
      verdict.contentFault, verdict.isSigned ? nil : "the signature is not ours",
      verdict.compressedFault.map { "the zstd form: \($0)" },
    ].compactMap { $0 }
    return Answer(
      .members([
        "ok": .bool(verdict.isGood), "sha256": .bool(verdict.contentFault == nil),
        "signature": .bool(verdict.isSigned),
        "compressed": verdict.hasCompressed ? .bool(verdict.compressedFault == nil) : nil,
        "detail": .string(
          faults.isEmpty
            ? "the stored bytes and the signature are right" : faults.joined(separator: "; ")),
      ]))
  }

  private static func delete(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try call.expectNoFields()
    try call.plane.deleteArtifact(try id(call), in: room)
    return .nothing(after: 0)
  }

  private static func id(_ call: Call) throws(Problem) -> ArtifactID {
    guard let number = UInt32(call["id"]) else {
      throw Problem(.notFound, "there is no artifact \(call["id"].prefix(80)); give its number")
    }
    return ArtifactID(number)
  }

  private static func image(_ call: Call, _ room: Room) throws(Problem) -> ServedImage {
    let id = try id(call)
    guard let image = call.plane.artifact(id, in: room) else {
      throw Problem(.notFound, "there is no artifact \(id)")
    }
    return image
  }

  // MARK: The description of an upload

  /// Reads what the query says about an image; throws a problem that lists every fault.
  static func description(_ query: Query) throws(Problem) -> ArtifactDescription {
    var faults: [Problem.Fault] = []
    /// Notes what is wrong with a value, and goes on.
    func take<Value>(_ body: () throws(InvalidValue) -> Value) -> Value? {
      do { return try body() } catch {
        faults.append(Problem.Fault(field: error.field, reason: error.reason))
        return nil
      }
    }
    func need(_ name: String) throws(InvalidValue) -> String {
      guard let value = query[name] else {
        throw InvalidValue(field: name, reason: "missing; give the query parameter \(name)")
      }
      return value
    }
    let name = take { () throws(InvalidValue) in try Name(try need("name")) }
    let version = take { () throws(InvalidValue) in try FirmwareVersion(try need("version")) }
    let hardware = take { () throws(InvalidValue) in try models(try need("hardware")) }
    let component = take { () throws(InvalidValue) in
      try Name(query["component"] ?? "os", field: "component")
    }
    let fileName = take { () throws(InvalidValue) in
      try Name(query["fileName"] ?? "\(query["name"] ?? "image").bin", field: "fileName")
    }
    let sha256 = take { () throws(InvalidValue) in try digest(query["sha256"]) }
    if let name, let version, let hardware, let component, let fileName, let sha256 {
      let description = take { () throws(InvalidValue) in
        try ArtifactDescription(
          name: name, version: version, hardware: hardware, component: component,
          fileName: fileName, sha256: sha256)
      }
      if let description { return description }
    }
    throw Problem(faults: faults)
  }

  private static func models(_ text: String) throws(InvalidValue) -> [Name] {
    var names: [Name] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      names.append(try Name(String(part), field: "hardware"))
    }
    return names
  }

  private static func digest(_ text: String?) throws(InvalidValue) -> Digest? {
    guard let text else { return nil }
    guard let digest = Digest(hex: text) else {
      throw InvalidValue(field: "sha256", reason: "give 64 hexadecimal digits or leave it out")
    }
    return digest
  }
}
