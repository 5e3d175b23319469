// PolicyDocumentTests: defaults, overrides, and errors that name line, path and what is allowed.

import Testing
import UpdateModel

@Suite struct PolicyDocumentTests {
  private static let least =
    #"{"name": "p", "stages": {"start": 10, "soak": "1m"}, "failureLimit": {"share": "5%"}}"#

  private func read(
    _ text: String, _ overrides: [(path: String, value: String)] = []
  ) throws -> Policy {
    try Policy.read(Array(text.utf8), file: "p.json", overrides: overrides)
  }

  @Test func `what is left out has its default`() throws {
    let policy = try read(PolicyDocumentTests.least)
    #expect(policy.summary.isEmpty)
    #expect(policy.canary == nil)
    #expect(policy.onAbort == .rollback)
    #expect(policy.failureLimit?.minimum == 1)
    #expect(policy.limits.concurrent == nil)
    #expect(policy.limits.perMinute == nil)
    #expect(policy.timeouts.accept == .minutes(15))
    #expect(policy.timeouts.reboot == .minutes(10))
    #expect(policy.retry.attempts == 3)
    #expect(policy.retry.factorHundredths == 200)
    guard case .exponential(let start, let growth, let cap, let gate) = policy.stages else {
      Issue.record("an object under stages is exponential")
      return
    }
    #expect(start == .devices(10))
    #expect(growth == 200)
    #expect(cap == nil)
    #expect(gate.quorum == Share(basisPoints: 9000))
    #expect(gate.waitAtMost == .days(1))
  }

  @Test func `a canary demands every verdict unless told otherwise`() throws {
    let policy = try read(
      PolicyDocumentTests.least, [("canary.group", "staging"), ("canary.soak", "1h")])
    #expect(policy.canary?.gate.quorum == .whole)
    #expect(policy.canary?.signOff == false)
    #expect(policy.canary?.gate.soak == .hours(1))
  }

  @Test func `overrides replace and add, as JSON or as text`() throws {
    let policy = try read(
      PolicyDocumentTests.least,
      [
        ("stages.start", "\"1%\""), ("stages.growth", "2.5"), ("limits.concurrent", "7"),
        ("failureLimit.share", "12.5%"), ("onAbort", "stop"), ("retry.backoff", "30s"),
      ])
    #expect(policy.limits.concurrent == 7)
    #expect(policy.failureLimit?.share == Share(basisPoints: 1250))
    #expect(policy.onAbort == .stop)
    #expect(policy.retry.backoff == .seconds(30))
    guard case .exponential(let start, let growth, _, _) = policy.stages else {
      Issue.record("the stages stay exponential")
      return
    }
    #expect(start == .share(try #require(Share(basisPoints: 100))))
    #expect(growth == 250)
  }

  @Test(arguments: [
    ("colour", "red", "$.colour", "unknown field; allowed here: name"),
    ("limits.colour", "1", "$.limits.colour", "allowed here: concurrent, perMinute"),
    ("limits.concurrent", "0", "$.limits.concurrent", "found the number 0 where a whole number"),
    ("limits.concurrent", "1.5", "$.limits.concurrent", "found the number 1.5"),
    ("limits", "[]", "$.limits", "found an array where an object is expected"),
    ("stages.start", "0", "$.stages.start", "from 1 to 100000000 or a share"),
    ("stages.start", "0%", "$.stages.start", "found the string \"0%\""),
    ("stages.growth", "1", "$.stages.growth", "a number from 1.1 to 100"),
    ("stages.growth", "1.09", "$.stages.growth", "a number from 1.1 to 100"),
    ("stages.growth", "100.01", "$.stages.growth", "a number from 1.1 to 100"),
    ("stages.growth", "2.555", "$.stages.growth", "a number from 1.1 to 100"),
    ("stages.growth", "9223372036854775807", "$.stages.growth", "a number from 1.1 to 100"),
    ("stages.growth", "-9223372036854775808", "$.stages.growth", "a number from 1.1 to 100"),
    ("gate.stallFactor", "-9223372036854775808", "$.gate.stallFactor", "a number from"),
    ("limits.rate.factor", "-9223372036854775808", "$.limits.rate.factor", "a number from"),
    ("stages.cap", "x", "$.stages.cap", "found the string \"x\""),
    ("stages.soak", "91d", "$.stages.soak", "from 0s to 90d"),
    ("stages.quorum", "0%", "$.stages.quorum", "from 0.01% to 100%"),
    ("stages", "[]", "$.stages", "found 0 stages; give 1 to 100"),
    ("stages", "7", "$.stages", "found the number 7 where an object is expected"),
    ("failureLimit.share", "101%", "$.failureLimit.share", "where a share"),
    ("failureLimit.minimum", "0", "$.failureLimit.minimum", "from 1 to 1000000"),
    ("onAbort", "retreat", "$.onAbort", "\"stop\" or \"rollback\""),
    ("timeouts.accept", "0s", "$.timeouts.accept", "from 1s to 90d"),
    ("timeouts.reboot", "2h", "$.timeouts.reboot", "longer than verify, 1h"),
    ("retry.attempts", "11", "$.retry.attempts", "from 1 to 10"),
    ("retry.factor", "0", "$.retry.factor", "from 1 to 10"),
    ("name", "a b", "$.name", "a name of 1 to 64"),
    ("canary.group", "staging", "$.canary.soak", "missing; give a time"),
    ("limits.perMinute", "x", "$.limits.perMinute", "from 1 to 100000000"),
  ])
  func `a fault names its path and what is allowed`(
    path: String, value: String, field: String, reason: String
  ) throws {
    let problem = #expect(throws: Problem.self) {
      try read(PolicyDocumentTests.least, [(path, value)])
    }
    let fault = try #require(
      problem?.faults.first { $0.field == field }, "\(problem?.faults ?? [])")
    #expect(fault.reason.contains(reason), "\(fault.reason)")
    #expect(problem?.kind == .invalidRequest)
    #expect(problem?.detail.contains("policy p.json, ") == true)
  }

  @Test func `every fault is reported at once, with its line`() {
    let text = """
      {
        // A policy with three faults.
        "name": "p",
        "stages": {
          "start": -1,
          "soak": "soon"
        },
        "failureLimit": {"share": "5%"},
        "onabort": "stop"
      }
      """
    let problem = #expect(throws: Problem.self) { try read(text) }
    let faults = (problem?.faults ?? []).map { "\($0.line ?? 0) \($0.field)" }
    #expect(faults.starts(with: ["9 $.onabort", "5 $.stages.start"]))

    #expect(faults.contains("6 $.stages.soak"))

  }

  @Test func `what is missing is reported at the line of its parent`() {
    let problem = #expect(throws: Problem.self) {
      try read("{\"name\": \"p\",\n\"stages\":\n{\"start\": 1}, \"failureLimit\": {}}")
    }
    let faults = (problem?.faults ?? []).map { "\($0.line ?? 0) \($0.field)" }
    #expect(faults.contains("3 $.stages.soak"))
    #expect(faults.contains("3 $.failureLimit.share"))
  }

  @Test func `explicit stages grow and reach everybody`() throws {
    func stages(_ shares: String...) throws -> Policy {
      let list = shares.map { #"{"upTo": "\#($0)", "soak": "1m"}"# }.joined(separator: ",")
      return try read(PolicyDocumentTests.least, [("stages", "[\(list)]")])
    }
    _ = try stages("1%", "10%", "100%")
    _ = try stages("100%")
    for shares in [("10%", "10%"), ("20%", "10%"), ("10%", "99.99%")] {
      #expect(throws: Problem.self) { try stages(shares.0, shares.1) }
    }
  }

  @Test func `text that is no JSON is reported with its line`() {
    let problem = #expect(throws: Problem.self) { try read("{\n\"name\": p}") }
    #expect(problem?.kind == .malformedJSON)
    #expect(problem?.faults.first?.line == 2)
    #expect(problem?.detail.hasPrefix("policy p.json, line 2: ") == true)
  }

  @Test func `a policy written back is the same policy`() throws {
    let text = Array(PolicyDocumentTests.least.utf8)
    let document = try JSON.parse(text)
    #expect(try Policy.decode(document, file: "p.json") == read(PolicyDocumentTests.least))
  }

  @Test func `a problem becomes a document of RFC 9457`() throws {
    let problem = Problem(
      .tooLarge, "too much", faults: [Problem.Fault(line: 3, field: "$.a", reason: "r")])
    let document = problem.document
    #expect(document["type"] == "urn:groundswell:problem:too-large")
    #expect(document["status"] == 413)
    #expect(document["errors"]?.array?.first?["line"] == 3)
    #expect(Problem(.gone, "x").document["errors"] == nil)
    #expect(Problem.Kind.allCases.allSatisfy { (400...599).contains($0.status) })
  }
}
