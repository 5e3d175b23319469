// EvidenceDocument: the part of a rollout's evidence that its actions do not tell, and the gate's
// decisions, as stored JSON.

internal import RolloutEngine
internal import UpdateModel

extension Rollout {
  /// Strata, holds and what a person said; nil without evidence. Counters are not written, they are
  /// recounted from the actions.
  var evidenceDocument: JSON? {
    guard gathersEvidence else { return nil }
    return .members([
      "strata": .array(strata.map(\.document)), "stall": JSON(stall),
      "deliveryExcused": JSON(deliveryExcused), "returnForced": .bool(isReturnForced),
      "holdWaived": .bool(isHoldWaived), "hold": hold?.document,
    ])
  }

  mutating func restoreEvidence(from document: JSON) throws(RowFault) {
    let id = specification.id
    let policy = policy
    let poll = specification.pollInterval
    let parts = try readDocument(document) { reader -> RestoredEvidence? in
      guard let terms = policy.evidence, let readers = reader.objects("strata") else {
        reader.refuse("strata", "evidence of rollout \(id), whose policy gathers none")
        return nil
      }
      let strata = readers.compactMap { Stratum($0, terms: terms, poll: poll) }
      guard strata.count == readers.count, let stall = reader.count("stall"),
        let excused = reader.count("deliveryExcused"), let forced = reader.flag("returnForced"),
        let waived = reader.flag("holdWaived")
      else { return nil }
      let hold = reader.has("hold") ? Hold(reader.object("hold")) : nil
      return RestoredEvidence(
        strata: strata, stall: stall, hold: hold, isHoldWaived: waived, deliveryExcused: excused,
        isReturnForced: forced)
    }
    restore(parts)
  }
}

extension Stratum {
  fileprivate var document: JSON {
    .members([
      "label": .string(label), "size": JSON(size), "opened": JSON(opened),
      "bound": bound.map { .string(String($0)) },
      "excused": .array([JSON(excused.exposed), JSON(excused.reported), JSON(excused.lost)]),
      "quarantine": quarantine.map {
        .members(["since": .integer($0.since.milliseconds), "reason": .string($0.reason)])
      },
    ])
  }

  fileprivate init?(_ reader: DocumentReader, terms: Policy.Evidence, poll: Interval) {
    guard let label = reader.text("label", bytes: 1...4096), let size = reader.count("size"),
      let opened = reader.count("opened")
    else { return nil }
    let bound = reader.has("bound") ? reader.wide("bound") : nil
    var quarantine: Quarantine?
    if reader.has("quarantine") {
      let found = reader.object("quarantine")
      guard let since = found.instant("since"),
        let reason = found.text("reason", bytes: 0...65_536)
      else { return nil }
      quarantine = Quarantine(since: since, reason: reason)
    }
    var excused = Excused()
    if let counts = reader.value("excused")?.array?.compactMap({ $0.integer }), counts.count == 3 {
      (excused.exposed, excused.reported, excused.lost) =
        (Int(clamping: counts[0]), Int(clamping: counts[1]), Int(clamping: counts[2]))
    }
    self.init(label: label, size: size, evidence: terms, poll: poll)
    restore(opened: opened, bound: bound, quarantine: quarantine, excused: excused)
  }
}

extension Hold {
  fileprivate var document: JSON {
    switch self {
    case .stalled(let reason): .members(["stalled": .string(reason)])
    case .delivery(let failed, let granted):
      .members(["failed": JSON(failed), "granted": JSON(granted)])
    }
  }

  fileprivate init?(_ reader: DocumentReader) {
    if reader.has("stalled") {
      guard let reason = reader.text("stalled", bytes: 0...65_536) else { return nil }
      self = .stalled(reason)
    } else {
      guard let failed = reader.count("failed"), let granted = reader.count("granted") else {
        return nil
      }
      self = .delivery(failed: failed, granted: granted)
    }
  }
}

extension Opening {
  var document: JSON {
    .members([
      "stratum": JSON(stratum), "count": JSON(count), "bound": .string(String(bound)),
    ])
  }

  init?(_ reader: DocumentReader) {
    guard let stratum = reader.count("stratum"), let count = reader.count("count"),
      let bound = reader.wide("bound")
    else { return nil }
    self.init(stratum: stratum, count: count, bound: bound)
  }
}

extension Row {
  /// Reads a safeguard that follows its tenant.
  mutating func safeguard() throws(RowFault) -> Safeguard {
    let id: Int = try number()
    let filter: DeviceFilter
    do { filter = try DeviceFilter(text()) } catch { throw RowFault(error.reason) }
    let reason = text()
    let rollout: RolloutID = try serial()
    return Safeguard(
      id: id, filter: filter, reason: reason, rollout: rollout, since: try instant())
  }
}
