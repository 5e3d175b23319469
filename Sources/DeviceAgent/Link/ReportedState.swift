// ReportedState: what the device says of itself, and the difference to what the server knows.

public import UpdateModel

/// JSON merge patches (RFC 7396) between two states of a device.
public enum MergePatch {
  /// The patch that makes `new` of `old`; nil when nothing differs.
  ///
  /// Members that are null in `new` count as missing, since a patch cannot say otherwise.
  public static func difference(from old: JSON, to new: JSON) -> JSON? {
    guard let before = old.members, let after = new.members else { return old == new ? nil : new }
    var changes: [JSON.Member] = []
    for member in after where member.value != .null {
      let value = member.value
      guard let known = old[member.key] else {
        changes.append(JSON.Member(member.key, withoutNulls(value)))
        continue
      }
      // An object is patched member by member, anything else is replaced.
      if known.members != nil, value.members != nil {
        if let inner = difference(from: known, to: value) {
          changes.append(JSON.Member(member.key, inner))
        }
      } else if known != value {
        changes.append(JSON.Member(member.key, withoutNulls(value)))
      }
    }
    for member in before where (new[member.key] ?? .null) == .null {
      changes.append(JSON.Member(member.key, .null))
    }
    return changes.isEmpty ? nil : .object(changes)
  }

  /// The whole state as a patch, which also takes away what only `old` has.
  public static func everything(_ new: JSON, after old: JSON) -> JSON {
    let stale = (old.members ?? []).filter { (new[$0.key] ?? .null) == .null }
    let present = withoutNulls(new).members ?? []
    return .object(present + stale.map { JSON.Member($0.key, .null) })
  }

  /// A value without the null members of its objects.
  public static func withoutNulls(_ value: JSON) -> JSON {
    guard let members = value.members else { return value }
    return .object(
      members.filter { $0.value != .null }.map { JSON.Member($0.key, withoutNulls($0.value)) })
  }
}

/// The state that the server has acknowledged, kept over restarts.
struct ReportedState {
  static let fileName = "acknowledged.json"
  /// The server takes no more, in bytes and in levels.
  static let bytesMax = 32 << 10
  static let depthMax = 8

  private let state: StateDirectory
  /// What the server knows.
  private(set) var acknowledged: JSON

  init(_ state: StateDirectory) throws(LinkError) {
    self.state = state
    do throws(LinkError) {
      acknowledged = try state.document(ReportedState.fileName) ?? .object([])
    } catch {
      guard case .damaged = error else { throw error }
      acknowledged = .object([])  // the next patch says everything again
    }
  }

  /// Tells the server what changed, or everything.
  ///
  /// - Returns: whether something was sent.
  mutating func send(
    _ present: JSON, everything: Bool, through session: DeviceSession
  ) throws(LinkError) -> Bool {
    let present = MergePatch.withoutNulls(present)
    let patch =
      everything
      ? MergePatch.everything(present, after: acknowledged)
      : MergePatch.difference(from: acknowledged, to: present)
    guard let patch else { return false }
    try session.send("PATCH", session.path("twin"), document: ["reported": patch])
    try state.write(present, to: ReportedState.fileName)
    acknowledged = present
    return true
  }

  /// Reads the file that the product rewrites; the reason when it cannot be used.
  static func product(_ path: String) throws(LinkError) -> JSON {
    guard let bytes = try StateDirectory.read(path, atMost: bytesMax) else { return .object([]) }
    do throws(JSONError) {
      let document = try JSON.parse(bytes)
      guard let members = document.members else {
        throw JSONError(line: 1, reason: "it is no object")
      }
      guard depth(document) < depthMax else {
        throw JSONError(line: 1, reason: "it has more than \(depthMax - 1) levels")
      }
      // The server writes this one.
      return .object(members.filter { $0.key != "update" })
    } catch {
      throw .damaged(path: path, reason: error.description)
    }
  }

  private static func depth(_ value: JSON) -> Int {
    switch value {
    case .array(let elements): 1 + (elements.map(depth).max() ?? 0)
    case .object(let members): 1 + (members.map { depth($0.value) }.max() ?? 0)
    default: 0
    }
  }
}
