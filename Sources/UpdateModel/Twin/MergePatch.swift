// MergePatch: changes to a JSON document, written as the document itself (RFC 7396).

extension JSON {
  /// The document after a merge patch (RFC 7396 section 2): members of the patch replace those of
  /// the document, objects are merged member by member, and null removes.
  ///
  /// Members that stay keep their place, new ones follow in the order of the patch. Recurses as
  /// deep as the patch, which the scanner has bounded. The work grows with the sum of the members,
  /// never with their product: patches come from outside.
  public func merging(_ patch: JSON) -> JSON {
    guard case .object(let changes) = patch else { return patch }
    var kept: [Member?] = members ?? []
    var places = MemberPlaces(of: members ?? [], lookups: changes.count)
    for change in changes {
      let place = places.place(of: change.key, in: kept)
      if case .null = change.value {
        guard let place else { continue }
        // A gap, so that nothing moves.
        kept[place] = nil
        places.note(change.key, at: nil)
        continue
      }
      let present = place.flatMap { kept[$0]?.value } ?? .null
      let merged = Member(change.key, present.merging(change.value))
      if let place {
        kept[place] = merged
      } else {
        places.note(change.key, at: kept.count)
        kept.append(merged)
      }
    }
    return .object(kept.compactMap { $0 })
  }

  /// The patch that turns this object into another one; nil when they are equal. Members of equal
  /// value are left out, whatever their order.
  public func mergePatch(to other: JSON) -> JSON? {
    guard case .object(let before) = self, case .object(let after) = other else {
      return self == other ? nil : other
    }
    let placesBefore = MemberPlaces(of: before, lookups: after.count)
    let placesAfter = MemberPlaces(of: after, lookups: before.count)
    var changes: [Member] = []
    for member in before where placesAfter.place(of: member.key, in: after) == nil {
      changes.append(Member(member.key, .null))
    }
    for member in after {
      guard let place = placesBefore.place(of: member.key, in: before) else {
        changes.append(member)
        continue
      }
      if let change = before[place].value.mergePatch(to: member.value) {
        changes.append(Member(member.key, change))
      }
    }
    return changes.isEmpty ? nil : .object(changes)
  }

  /// Levels of arrays and objects: 0 for a plain value.
  public var depth: Int {
    switch self {
    case .null, .bool, .integer, .decimal, .string: 0
    case .array(let elements): 1 + (elements.map(\.depth).max() ?? 0)
    case .object(let members): 1 + (members.map(\.value.depth).max() ?? 0)
    }
  }

  /// What stands at a path of members, such as `["battery", "percent"]`; nil when nothing does.
  public subscript(path path: some Sequence<String>) -> JSON? {
    var value = self
    for key in path {
      guard let next = value[key] else { return nil }
      value = next
    }
    return value
  }
}

/// Where the members of an object stand, by their names to the byte.
private struct MemberPlaces {
  // So few look-ups are done sooner than a table is made of all members.
  private static let walksMax = 8

  private var table: [ExactText: Int]?

  init(of members: [JSON.Member], lookups: Int) {
    guard lookups > MemberPlaces.walksMax else { return }
    var table: [ExactText: Int] = [:]
    table.reserveCapacity(members.count)
    for (place, member) in members.enumerated() { table[ExactText(member.key)] = place }
    self.table = table
  }

  func place(of key: String, in members: [JSON.Member]) -> Int? {
    if let table { return table[ExactText(key)] }
    return members.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
  }

  func place(of key: String, in members: [JSON.Member?]) -> Int? {
    if let table { return table[ExactText(key)] }
    return members.firstIndex { $0?.key.utf8.elementsEqual(key.utf8) ?? false }
  }

  mutating func note(_ key: String, at place: Int?) { table?[ExactText(key)] = place }
}
