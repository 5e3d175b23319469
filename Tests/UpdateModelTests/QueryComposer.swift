// QueryComposer: random queries and twins, and a second, simpler opinion on what they mean.

import UpdateModel

/// Writes random queries that can be read.
enum QueryComposer {
  static func pick<Element>(_ elements: [Element], _ chance: inout Chance) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &chance)]
  }

  static let anyPaths = [
    "tags.site", "tags.\"a b\"", "desired.rate", "reported.a.b", "level", "modes[1]", "x.\"in\".y",
    "reported.select", "list",
  ]
  static let texts = [
    "\"berlin\"", "'it\\'s'", "'eu'", "\"\"", "\"\\u{1F600}\\n\\\\ \\\"q\\\"\"", "'caf\u{e9}'",
    "'7'",
  ]
  static let numbers = [
    "0", "-0", "7", "7.0", "70e-1", "-3.25", "1e22", "123456789012345678901", "0.0000001", "30%",
    "12.5%", "1e-300", "9.99e299",
  ]
  static let times = [
    "2027-01-15T08:00:00Z", "2027-01-15T08:00:00.25+01:00", "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
  ]
  static let durations = ["0s", "90s", "1h30m", "250ms", "3650d"]
  static let versions = ["v'1.10'", "v\"2.0-rc.1+b\"", "v'v3'"]
  static let patterns = ["'*'", "'eu-*'", "'\\\\*\\*\\?'", "\"b?r*n\"", "''", "'**a**'"]

  static func query(_ chance: inout Chance, depth: Int = 0) -> String {
    switch Int.random(in: 0..<(depth > 3 ? 6 : 10), using: &chance) {
    case 6: "not \(atom(&chance, depth))"
    case 7, 8:
      (0...Int.random(in: 1...2, using: &chance)).map { _ in atom(&chance, depth) }
        .joined(separator: pick([" and ", " AND "], &chance))
    case 9:
      (0...Int.random(in: 1...2, using: &chance)).map { _ in query(&chance, depth: depth + 2) }
        .joined(separator: pick([" or ", " OR\n"], &chance))
    default: condition(&chance)
    }
  }

  private static func atom(_ chance: inout Chance, _ depth: Int) -> String {
    pick([true, false], &chance)
      ? "(" + query(&chance, depth: depth + 1) + ")" : condition(&chance)
  }

  static func condition(_ chance: inout Chance) -> String {
    let sign = pick(["=", "==", "!=", "<", "<=", ">", ">="], &chance)
    let same = pick(["=", "!="], &chance)
    let order = pick(["<", "<=", ">", ">="], &chance)
    let path = pick(anyPaths, &chance)
    let text = pick(texts, &chance)
    let word = pick(["device", "hardware", "text(state)", "group", "text(level)", path], &chance)
    let age = pick(["lastSeen", "createdAt", path], &chance)
    switch Int.random(in: 0..<15, using: &chance) {
    case 0: return "\(word) \(sign) \(text)"
    case 1:
      return "\(pick([path, "battery.percent", "number(level)"], &chance))"
        + "\(sign)\(pick(numbers, &chance))"
    case 2: return "\(age) \(order) \(pick(durations, &chance))"
    case 3: return "\(age) \(sign) \(pick(times, &chance))"
    case 4:
      return "\(pick(["version", "reported.version", path], &chance)) \(sign) "
        + pick(versions, &chance)
    case 5: return "version(\(pick([path, "hardware"], &chance))) \(sign) '1.\(path.count)'"
    case 6: return "\(pick([path, "inUse"], &chance)) \(same) \(pick(["true", "FALSE"], &chance))"
    case 7: return "\(pick([word, path, age], &chance)) \(same) null"
    case 8: return "exists(\(path))"
    case 9: return "\(word) \(pick(["like", "not like"], &chance)) \(pick(patterns, &chance))"
    case 10: return "\(word) in [\(text), \(pick(texts, &chance))]"
    case 11: return "\(path) not in [\(pick(numbers, &chance)),\(pick(numbers, &chance))]"
    case 12: return "\(pick(["group", path], &chance)) contains \(text)"
    case 13: return "version \(sign) \(order.isEmpty ? "" : "'1.2'")"
    default: return pick(["true", "false"], &chance)
    }
  }

  /// A random twin whose values often are what the queries ask for.
  static func twin(_ chance: inout Chance) -> TwinSpecimen {
    let values: [JSON] = [
      "berlin", "it's", "eu", "", "7", 7, 0, .decimal("7.0"), .decimal("-3.25"), .decimal("1e22"),
      30, true, false, "2027-01-15T08:00:00Z", "2027-01-15T07:00:00.25Z", "1.10", "1.5", "v3",
      ["berlin", "7"], [7, "eu", true], ["a": 1], "eu-1", "cafe\u{301}", "caf\u{e9}", "2.0-rc.1",
    ]
    func maybe(_ value: JSON) -> JSON? { Bool.random(using: &chance) ? value : nil }
    func any() -> JSON { pick(values, &chance) }
    var twin = TwinSpecimen()
    for field in [QueryField.device, .hardware, .state, .version] {
      if Bool.random(using: &chance) {
        twin.facts[field] = .text(pick(["berlin", "eu", "7", "1.2", "1.10", "v3", ""], &chance))
      }
    }
    if Bool.random(using: &chance) {
      twin.facts[.group] = .texts(pick([[], ["berlin"], ["eu", "berlin"], ["7"]], &chance))
    }
    for field in [QueryField.lastSeen, .createdAt] where Bool.random(using: &chance) {
      let age = pick([0, 89, 90, 5400, 400_000_000], &chance)
      twin.facts[field] = .time(TwinSpecimen.now + .seconds(-Int64(age)))
    }
    twin.tags = .members(["site": maybe(any()), "a b": maybe(any())])
    twin.desired = .members(["rate": maybe(any())])
    twin.reported = .members([
      "a": maybe(["b": any()]), "level": maybe(any()), "modes": maybe([any(), any()]),
      "x": maybe(["in": ["y": any()]]), "select": maybe(any()), "list": maybe([any(), any()]),
      "battery": maybe(["percent": any()]), "inUse": maybe(any()), "version": maybe(any()),
    ])
    return twin
  }
}
