// ArtifactDocument: artifacts and releases as the JSON documents that are stored, and back.

internal import UpdateModel

/// Reads a stored document field by field; the first fault becomes the reason of the row.
func readDocument<Value>(
  _ document: JSON, _ read: (DocumentReader) -> Value?
) throws(RowFault) -> Value {
  let faults = DocumentReader.Faults()
  let value = read(DocumentReader(document, faults: faults))
  if let value, faults.list.isEmpty { return value }
  let first = faults.list.first.map { "\($0.field): \($0.reason)" }
  throw RowFault(first ?? "the document is not complete")
}

extension DocumentReader {
  func count(_ key: String) -> Int? { integer(key, in: 0...Int.max) }

  func instant(_ key: String) -> Instant? {
    integer(key, in: Int.min...Int.max).map { Instant(milliseconds: Int64($0)) }
  }

  func version(_ key: String) -> FirmwareVersion? {
    read(key, default: nil, allowed: "a version") { value in
      // A refused version becomes nil here and a fault with the path in `read`.
      value.string.flatMap { try? FirmwareVersion($0) }
    }
  }

  func digest(_ key: String) -> Digest? {
    read(key, default: nil, allowed: "64 hexadecimal digits") { $0.string.flatMap(Digest.init) }
  }

  func serial<Thing>(_ key: String) -> SerialID<Thing>? {
    integer(key, in: 0...Int(UInt32.max)).map { SerialID(UInt32($0)) }
  }

  /// Reads an array; nil after noting a fault when one element does not convert.
  func list<Element>(
    _ key: String, of what: String, _ convert: (JSON) -> Element?
  ) -> [Element]? {
    read(key, default: nil, allowed: "an array of \(what)") { value in
      guard let array = value.array else { return nil }
      let elements = array.compactMap(convert)
      return elements.count == array.count ? elements : nil
    }
  }
}

extension DocumentReader {
  fileprivate func storedForm(_ key: String) -> Artifact.StoredForm? {
    let form = object(key)
    guard let size = form.count("size"), let sha256 = form.digest("sha256") else { return nil }
    return Artifact.StoredForm(size: Int64(size), sha256: sha256)
  }
}

extension Artifact {
  /// The stored form without the id, which is in the key.
  var document: JSON {
    .members([
      "name": .string(name.text), "version": .string(version.text),
      "hardware": .array(hardware.map { .string($0.text) }), "component": .string(component.text),
      "fileName": .string(fileName.text), "size": .integer(size),
      "sha256": .string(sha256.description), "sha1": .string(sha1), "md5": .string(md5),
      "format": .string(format),
      "compressed": compressed.map { form in
        ["size": .integer(form.size), "sha256": .string(form.sha256.description)]
      },
      "signature": .string(signature), "keyID": .string(keyID),
      "createdAt": .integer(createdAt.milliseconds),
    ])
  }

  /// Reads the stored form.
  static func read(_ document: JSON, id: ArtifactID) throws(RowFault) -> Artifact {
    try readDocument(document) { reader in
      let anything = 0...Int(Int32.max)
      let hardware = reader.list("hardware", of: "names") { value in
        // A refused name becomes nil here and a fault of the list.
        value.string.flatMap { try? Name($0) }
      }
      let compressed = reader.has("compressed") ? reader.storedForm("compressed") : nil
      guard let name = reader.name("name"), let version = reader.version("version"),
        let hardware, let component = reader.name("component"),
        let fileName = reader.name("fileName"), let size = reader.count("size"),
        let sha256 = reader.digest("sha256"), let sha1 = reader.text("sha1", bytes: anything),
        let md5 = reader.text("md5", bytes: anything),
        let format = reader.text("format", bytes: anything),
        let signature = reader.text("signature", bytes: anything),
        let keyID = reader.text("keyID", bytes: anything),
        let createdAt = reader.instant("createdAt")
      else { return nil }
      guard !hardware.isEmpty else {
        reader.refuse("hardware", "empty; an artifact fits at least one hardware model")
        return nil
      }
      return Artifact(
        id: id, name: name, version: version, hardware: hardware, component: component,
        fileName: fileName, size: Int64(size), sha256: sha256, sha1: sha1, md5: md5,
        format: format, compressed: compressed, signature: signature,
        keyID: keyID, createdAt: createdAt)
    }
  }
}

extension Release {
  /// The stored form without the id, which is in the key.
  var document: JSON {
    let fixed = JSON.members([
      "name": .string(name.text), "version": .string(version.text), "notes": .string(notes),
      "artifacts": .array(artifacts.map { .integer(Int64($0.number)) }),
      "status": .string(status.rawValue), "createdAt": .integer(createdAt.milliseconds),
      "floor": floor.map { .integer(Int64($0.number)) },
      "rollbackFloor": rollbackFloor.map { .integer(Int64($0.number)) },
    ])
    return fixed.adding(terms.document)
  }

  /// Reads the stored form.
  static func read(_ document: JSON, id: ReleaseID) throws(RowFault) -> Release {
    try readDocument(document) { reader in
      let artifacts = reader.list("artifacts", of: "artifact numbers") { value in
        value.integer.flatMap { UInt32(exactly: $0) }.map { ArtifactID($0) }
      }
      guard let name = reader.name("name"), let version = reader.version("version"),
        let notes = reader.text("notes", bytes: 0...Int(Int32.max)), let artifacts,
        let status: Status = reader.choice("status"), let createdAt = reader.instant("createdAt"),
        let terms = Terms(reader)
      else { return nil }
      return Release(
        id: id, name: name, version: version, notes: notes, artifacts: artifacts, status: status,
        createdAt: createdAt, floor: reader.has("floor") ? reader.serial("floor") : nil,
        rollbackFloor: reader.has("rollbackFloor") ? reader.serial("rollbackFloor") : nil,
        terms: terms)
    }
  }
}
