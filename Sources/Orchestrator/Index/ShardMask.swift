// ShardMask: which devices of a shard meet a query, condition by condition and value by value.

import UpdateModel

/// Evaluates queries over a shard.
struct ShardMask {
  let view: ShardView
  let now: Instant

  /// All devices.
  var everything: [Bool] { Array(view.isLive) }

  /// Those among `candidates` that meet an expression.
  func filter(_ expression: QueryExpression, _ candidates: [Bool]) -> [Bool] {
    switch expression {
    case .constant(let value):
      return value ? candidates : [Bool](repeating: false, count: candidates.count)
    case .test(let test): return filter(test, candidates)
    case .not(let part):
      var mask = candidates
      remove(filter(part, candidates), from: &mask)
      return mask
    case .all(let parts):
      var mask = candidates
      for part in parts { mask = filter(part, mask) }
      return mask
    case .any(let parts):
      // Who has met one part need not be asked again.
      var rest = candidates
      var mask = [Bool](repeating: false, count: candidates.count)
      for part in parts {
        let met = filter(part, rest)
        remove(met, from: &rest)
        for index in met.indices where met[index] { mask[index] = true }
      }
      return mask
    }
  }

  private func remove(_ met: [Bool], from mask: inout [Bool]) {
    for index in met.indices where met[index] { mask[index] = false }
  }

  private func filter(_ test: QueryTest, _ candidates: [Bool]) -> [Bool] {
    var mask = candidates
    switch view.columns[test.field] ?? .nothing {
    case .nothing:
      if test.holds(for: nil, at: now) != true {
        mask = [Bool](repeating: false, count: candidates.count)
      }
    case .coded(let column): judge(column, test, &mask)
    case .times(let times):
      for index in mask.indices where mask[index] {
        let time = times[index]
        mask[index] = test.holds(for: time == .epoch ? nil : .time(time), at: now) == true
      }
    case .ids: judgeIDs(test, &mask)
    }
    return mask
  }

  private func judgeIDs(_ test: QueryTest, _ mask: inout [Bool]) {
    if let wanted = test.wantedTexts {
      // The usual question for a few devices; no text is made for the million others.
      for index in mask.indices where mask[index] {
        mask[index] = view.ids.withBytes(index) { id in
          wanted.contains { $0.count == id.count && $0.elementsEqual(id) }
        }
      }
      return
    }
    for index in mask.indices where mask[index] {
      mask[index] = test.holds(for: .text(view.ids.text(index)), at: now) == true
    }
  }

  // Each value is judged once, when it is met first.
  private func judge(_ column: CodedView, _ test: QueryTest, _ mask: inout [Bool]) {
    var verdicts = ContiguousArray<Bool?>(repeating: nil, count: column.values.count)
    var numbers = ContiguousArray<Bool?>(repeating: nil, count: ShardMask.smallNumbers)
    for index in mask.indices where mask[index] {
      let code = column.codes[index]
      if let number = column.number(at: index) {
        let isSmall = number >= 0 && number < Int64(ShardMask.smallNumbers)
        if isSmall, let known = numbers[Int(number)] {
          mask[index] = known
          continue
        }
        mask[index] = test.holds(for: .json(.integer(number)), at: now) == true
        if isSmall { numbers[Int(number)] = mask[index] }
      } else if code == FieldColumn.unlisted {
        mask[index] = test.holds(for: column.unlisted(index), at: now) == true
      } else if let known = verdicts[Int(code)] {
        mask[index] = known
      } else {
        mask[index] = test.holds(for: column.values[Int(code)], at: now) == true
        verdicts[Int(code)] = mask[index]
      }
    }
  }

  // Percentages, counts of attempts, degrees: most numbers that devices report.
  private static let smallNumbers = 1024
}

extension QueryTest {
  // The texts of which the value must be one; nil for other conditions.
  fileprivate var wantedTexts: [[UInt8]]? {
    let literals: [QueryLiteral]
    switch relation {
    case .compares(.equal, let literal): literals = [literal]
    case .isIn(let list): literals = list
    default: return nil
    }
    let texts = literals.compactMap { literal -> [UInt8]? in
      if case .text(let text) = literal { Array(text.text.utf8) } else { nil }
    }
    return texts.count == literals.count ? texts : nil
  }
}
