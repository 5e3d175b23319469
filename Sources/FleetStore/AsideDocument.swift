// AsideDocument: what was added to actions, rollouts and devices in version 2 of the file, as JSON.

internal import RolloutEngine
internal import UpdateModel

extension Aside {
  /// The stored form.
  var document: JSON {
    switch self {
    case .standby(let standby): standby.document
    case .yielded(let rollout, let since):
      ["yielded": .integer(since.milliseconds), "rollout": .integer(Int64(rollout.number))]
    case .superseded(let rollout, let since):
      ["superseded": .integer(since.milliseconds), "rollout": .integer(Int64(rollout.number))]
    }
  }

  /// Reads the stored form.
  static func read(_ document: JSON) throws(RowFault) -> Aside {
    try readDocument(document) { reader in
      if reader.has("postponed") {
        guard let since = reader.instant("postponed"),
          let reason = reader.text("reason", bytes: 0...Int(Int32.max))
        else { return nil }
        // As it was written before there were other reasons to wait.
        return .postponed(since: since, reason: reason)
      }
      if reader.has("standby") { return Standby(reader).map(Aside.standby) }
      guard let rollout: RolloutID = reader.serial("rollout") else { return nil }
      if reader.has("yielded") {
        return reader.instant("yielded").map { .yielded(to: rollout, since: $0) }
      }
      return reader.instant("superseded").map { .superseded(by: rollout, since: $0) }
    }
  }
}

extension Standby {
  /// The stored form.
  fileprivate var document: JSON {
    let (kind, words): (String?, String) =
      switch cause {
      case .device(let reason): (nil, reason)
      case .hindrance(let kind, let clause): (kind.rawValue, clause)
      }
    var decided: (since: Instant?, forced: Bool, by: String?) = (nil, false, nil)
    switch ruling {
    case .none: break
    case .undecided(let since): decided = (since, false, nil)
    case .forced(let person, let since): decided = (since, true, person)
    }
    return .members([
      "standby": .integer(since.milliseconds), "kind": kind.map { .string($0) },
      "reason": .string(words), "putOff": putOffSince.map { .integer($0.milliseconds) },
      "count": count == 0 ? nil : JSON(count), "hasImage": hasImage ? true : nil,
      "decidedAt": decided.since.map { .integer($0.milliseconds) },
      "forced": decided.forced ? true : nil, "forcedBy": decided.by.map { .string($0) },
    ])
  }

  /// Reads the stored form.
  fileprivate init?(_ reader: DocumentReader) {
    let anything = 0...Int(Int32.max)
    let hasKind = reader.has("kind")
    let kind: Hindrance.Kind? = hasKind ? reader.choice("kind") : nil
    guard let since = reader.instant("standby"), !hasKind || kind != nil,
      let reason = reader.text("reason", bytes: anything),
      let count = reader.integer("count", default: 0, in: 0...Int.max),
      let hasImage = reader.flag("hasImage", default: false),
      let isForced = reader.flag("forced", default: false)
    else { return nil }
    var ruling = Ruling.none
    if reader.has("decidedAt") {
      guard let decidedAt = reader.instant("decidedAt") else { return nil }
      let person = reader.has("forcedBy") ? reader.text("forcedBy", bytes: anything) : nil
      ruling = isForced ? .forced(by: person, since: decidedAt) : .undecided(since: decidedAt)
    }
    self.init(
      cause: kind.map { .hindrance($0, reason) } ?? .device(reason), since: since,
      putOffSince: reader.has("putOff") ? reader.instant("putOff") : nil, count: count,
      hasImage: hasImage, ruling: ruling)
  }
}

extension RolloutTerms {
  /// Reads the terms of a stored rollout; those of older files name none.
  init?(stored reader: DocumentReader) {
    let priority = reader.integer(
      "priority", default: RolloutTerms.usualPriority, in: RolloutTerms.priorities)
    let hasStart = reader.has("startAt")
    let startAt = hasStart ? reader.instant("startAt") : nil
    let hasEnd = reader.has("endAt")
    let endAt = hasEnd ? reader.instant("endAt") : nil
    let hasOverride = reader.has("override")
    let override: Override? = hasOverride ? reader.choice("override") : nil
    let isRecovery = reader.flag("recovery", default: false) ?? false
    guard let priority, !hasStart || startAt != nil, !hasEnd || endAt != nil,
      !hasOverride || override != nil
    else { return nil }
    do {
      try self.init(
        priority: priority, startAt: startAt, endAt: endAt, isRecovery: isRecovery,
        isSecurity: override == .security)
    } catch {
      reader.refuse(error.field, error.reason)
      return nil
    }
  }
}

/// Releases as an array of their numbers; nil when there are none.
func releasesText(_ releases: [ReleaseID]) -> String? {
  releases.isEmpty ? nil : JSON.array(releases.map { .integer(Int64($0.number)) }).line
}

extension Row {
  mutating func releases() throws(RowFault) -> [ReleaseID] {
    guard let array = try json().array else { throw RowFault("the releases are no array") }
    let numbers = array.compactMap { $0.integer.flatMap(UInt32.init(exactly:)) }
    guard numbers.count == array.count else { throw RowFault("a release is no number") }
    return numbers.map { ReleaseID($0) }
  }
}
