// ManagementFuzzTests: random requests in the language of the interface; nothing may fall over.

import Gateways
import HTTPClient
import Testing
import UpdateModel

/// SplitMix64: small, fast and the same everywhere.
private struct Dice: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &self)]
  }
}

struct ManagementFuzzTests {
  private static let words = [
    "a", "1", "2", "0", "-1", "99999999999", "a1", "staging", "plain", "careful", "app:1.0",
    "DEFAULT", "other", "%00", "%ff", "%2e%2e", "..", "%F0%9F%8C%8A", "e%CC%81", "x=y", "null",
    "true", "start", "canary.soak", "5s", "hardware=board-a", "tag.a=*", "name", "devices",
  ]
  private static let fields = [
    "id", "name", "version", "hardware", "tags", "token", "filter", "group", "release", "policy",
    "overrides", "start", "artifacts", "add", "remove", "label", "tenant", "pollSeconds",
    "registerOnFirstContact", "notes",
  ]
  private static let parameters = [
    "limit", "after", "filter", "group", "standing", "device", "name", "version", "hardware",
    "component", "fileName", "sha256",
  ]

  private static func value(_ dice: inout Dice, depth: Int) -> String {
    switch Int.random(in: 0..<(depth > 2 ? 5 : 8), using: &dice) {
    case 0: return dice.pick(["0", "1", "-7", "1.5", "1e9", "9223372036854775808", "300"])
    case 1: return dice.pick(["true", "false", "null"])
    case 2, 3, 4: return "\"\(dice.pick(words))\""
    case 5:
      let elements = (0..<Int.random(in: 0..<4, using: &dice)).map { _ in
        value(&dice, depth: depth + 1)
      }
      return "[" + elements.joined(separator: ",") + "]"
    default: return object(&dice, depth: depth + 1)
    }
  }

  private static func object(_ dice: inout Dice, depth: Int) -> String {
    let members = (0..<Int.random(in: 0..<5, using: &dice)).map { _ in
      "\"\(dice.pick(fields))\":" + value(&dice, depth: depth)
    }
    return "{" + members.joined(separator: ",") + "}"
  }

  private static func request(_ dice: inout Dice) -> (method: String, path: String, body: String?) {
    var (method, path, body) = dice.pick(
      ManagementRefusalTests.routes.filter { !$0.path.hasSuffix("/events") })
    if Int.random(in: 0..<10, using: &dice) == 0 {
      method = dice.pick(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
    }
    var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    for index in parts.indices where ["1", "d", "g", "p", "x"].contains(parts[index]) {
      parts[index] = dice.pick(words)
    }
    path = parts.joined(separator: "/")
    for _ in 0..<Int.random(in: 0..<3, using: &dice) {
      path += (path.contains("?") ? "&" : "?") + dice.pick(parameters) + "=" + dice.pick(words)
    }
    switch Int.random(in: 0..<6, using: &dice) {
    case 0: break
    case 1:
      let bytes = (0..<Int.random(in: 0..<40, using: &dice)).map { _ in
        UnicodeScalar(UInt8.random(in: 0...127, using: &dice))
      }
      body = String(String.UnicodeScalarView(bytes))
    case 2: body = "id,hardware\n\(dice.pick(words)),\(dice.pick(words))\n"
    default: body = object(&dice, depth: 0)
    }
    return (method, path, method == "GET" || method == "HEAD" ? nil : body)
  }

  @Test(arguments: [UInt64.random(in: 0...UInt64.max)])
  func `random requests are answered and never with a fault of the server`(seed: UInt64) throws {
    print("management fuzz seed \(seed)")
    var dice = Dice(state: seed)
    let service = try ManagementService()
    let client = try ManagementClient(service)
    try client.prepareFleet()
    var statuses: [Int: Int] = [:]
    for round in 0..<500 {
      let (method, path, body) = ManagementFuzzTests.request(&dice)
      let type =
        path.hasPrefix("T/artifacts?")
        ? "application/octet-stream" : path.contains("/bulk") ? "text/csv" : "application/json"
      let response = try client.send(method, path, body, type: type)
      statuses[response.status, default: 0] += 1
      #expect(
        response.status < 500,
        "seed \(seed), round \(round): \(method) \(path) \(body ?? "") \(response.text)")
      if response.status >= 400, method != "HEAD" {
        #expect(response.header("Content-Type")?.hasPrefix("application/problem+json") == true)
      }
    }
    // Not everything may be refused, or nothing behind the doors was tried.
    #expect(statuses.filter { $0.key < 300 }.values.reduce(0, +) > 5, "seed \(seed)")
    #expect(try client.expect(200, "GET", "/healthz") == ["status": "ok"])
  }
}
