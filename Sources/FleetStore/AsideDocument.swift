// AsideDocument: what was added to actions, rollouts and devices in version 2 of the file, as JSON.

internal import RolloutEngine
internal import UpdateModel

extension Aside {
  /// The stored form.
  var document: JSON {
    switch self {
    case .postponed(let since, let reason):
      ["postponed": .integer(since.milliseconds), "reason": .string(reason)]
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
        return .postponed(since: since, reason: reason)
      }
      guard let rollout: RolloutID = reader.serial("rollout") else { return nil }
      if reader.has("yielded") {
        return reader.instant("yielded").map { .yielded(to: rollout, since: $0) }
      }
      return reader.instant("superseded").map { .superseded(by: rollout, since: $0) }
    }
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
    guard let priority, !hasStart || startAt != nil, !hasEnd || endAt != nil else { return nil }
    let isRecovery = reader.flag("recovery", default: false) ?? false
    do {
      try self.init(priority: priority, startAt: startAt, endAt: endAt, isRecovery: isRecovery)
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
