// PollAnswer: what the server says to a poll, as values; what is not understood is an error and
// never a guess.

public import UpdateModel

/// The answer to a poll.
public struct PollAnswer: Equatable, Sendable {
  /// Bounds on what one answer may hold; the protocol promises less.
  enum Limits {
    static let commands = 32
  }

  /// The server's time.
  public var time: Instant?
  /// Seconds until the next poll, when said.
  public var pollAfter: Int?
  /// Whether the server keeps this device from the fleet.
  public var isQuarantined: Bool
  /// Whether the server wants the whole reported state.
  public var asksForReported: Bool
  /// The desired properties, when they are newer than ours.
  public var desired: Desired?
  /// Commands to be done, oldest first.
  public var commands: [DeviceCommand]
  /// The update that is offered.
  public var offer: UpdateOffer?
  /// The action to be stopped.
  public var cancelledAction: Name?

  /// What people want the device to be.
  public struct Desired: Equatable, Sendable {
    /// Counts the changes, 1 or more.
    public var version: Int64
    /// Complete: what is not here is not desired any more.
    public var properties: JSON
  }

  /// Reads an answer.
  ///
  /// - Throws: `LinkError.malformedAnswer` that names the member.
  public init(_ document: JSON) throws(LinkError) {
    guard document.members != nil else { throw .malformedAnswer("it is no object") }
    time = document["time"]?.string.flatMap(Instant.init(rfc3339:))
    pollAfter = document["pollAfter"]?.integer.map { Int(clamping: $0) }
    isQuarantined = document["state"]?.string == "quarantined"
    asksForReported = (document["ask"]?.array ?? []).contains("reported")
    if let value = document["desired"], value != .null {
      guard let version = value["version"]?.integer, version >= 0,
        let properties = value["properties"], properties.members != nil
      else { throw .malformedAnswer("desired") }
      desired = Desired(version: version, properties: properties)
    }
    let list = document["commands"]?.array ?? []
    guard list.count <= Limits.commands else { throw .malformedAnswer("commands: too many") }
    commands = []
    for value in list { commands.append(try DeviceCommand(value)) }
    if let value = document["offer"], value != .null { offer = try UpdateOffer(value) }
    if let value = document["cancel"], value != .null {
      // Whatever is wrong with it, there is nothing to stop then.
      guard let action = try? Name(value["action"]?.string ?? "") else {
        throw .malformedAnswer("cancel.action")
      }
      cancelledAction = action
    }
  }
}

/// A command of the server.
public struct DeviceCommand: Equatable, Sendable {
  /// Its number at the server, 1-64 characters of `A-Z a-z 0-9 . _ -`.
  public var id: Name
  /// What to do.
  public var name: String
  /// With what; an object, empty when none was given.
  public var arguments: JSON
  /// When it is worth nothing any more.
  public var expires: Instant?

  init(_ document: JSON) throws(LinkError) {
    // It becomes a part of paths and of file names, so it is a name; the error says which is not.
    guard let text = document["id"]?.string, let id = try? Name(text) else {
      throw .malformedAnswer("commands: an id is no name")
    }
    guard let name = document["name"]?.string, (1...64).contains(name.utf8.count) else {
      throw .malformedAnswer("commands: command \(id) has no name")
    }
    self.id = id
    self.name = name
    arguments = document["arguments"].flatMap { $0.members == nil ? nil : $0 } ?? .object([])
    expires = document["expires"]?.string.flatMap(Instant.init(rfc3339:))
  }
}
