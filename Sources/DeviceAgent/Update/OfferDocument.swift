// OfferDocument: an offer of the server, or the manifest of a local file, from JSON to checked
// values.

public import UpdateModel

extension Update {
  /// Reads the member `offer` of a poll's answer; unknown members are ignored.
  public init(offer: JSON) throws(InvalidValue) {
    let document = OfferDocument(offer, "offer")
    guard let elements = offer["images"]?.array else {
      throw InvalidValue(field: "offer.images", reason: "is missing; the offer has nothing in it")
    }
    guard elements.count <= Update.imagesMax else {
      throw InvalidValue(
        field: "offer.images",
        reason: "has \(elements.count) images; this agent takes \(Update.imagesMax)")
    }
    var images: [UpdateImage] = []
    for element in elements { images.append(try UpdateImage(document: element)) }
    let release = OfferDocument(offer["release"] ?? .null, "offer.release")
    let attempt = offer["attempt"]?.integer ?? 1
    guard (1...1_000_000).contains(attempt) else {
      throw InvalidValue(field: "offer.attempt", reason: "\(attempt) is not 1 to 1000000")
    }
    let update = Update(
      action: try document.name("action"), attempt: Int(attempt),
      kind: offer["kind"]?.string.flatMap(Kind.init) ?? .update, release: try release.name("name"),
      version: try release.version("version"), images: images,
      prepare: try document.optionalName("prepare"), resume: try document.optionalName("resume"))
    guard let update else {
      throw InvalidValue(
        field: "offer.images", reason: "is empty or has two images for one component")
    }
    self = update
  }
}

extension UpdateImage {
  /// Bytes of the longest path that is taken.
  public static let sourceBytesMax = 2048

  /// Reads one image of an offer, or a manifest; unknown members are ignored.
  public init(document value: JSON) throws(InvalidValue) {
    let document = OfferDocument(value, "image")
    guard let size = value["size"]?.integer, (1...ImageTrust.imageBytesMax).contains(size) else {
      throw InvalidValue(
        field: "image.size", reason: "is not a whole number from 1 to \(ImageTrust.imageBytesMax)")
    }
    guard let sha256 = value["sha256"]?.string.flatMap(Digest.init(hex:)) else {
      throw InvalidValue(field: "image.sha256", reason: "is not 64 hexadecimal digits")
    }
    guard let signature = value["signature"]?.string, signature.utf8.count == 128 else {
      throw InvalidValue(field: "image.signature", reason: "is not 128 hexadecimal digits")
    }
    guard let models = value["hardware"]?.array, (1...64).contains(models.count) else {
      throw InvalidValue(field: "image.hardware", reason: "is not a list of 1 to 64 names")
    }
    var hardware: [Name] = []
    for model in models { hardware.append(try Name(model.string ?? "", field: "image.hardware")) }
    let source = value["url"]?.string ?? ""
    guard source.utf8.count <= UpdateImage.sourceBytesMax else {
      throw InvalidValue(
        field: "image.url", reason: "is longer than \(UpdateImage.sourceBytesMax) bytes")
    }
    self.init(
      component: try document.name("component"), name: try document.name("name"),
      file: try document.name("file"), version: try document.version("version"),
      hardware: hardware, size: size, sha256: sha256, signature: signature, source: source)
  }
}

/// Reads fields of one object with errors that name them.
private struct OfferDocument {
  let value: JSON
  let path: String

  init(_ value: JSON, _ path: String) {
    self.value = value
    self.path = path
  }

  func name(_ key: String) throws(InvalidValue) -> Name {
    try Name(value[key]?.string ?? "", field: "\(path).\(key)")
  }

  func optionalName(_ key: String) throws(InvalidValue) -> Name? {
    guard let text = value[key]?.string else { return nil }
    return try Name(text, field: "\(path).\(key)")
  }

  func version(_ key: String) throws(InvalidValue) -> FirmwareVersion {
    do throws(InvalidValue) { return try FirmwareVersion(value[key]?.string ?? "") } catch {
      throw InvalidValue(field: "\(path).\(key)", reason: error.reason)
    }
  }
}
