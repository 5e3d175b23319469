// UpdateOffer: the update that a poll offers, and what the server says about its steps.

public import UpdateModel

/// An update offered to this device, with what the server says about its steps.
public struct UpdateOffer: Equatable, Sendable {
  /// What to install.
  public var update: Update
  /// Whether the server lets it download now.
  public var download: Permission
  /// Whether the server lets it install now.
  public var install: Permission
  /// Whether the device may not postpone any more.
  public var isForced: Bool

  /// A permission of the server.
  public enum Permission: Equatable, Sendable {
    /// Go on.
    case allowed
    /// Wait; the reason is for people, the time for planning.
    case refused(reason: String, until: Instant?)

    init(_ document: JSON?) {
      guard let document, document["allowed"]?.bool != true else {
        self = document == nil ? .refused(reason: "the server did not say", until: nil) : .allowed
        return
      }
      self = .refused(
        reason: document["reason"]?.string ?? "the server gave no reason",
        until: document["until"]?.string.flatMap(Instant.init(rfc3339:)))
    }
  }

  /// Reads an offer.
  ///
  /// - Throws: `LinkError.malformedAnswer` that names the member.
  public init(_ document: JSON) throws(LinkError) {
    var images: [UpdateImage] = []
    for value in document["images"]?.array ?? [] { images.append(try UpdateImage(offered: value)) }
    let number = document["attempt"]?.integer.map { Int(clamping: $0) } ?? 1
    do throws(InvalidValue) {
      let update = Update(
        action: try Name(document["action"]?.string ?? "", field: "action"), attempt: number,
        kind: document["kind"]?.string == "rollback" ? .rollback : .update,
        release: try Name(document["release"]?["name"]?.string ?? "", field: "release"),
        version: try FirmwareVersion(document["release"]?["version"]?.string ?? ""),
        images: images, prepare: try UpdateOffer.actionName(document["prepare"]),
        resume: try UpdateOffer.actionName(document["resume"]))
      guard let update else {
        throw InvalidValue(
          field: "images", reason: "\(images.count) images are not 1 to \(Update.imagesMax)")
      }
      self.update = update
    } catch {
      throw .malformedAnswer("offer: \(error.field): \(error.reason)")
    }
    guard Set(images.map(\.component)).count == images.count else {
      throw .malformedAnswer("offer: a component occurs twice")
    }
    download = Permission(document["download"])
    install = Permission(document["install"])
    isForced = document["forced"]?.bool ?? false
  }

  private static func actionName(_ value: JSON?) throws(InvalidValue) -> Name? {
    guard let value, value != .null else { return nil }
    return try Name(value.string ?? "", field: "prepare or resume")
  }
}

extension UpdateImage {
  /// Larger images are a mistake of the server.
  private static let bytesMax: Int64 = 1 << 40

  /// Reads an image of an offer.
  init(offered document: JSON) throws(LinkError) {
    func text(_ key: String) throws(LinkError) -> String {
      guard let text = document[key]?.string else { throw .malformedAnswer("offer.images.\(key)") }
      return text
    }
    guard let size = document["size"]?.integer, (1...UpdateImage.bytesMax).contains(size) else {
      throw .malformedAnswer("offer.images.size")
    }
    guard let sha256 = Digest(hex: try text("sha256")) else {
      throw .malformedAnswer("offer.images.sha256")
    }
    let target = try text("url")
    // Only our own server: an answer must not send the device's token elsewhere.
    guard target.hasPrefix("/"), !target.hasPrefix("//") else {
      throw .malformedAnswer("offer.images.url")
    }
    let words = (
      component: try text("component"), name: try text("name"), file: try text("file"),
      version: try text("version"), signature: try text("signature")
    )
    do throws(InvalidValue) {
      var hardware: [Name] = []
      for value in document["hardware"]?.array ?? [] {
        hardware.append(try Name(value.string ?? "", field: "hardware"))
      }
      self.init(
        component: try Name(words.component, field: "component"), name: try Name(words.name),
        file: try Name(words.file, field: "file"), version: try FirmwareVersion(words.version),
        hardware: hardware, size: size, sha256: sha256, signature: words.signature,
        source: target)
    } catch {
      throw .malformedAnswer("offer.images: \(error.field): \(error.reason)")
    }
  }
}
