// TermsTests: times with a zone, priorities, and the fields of a policy that are about people.

import Testing
import UpdateModel

@Suite struct TermsTests {
  @Test(arguments: [
    ("2026-11-21T06:00:00Z", "2026-11-21T06:00:00Z"),
    ("2026-11-21t06:00:00z", "2026-11-21T06:00:00Z"),
    ("2026-11-21 06:00:00Z", "2026-11-21T06:00:00Z"),
    ("2026-11-21T06:00:00.75Z", "2026-11-21T06:00:00Z"),
    ("2026-11-21T06:00:00+05:45", "2026-11-21T00:15:00Z"),
    ("2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00Z"),
    ("2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z"),
    ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z"),
    ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
  ])
  func `a time with its zone is read`(text: String, instant: String) throws {
    #expect(try #require(Instant(rfc3339: text)).description == instant)
  }

  @Test func `a fraction of a second is kept`() throws {
    #expect(Instant(rfc3339: "1970-01-01T00:00:01.5Z") == Instant(milliseconds: 1500))
    #expect(Instant(rfc3339: "1970-01-01T00:00:01.0019Z") == Instant(milliseconds: 1001))
  }

  @Test(arguments: [
    "", "2026-11-21", "2026-11-21T06:00:00", "2026-11-21T06:00Z", "2026-11-21T24:00:00Z",
    "2026-11-21T06:60:00Z", "2026-11-21T06:00:61Z", "2026-02-29T06:00:00Z", "2100-02-29T06:00:00Z",
    "2026-13-01T06:00:00Z", "2026-00-01T06:00:00Z", "2026-04-31T06:00:00Z", "1969-12-31T23:59:59Z",
    "2026-11-21T06:00:00+0100", "2026-11-21T06:00:00+24:00", "2026-11-21T06:00:00.Z",
    "2026-11-21T06:00:00Z ", "2026/11/21T06:00:00Z", "+026-11-21T06:00:00Z",
    "2026-11-21T06:00:00.0000000000000000000000000Z",
  ])
  func `a time that says no instant is refused`(text: String) {
    #expect(Instant(rfc3339: text) == nil)
  }

  @Test func `terms have a range and an order`() throws {
    #expect(RolloutTerms.usual.priority == 500)
    for priority in [0, 1000] { #expect(try RolloutTerms(priority: priority).priority == priority) }
    for priority in [-1, 1001] {
      #expect(throws: InvalidValue.self) { try RolloutTerms(priority: priority) }
    }
    let start = Instant(milliseconds: 1000)
    #expect(throws: InvalidValue.self) { try RolloutTerms(startAt: start, endAt: start) }
    let next = Instant(milliseconds: 1001)
    #expect(try RolloutTerms(startAt: start, endAt: next).endAt == next)
  }

  private func read(_ overrides: [(path: String, value: String)] = []) throws -> Policy {
    let text =
      #"{"name": "p", "stages": {"start": 10, "soak": "1m"}, "failureLimit": {"share": "5%"}}"#
    return try Policy.read(Array(text.utf8), file: "p.json", overrides: overrides)
  }

  @Test func `a policy asks for no approval and lets devices postpone unless told otherwise`()
    throws
  {
    let policy = try read()
    #expect(!policy.approve.isNeededBeforeStart && policy.approve.above == nil)
    #expect(policy.postpone.atMost == .days(7) && policy.postpone.then == .wait)
    let strict = try read([
      ("approve.before", "start"), ("approve.above", "25%"), ("postpone.atMost", "1m"),
      ("postpone.then", "fail"),
    ])
    #expect(strict.approve.isNeededBeforeStart)
    #expect(strict.approve.above == Share(basisPoints: 2500))
    #expect(strict.postpone.atMost == .minutes(1) && strict.postpone.then == .fail)
  }

  @Test func `a listed stage may ask for a sign-off`() throws {
    let stages =
      #"[{"upTo": "10%", "soak": "1h", "signOff": true}, {"upTo": "100%", "soak": "0s"}]"#
    guard case .shares(let shares) = try read([("stages", stages)]).stages else {
      Issue.record("a list is read as shares")
      return
    }
    #expect(shares.map(\.signOff) == [true, false])
  }

  @Test(arguments: [
    ("approve.before", "noon", "\"start\""), ("approve.above", "0%", "from 0.01% to 100%"),
    ("approve.above", "101%", "from 0.01% to 100%"), ("approve.colour", "1", "before, above"),
    ("approve", "[]", "an object is expected"), ("postpone.atMost", "59s", "from 1m to 365d"),
    ("postpone.atMost", "366d", "from 1m to 365d"),
    ("postpone.then", "cry", "\"ask\" or \"force\" or \"fail\""),
    ("postpone.x", "1", "atMost, times, then"), ("postpone.times", "0", "from 1 to 1000"),
    ("postpone.times", "1001", "from 1 to 1000"), ("wish", "obey", "\"honour\" or \"ignore\""),
    ("securityOverrides", "1", "true or false"), ("prepare", "stop motors", "a name of 1 to 64"),
    ("windows.appliesTo", "download", "\"download+install\" or \"install\""),
    ("stages", #"[{"upTo": "100%", "soak": "1m", "signOff": 1}]"#, "true or false"),
  ])
  func `a fault names what is allowed`(path: String, value: String, allowed: String) throws {
    let problem = #expect(throws: Problem.self) { try read([(path, value)]) }
    let reasons = problem?.faults.map(\.reason).joined(separator: " ") ?? ""
    #expect(reasons.contains(allowed), "\(reasons)")
  }
}
