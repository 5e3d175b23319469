// UpdateTwin: operators change tags and desired properties, devices what they report.

import FleetStore
import RolloutEngine
public import UpdateModel

extension ControlPlane {
  /// Changes the tags or the desired properties of a device by a merge patch (RFC 7396).
  ///
  /// `expected` is the version that the caller saw; another one is a conflict.
  public func changeTwin(
    of device: DeviceID, _ part: Twin.Part, by patch: JSON, expected: UInt64? = nil, in room: Room
  ) throws(Problem) -> (section: TwinSection, ticket: UInt64) {
    precondition(part != .reported, "what is reported is the device's own")
    let now = clock.now
    do throws(InvalidValue) { try Twin.checkPatch(patch, of: part) } catch { throw Problem(error) }
    var section = TwinSection()
    let ticket = try change(device, in: room) { (known) throws(Problem) in
      try ControlPlane.require(expected, known.twin[part], part)
      do throws(InvalidValue) { try known.twin.merge(patch, into: part, at: now) } catch {
        throw Problem(error)
      }
      section = known.twin[part]
    }
    return (section, ticket)
  }

  /// Takes over what a device reports by a merge patch (RFC 7396); what it is told about its update
  /// is the server's, so the member `update` is refused.
  public func report(
    by device: DeviceID, _ patch: JSON, expected: UInt64? = nil, in room: Room
  ) throws(Problem) -> (section: TwinSection, ticket: UInt64) {
    guard patch[Twin.updateProperty] == nil else {
      throw Problem(
        InvalidValue(
          field: "reported.\(Twin.updateProperty)",
          reason: "is written by the server; report on an update with its own request"))
    }
    // Nobody waits while a patch that is too large is counted.
    do throws(InvalidValue) { try Twin.checkPatch(patch, of: .reported) } catch {
      throw Problem(error)
    }
    return try report(of: device, in: room) { (known, now) throws(Problem) in
      try ControlPlane.require(expected, known.twin.reported, .reported)
      do throws(InvalidValue) { try known.twin.merge(patch, into: .reported, at: now) } catch {
        throw Problem(error)
      }
      return patch
    }
  }

  private static func require(
    _ expected: UInt64?, _ section: TwinSection, _ part: Twin.Part
  ) throws(Problem) {
    guard let expected, expected != section.version else { return }
    throw Problem(
      .preconditionFailed,
      "\(part.rawValue) has version \(section.version) by now, not \(expected); read it again")
  }

  /// The way of everything that a device reports: `body` changes the twin and returns the
  /// properties that were sent.
  func report(
    of device: DeviceID, in room: Room,
    _ body: (inout Device, Instant) throws(Problem) -> JSON
  ) throws(Problem) -> (section: TwinSection, ticket: UInt64) {
    try requireStore()
    let now = clock.now
    let key = DeviceKey(tenant: room.tenant, device: device)
    return try room.ledger.withLock { ledger throws(Problem) in
      guard var (known, _) = room.fleet.device(key) else {
        throw Problem(.notFound, "there is no device \(device)")
      }
      let before = known
      let sent = try body(&known, now)
      // What an operator registered stands; a device may only name its model when nobody did.
      if known.hardware == nil,
        let text = ReportedAttribute.hardware.value(in: known.twin.reported)
      {
        known.hardware = try? Name(text)  // a model that is no name fits no artifact
      }
      // What it ran binds it for good, so it is noted before it can go on to something else.
      known.ran = ledger.guardians(ranBy: before, known).map(\.id)
      let names = sent.members?.map(\.key) ?? []
      let spoke = names.contains(where: ControlPlane.tellsWhatRuns)
      room.fleet.put(
        known, lastSeen: now, wantsAttributes: false, versionReportedAt: spoke ? now : nil)
      room.noteChange()
      measure(before, known, sent: sent, in: room, &ledger, now: now)
      if known != before {
        var changes = [Change.device(known)]
        let isImageTold = names.contains(where: ReportedAttribute.imageDigest.spellings.contains)
        if let run = DeviceRun(of: known, after: before, isImageTold: isImageTold, at: now) {
          changes.append(.deviceRun(run))
        }
        ledger.lastTicket = store.enqueue(changes)
      }
      // Only then: it may put the device into quarantine, which an older record would undo.
      if names.contains("bootId") { noticeBoot(known, in: room, &ledger, at: now) }
      return (known.twin.reported, ledger.lastTicket)
    }
  }

  static func tellsWhatRuns(_ key: String) -> Bool {
    ReportedAttribute.version.spellings.contains(key)
      || ReportedAttribute.imageDigest.spellings.contains(key)
  }
}

extension Twin {
  /// The reported property in which the server shows how the update of a device goes.
  public static let updateProperty = "update"
}
