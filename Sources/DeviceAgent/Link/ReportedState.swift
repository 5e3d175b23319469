// ReportedState: what the device says of itself, and the difference to what the server knows.

import UpdateModel

extension JSON {
  /// The value without the null members of its objects, which no merge patch (RFC 7396) can set.
  var withoutNulls: JSON {
    guard let members else { return self }
    return .object(
      members.filter { $0.value != .null }.map { Member($0.key, $0.value.withoutNulls) })
  }

  /// A patch that says this state whole, and takes away what only `old` has.
  func patchOfEverything(after old: JSON) -> JSON {
    let stale = (old.members ?? []).filter { self[$0.key] == nil }
    return .object((members ?? []) + stale.map { Member($0.key, .null) })
  }
}

/// The state that the server has acknowledged, kept over restarts.
struct ReportedState {
  static let fileName = "acknowledged.json"
  /// The server takes no more.
  static let bytesMax = Twin.Part.reported.bytesMax

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
    let present = present.withoutNulls
    let patch =
      everything
      ? present.patchOfEverything(after: acknowledged) : acknowledged.mergePatch(to: present)
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
      guard document.depth <= Twin.depthMax else {
        throw JSONError(line: 1, reason: "it has more than \(Twin.depthMax) levels")
      }
      // The server writes this one.
      return .object(members.filter { $0.key != "update" })
    } catch {
      throw .damaged(path: path, reason: error.description)
    }
  }
}
