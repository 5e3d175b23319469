// MergePatch: changes to a JSON document, written as the document itself (RFC 7396).

extension JSON {
  /// The document after a merge patch (RFC 7396 section 2): members of the patch replace those of
  /// the document, objects are merged member by member, and null removes.
  ///
  /// Members that stay keep their place, new ones follow in the order of the patch. Recurses as
  /// deep as the patch, which the scanner has bounded.
  public func merging(_ patch: JSON) -> JSON {
    guard case .object(let changes) = patch else { return patch }
    var members = members ?? []
    for change in changes {
      let index = members.firstIndex { $0.key.utf8.elementsEqual(change.key.utf8) }
      if case .null = change.value {
        if let index { members.remove(at: index) }
      } else {
        let merged = (index.map { members[$0].value } ?? .null).merging(change.value)
        if let index {
          members[index] = Member(change.key, merged)
        } else {
          members.append(Member(change.key, merged))
        }
      }
    }
    return .object(members)
  }

  /// The patch that turns this object into another one; nil when they are equal. Members of equal
  /// value are left out, whatever their order.
  public func mergePatch(to other: JSON) -> JSON? {
    guard case .object(let before) = self, case .object(let after) = other else {
      return self == other ? nil : other
    }
    var changes: [Member] = []
    for member in before where other[member.key] == nil {
      changes.append(Member(member.key, .null))
    }
    for member in after {
      guard let old = self[member.key] else {
        changes.append(member)
        continue
      }
      if let change = old.mergePatch(to: member.value) {
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
