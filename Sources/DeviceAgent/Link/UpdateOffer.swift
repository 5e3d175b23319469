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
    do throws(InvalidValue) {
      update = try Update(offer: document)
    } catch {
      throw .malformedAnswer("\(error.field): \(error.reason)")
    }
    // Only our own server: an answer must not send the device's token elsewhere.
    for image in update.images {
      guard image.source.hasPrefix("/"), !image.source.hasPrefix("//") else {
        throw .malformedAnswer("offer.images: the url of \(image.file) is no path")
      }
    }
    download = Permission(document["download"])
    install = Permission(document["install"])
    isForced = document["forced"]?.bool ?? false
  }
}
