// GateVectorTests: the statistics of the gate against numbers that other programs computed.

import Glibc
import RolloutEngine
import Testing
import UpdateModel

@Suite struct GateVectorTests {
  private static let vectors: [JSON] = {
    let folder = "\(#filePath)".split(separator: "/").dropLast().joined(separator: "/")
    guard let document = read("/\(folder)/Vectors/gate.json") else { return [] }
    return document["vectors"]?.array ?? []
  }()

  private static func read(_ path: String) -> JSON? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    // A file that is no JSON fails the test that counts the vectors.
    return try? JSON.parse(bytes)
  }

  @Test func `every function of the gate has golden vectors`() {
    let covered = Set(GateVectorTests.vectors.compactMap { $0["fn"]?.string })
    #expect(covered == Set(GateVectors.functionNames))
    #expect(GateVectorTests.vectors.count == 121)
  }

  @Test func `every golden vector is met within its tolerance`() throws {
    for vector in GateVectorTests.vectors {
      let answer = GateVectors.answer(vector)
      let wanted = try #require(vector["out"])
      let tolerance = try #require(vector["tol"])
      let found = answer.document["out"]
      #expect(
        isClose(found, wanted, tolerance),
        "\(vector["id"]?.string ?? "?"): \(String(decoding: answer.document.text, as: UTF8.self))")
    }
  }

  @Test func `a vector that is a little off is noticed`() {
    let tolerance: JSON = ["rel": .decimal("1e-8"), "abs": 0]
    #expect(isClose(.decimal("0.5000000001"), .decimal("0.5"), tolerance))
    #expect(!isClose(.decimal("0.50000001"), .decimal("0.5"), tolerance))
    #expect(!isClose([1, 2], [1], tolerance))
    #expect(!isClose(["a": 1], ["b": 1], tolerance))
    #expect(!isClose(nil, .null, tolerance))
  }

  private func isClose(_ found: JSON?, _ wanted: JSON, _ tolerance: JSON) -> Bool {
    guard let found else { return false }
    if let members = wanted.members {
      return found.members?.count == members.count
        && members.allSatisfy { isClose(found[$0.key], $0.value, tolerance) }
    }
    if let elements = wanted.array {
      let others = found.array ?? []
      return elements.count == others.count
        && zip(others, elements).allSatisfy { isClose($0, $1, tolerance) }
    }
    guard let number = number(wanted) else { return found == wanted }
    guard let other = self.number(found), let absolute = self.number(tolerance["abs"]),
      let relative = self.number(tolerance["rel"])
    else { return false }
    return abs(other - number) <= absolute + relative * abs(number)
  }

  private func number(_ value: JSON?) -> Double? {
    switch value {
    case .integer(let number): Double(number)
    case .decimal(let literal): Double(literal)
    default: nil
    }
  }

  // MARK: Questions that cannot be answered

  private func answer(_ text: String) throws -> JSON {
    let answer = GateVectors.answer(try JSON.parse(Array(text.utf8)))
    #expect(answer.isFault == (answer.document["out"] == nil))
    return answer.document
  }

  @Test(arguments: [
    #"{"id": 1, "fn": "logEAbort", "in": {"f": -1, "n": 10, "p0": 0.005}}"#,
    #"{"id": 1, "fn": "logEAbort", "in": {"f": 11, "n": 10, "p0": 0.005}}"#,
    #"{"id": 1, "fn": "logEAbort", "in": {"f": 1.5, "n": 10, "p0": 0.005}}"#,
    #"{"id": 1, "fn": "logEAbort", "in": {"f": 1, "n": 1e300, "p0": 0.005}}"#,
    #"{"id": 1, "fn": "logEAbort", "in": {"f": 1, "n": 10, "p0": 0}}"#,
    #"{"id": 1, "fn": "logEAbort", "in": {"f": 1, "n": 10, "p0": 1}}"#,
    #"{"id": 1, "fn": "logEAbort", "in": {"f": 1, "n": 10, "p0": "NaN"}}"#,
    #"{"id": 1, "fn": "logEAbort", "in": {"f": 1, "n": 10, "p0": 1e999}}"#,
    #"{"id": 1, "fn": "logEAbort", "in": {"f": 1, "n": 10}}"#,
    #"{"id": 1, "fn": "logEAbort", "in": [1, 10, 0.005]}"#,
    #"{"id": 1, "fn": "logEAbort"}"#,
    #"{"id": 1, "fn": "guess", "in": {}}"#,
    #"{"id": 1, "in": {}}"#,
    #"{"id": 1, "fn": "upperBound", "in": {"f": 0, "n": 10, "alpha": 1e-999}}"#,
    #"{"id": 1, "fn": "logEBounded", "in": {"y": [0.5, 1.5], "m": 0.5}}"#,
    #"{"id": 1, "fn": "logEBounded", "in": {"y": [0.5, null], "m": 0.5}}"#,
    #"{"id": 1, "fn": "bernoulliCusum", "in": {"x": [0, 0.5], "p0": 0.1, "p1": 0.2}}"#,
    #"{"id": 1, "fn": "predictive95", "in": {"f": 0, "n": 10, "m": 100000001}}"#,
    #"{"id": 1, "fn": "coverageTime", "in": {"q": 1, "poll": 3600, "miss": 0.1}}"#,
    #"{"id": 1, "fn": "retry", "in": {"eps": 0.9, "retries": 1001, "backoff": 1, "attempt": 1}}"#,
    #"{"id": 1, "fn": "lostTick", "in": {"heard": [1], "lastSeen": -1}}"#,
    #"{"id": 1, "fn": "decide", "in": {"strata": []}}"#,
  ])
  func `a question with an impossible argument gets an error and no trap`(text: String) throws {
    let document = try answer(text)
    #expect(document["out"] == nil)
    #expect(document["error"]?.string?.isEmpty == false)
    #expect(document["id"] == 1)
  }

  private func decide(_ strata: String, _ more: String = "") throws -> JSON {
    try answer(
      #"{"id": "d", "fn": "decide", "in": {"strata": [\#(strata)], "control": {"n": 100, "#
        + #""lost": 0, "heard": 1.0}, "step": {"verdictsIn": true, "previous": 5, "stall": 0}"#
        + "\(more)}}")
  }

  private let clean =
    #"{"id": "A", "size": 900, "left": 895, "exposed": 5, "matured": 5, "reported": 0, "lost": 0}"#

  @Test func `a decision is asked for with parameters by name and refuses unknown ones`() throws {
    #expect(try decide(clean)["out"]?["sizes"]?["A"] == 19)
    #expect(try decide(clean, #", "params": {"growth": 2}"#)["out"]?["sizes"]?["A"] == 10)
    #expect(
      try decide(clean, #", "params": {"grow": 2}"#)["error"]
        == "in.params.grow: there is no such parameter")
    #expect(
      try decide(clean, #", "params": {"pTol": 0}"#)["error"]
        == "in.params.pTol: found the number 0 where a number above 0 and below 1 is expected")
  }

  @Test func `counts that contradict each other are refused by their path`() throws {
    let twice =
      #"{"id": "A", "size": 9, "left": 4, "exposed": 5, "matured": 0, "reported": 3, "lost": 3}"#
    #expect(
      try decide(twice)["error"]
        == "in.strata[0].lost: found the number 3 where a whole number from 0 to 2 is expected")
    #expect(
      try decide("\(clean), \(clean)")["error"] == "in.strata[1].id: two strata have the same id")
  }

  @Test func `a document without questions says what is missing`() throws {
    #expect(throws: GateVectorFault.self) { try GateVectors.questions(in: [1, 2]) }
    #expect(throws: GateVectorFault.self) { try GateVectors.questions(in: ["vectors": 3]) }
    #expect(try GateVectors.questions(in: ["meta": 1, "vectors": [1]]).count == 1)
    #expect(GateVectors.answer(1).isFault)
  }
}
