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
    switch view.columns[test.field] ?? .nothing {
    case .nothing:
      return test.holds(for: nil, at: now) == true
        ? candidates : [Bool](repeating: false, count: candidates.count)
    case .coded(let codes, let values, let unlisted):
      return filter(test, candidates, codes, values, unlisted)
    case .times(let times):
      return select(candidates) { index in
        let time = times[index]
        return test.holds(for: time == .epoch ? nil : .time(time), at: now) == true
      }
    case .ids:
      if let wanted = test.wantedTexts {
        // The usual question for a few devices; no text is made for the million others.
        return select(candidates) { index in
          view.ids.withBytes(index) { id in wanted.contains { $0.elementsEqual(id) } }
        }
      }
      return select(candidates) { index in
        test.holds(for: .text(view.ids.text(index)), at: now) == true
      }
    }
  }

  // Each value is judged once, when it is met first.
  private func filter(
    _ test: QueryTest, _ candidates: [Bool], _ codes: ContiguousArray<UInt32>,
    _ values: ContiguousArray<QueryValue?>, _ unlisted: [Int: QueryValue]
  ) -> [Bool] {
    var verdicts = ContiguousArray<Bool?>(repeating: nil, count: values.count)
    var numbers = ContiguousArray<Bool?>(repeating: nil, count: ShardMask.smallNumbers)
    func judge(_ value: QueryValue?) -> Bool { test.holds(for: value, at: now) == true }
    return select(candidates) { index in
      let code = codes[index]
      if let number = FieldColumn.number(code) {
        guard (0..<Int64(ShardMask.smallNumbers)).contains(number) else {
          return judge(.json(.integer(number)))
        }
        if let known = numbers[Int(number)] { return known }
        let verdict = judge(.json(.integer(number)))
        numbers[Int(number)] = verdict
        return verdict
      }
      if code == FieldColumn.unlisted { return judge(unlisted[index]) }
      if let known = verdicts[Int(code)] { return known }
      let verdict = judge(values[Int(code)])
      verdicts[Int(code)] = verdict
      return verdict
    }
  }

  // Percentages, counts of attempts, degrees: most numbers that devices report.
  private static let smallNumbers = 1024

  private func select(_ candidates: [Bool], _ holds: (Int) -> Bool) -> [Bool] {
    var mask = candidates
    for index in candidates.indices where candidates[index] { mask[index] = holds(index) }
    return mask
  }
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
