// PolicyLimitsTests: limits and terms of retry as they are written: inside, outside, malformed.

import Testing
import UpdateModel

@Suite struct PolicyLimitsTests {
  private static let least =
    #"{"name": "p", "stages": {"start": 10, "soak": "1m"}, "failureLimit": {"share": "5%"}}"#

  private func read(_ overrides: (path: String, value: String)...) throws -> Policy {
    try Policy.read(Array(PolicyLimitsTests.least.utf8), file: "p.json", overrides: overrides)
  }

  @Test func `what is left out limits nothing`() throws {
    let policy = try read()
    #expect(policy.limits.rate == nil)
    #expect(policy.limits.domains.isEmpty)
    #expect(policy.limits.bandwidth == nil)
    #expect(policy.retry.classes.isEmpty)
    #expect(policy.retry.budget == nil)
  }

  @Test func `a growing rate has the defaults of AWS`() throws {
    let rate = try #require(
      try read(("limits.rate", #"{"basePerMinute": 50, "every": {"succeeded": 9}}"#)).limits.rate)
    #expect(rate.factorHundredths == 200)
    #expect(rate.ceiling == 1000)
    #expect(rate.every == .succeeded(9))
    let high = try read(("limits.rate", #"{"basePerMinute": 5000, "every": {"notified": 9}}"#))
    #expect(high.limits.rate?.ceiling == 5000)
  }

  @Test func `budgets of failure domains are counts or shares`() throws {
    let domains = try read(
      (
        "limits.domains",
        #"[{"by": "tag.site", "atMost": 1}, {"by": "attr.pair", "atMost": "10%"}]"#
      )
    ).limits.domains
    #expect(domains.map(\.by) == [.tag("site"), .attribute("pair")])
    #expect(domains[0].allowance(of: 1000) == 1)
    #expect(domains[1].allowance(of: 1000) == 100)
    #expect(domains[1].allowance(of: 0) == 1)
  }

  @Test func `a bandwidth has a burst of a minute unless it says otherwise`() throws {
    let limits = try read(("limits.bandwidth", "20MB/s")).limits
    #expect(limits.bandwidth?.bytesPerSecond == 20_000_000)
    #expect(limits.bandwidthBurst == .minutes(1))
    let both = try read(("limits.bandwidth", "20MB/s"), ("limits.bandwidthBurst", "5s")).limits
    #expect(both.bandwidthBurst == .seconds(5))
  }

  @Test(
    arguments: [
      ("1B/s", 1), ("800B/s", 800), ("64kB/s", 64000), ("1.5GB/s", 1_500_000_000),
      ("0.01kB/s", 10), ("1000GB/s", 1_000_000_000_000),
    ] as [(String, Int64)])
  func `a rate of bytes is read in decimal units and written as it can be read`(
    text: String, bytes: Int64
  ) throws {
    let rate = try #require(ByteRate(text: text))
    #expect(rate.bytesPerSecond == bytes)
    #expect(ByteRate(text: rate.description) == rate)
  }

  @Test(arguments: [
    "", "B/s", "20", "20MB", "20 MB/s", "20Mb/s", "20mB/s", "0B/s", "0.5B/s", "-1MB/s",
    "1.234MB/s", "1001GB/s", "999999999GB/s", "9999999999GB/s", "1e3B/s",
  ])
  func `what is no rate of bytes is refused`(text: String) {
    #expect(ByteRate(text: text) == nil)
  }

  @Test func `the terms of a kind inherit what they leave out`() throws {
    let retry = try read(
      ("retry", #"{"attempts": 4, "maximum": "1h", "classes": {"download": {"backoff": "1m"}}}"#)
    ).retry
    let download = retry.terms(after: .download)
    #expect(download.attempts == 4)
    #expect(download.backoff == .minutes(1))
    #expect(download.maximum == .hours(1))
    #expect(retry.terms(after: .install) == retry)
    #expect(retry.terms(after: nil) == retry)
  }

  @Test func `a budget of repetitions is a share with a minimum`() throws {
    let budget = try #require(
      try read(("retry.budget", #"{"share": "10%"}"#)).retry.budget)
    #expect(budget.allowance(after: 0) == 10)
    #expect(budget.allowance(after: 109) == 10)
    #expect(budget.allowance(after: 110) == 11)
  }

  private static let rate = #"{"basePerMinute": 50, "every": {"notified": 1000}}"#

  @Test(arguments: [
    ("limits.rate", "{}", "$.limits.rate.basePerMinute", "missing"),
    ("limits.rate", "{}", "$.limits.rate.every", "missing; give {\"notified\": 1000}"),
    ("limits.rate", "5", "$.limits.rate", "where an object is expected"),
    ("limits.rate", #"{"basePerMinute": 0}"#, "$.limits.rate.basePerMinute", "from 1 to 1000000"),
    ("limits.rate", #"{"factor": 1}"#, "$.limits.rate.factor", "from 1.1 to 5"),
    ("limits.rate", #"{"factor": 1.09}"#, "$.limits.rate.factor", "from 1.1 to 5"),
    ("limits.rate", #"{"factor": 5.01}"#, "$.limits.rate.factor", "from 1.1 to 5"),
    ("limits.rate", #"{"factor": "2"}"#, "$.limits.rate.factor", "from 1.1 to 5"),
    ("limits.rate", #"{"every": {}}"#, "$.limits.rate.every.notified", "exactly one"),
    (
      "limits.rate", #"{"every": {"notified": 1, "succeeded": 1}}"#,
      "$.limits.rate.every.succeeded", "exactly one"
    ),
    ("limits.rate", #"{"every": {"notified": 0}}"#, "$.limits.rate.every.notified", "from 1 to"),
    (
      "limits.rate", #"{"basePerMinute": 50, "every": {"notified": 1}, "ceiling": 49}"#,
      "$.limits.rate.ceiling", "found 49, which is less than basePerMinute, 50"
    ),
    ("limits.domains", "7", "$.limits.domains", "a list of 1 to 4 objects"),
    ("limits.domains", "[]", "$.limits.domains", "a list of 1 to 4 objects"),
    ("limits.domains", "[{}]", "$.limits.domains[0].by", "missing; give tag.KEY or attr.KEY"),
    ("limits.domains", "[{}]", "$.limits.domains[0].atMost", "missing"),
    (
      "limits.domains", #"[{"by": "hardware", "atMost": 1}]"#, "$.limits.domains[0].by",
      "tag.KEY or attr.KEY"
    ),
    (
      "limits.domains", #"[{"by": "tag.a", "atMost": 0}]"#, "$.limits.domains[0].atMost",
      "from 1 to 100000000 or a share"
    ),
    (
      "limits.domains", #"[{"by": "tag.a", "atMost": 1}, {"by": "tag.a", "atMost": 2}]"#,
      "$.limits.domains[1].by", "found tag.a twice"
    ),
    ("limits.bandwidth", "20MB", "$.limits.bandwidth", "from 1B/s to 1000GB/s"),
    ("limits.bandwidth", "20000000", "$.limits.bandwidth", "from 1B/s to 1000GB/s"),
    ("limits.bandwidthBurst", "1m", "$.limits.bandwidthBurst", "means nothing without bandwidth"),
    ("limits.bandwidthBurst", "2d", "$.limits.bandwidthBurst", "from 1s to 1d"),
    ("retry.classes.colour", "{}", "$.retry.classes.colour", "allowed here: download, install"),
    ("retry.classes.install.attempts", "0", "$.retry.classes.install.attempts", "from 1 to 10"),
    ("retry.classes.install.share", "1%", "$.retry.classes.install.share", "unknown field"),
    ("retry.budget", "{}", "$.retry.budget.share", "missing"),
    ("retry.budget", #"{"share": "1%", "minimum": 0}"#, "$.retry.budget.minimum", "from 1 to"),
  ])
  func `a fault in a limit names its path and what is allowed`(
    path: String, value: String, field: String, reason: String
  ) throws {
    let problem = #expect(throws: Problem.self) { try read((path, value)) }
    let faults = problem?.faults ?? []
    #expect(faults.contains { $0.field == field && $0.reason.contains(reason) }, "\(faults)")
  }

  @Test func `a growing rate and a fixed one exclude each other`() throws {
    let problem = #expect(throws: Problem.self) {
      try read(("limits.rate", PolicyLimitsTests.rate), ("limits.perMinute", "5"))
    }
    #expect(problem?.faults.first?.field == "$.limits.rate")
    #expect(problem?.faults.first?.reason.contains("found beside perMinute") == true)
  }

  @Test func `more than four budgets are refused`() {
    func list(_ count: Int) -> String {
      "[" + (0..<count).map { #"{"by": "tag.t\#($0)", "atMost": 1}"# }.joined(separator: ",") + "]"
    }
    #expect(throws: Never.self) { try read(("limits.domains", list(4))) }
    #expect(throws: Problem.self) { try read(("limits.domains", list(5))) }
  }
}
