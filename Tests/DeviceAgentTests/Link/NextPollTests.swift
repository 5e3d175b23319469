// When to poll, and what is told of the reported state.

import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct NextPollTests {
  private let pacing = NextPoll(least: .seconds(10), most: .hours(2))

  @Test(
    arguments: [
      (nil, 900), (0, 10), (9, 10), (10, 10), (11, 11), (7200, 7200), (7201, 7200), (-5, 10),
      (Int.max, 7200),
    ] as [(Int?, Int64)])
  func `the server says when to come, within bounds`(_ asked: Int?, _ seconds: Int64) {
    #expect(pacing.pause(asked: asked) == .seconds(seconds))
  }

  @Test func `pauses after failures double up to an hour and are spread over their upper half`() {
    for (failures, longest) in [(1, 10), (2, 20), (3, 40), (9, 2560), (10, 3600), (500, 3600)] {
      let low = pacing.pause(afterFailures: failures, retryAfter: nil, chance: 0)
      let high = pacing.pause(afterFailures: failures, retryAfter: nil, chance: .max)
      #expect(low == Interval(milliseconds: Int64(longest) * 500), "\(failures)")
      #expect(
        high > Interval(milliseconds: Int64(longest) * 999) && high < .seconds(Int64(longest)))
    }
  }

  @Test func `what a busy server asks for is kept, and not all come back at once`() {
    let low = pacing.pause(afterFailures: 1, retryAfter: 600, chance: 0)
    let high = pacing.pause(afterFailures: 1, retryAfter: 600, chance: .max)
    #expect(low == .seconds(600))
    #expect(high > .seconds(890) && high < .seconds(900))
    #expect(pacing.pause(afterFailures: 1, retryAfter: Int.max, chance: .max) < .days(2))
  }
}

@Suite struct ReportedStateTests {
  @Test func `only what changed is sent, and what is gone is taken away`() {
    let old: JSON = ["a": 1, "b": ["c": 2, "d": [1, 2]], "e": "x"]
    let new: JSON = ["a": 1, "b": ["c": 3, "d": [1, 2]], "f": true]
    let patch = old.mergePatch(to: new)
    #expect(patch == ["e": .null, "b": ["c": 3], "f": true])
    #expect(patch.map { old.merging($0) }?["f"] == true)
  }

  @Test func `everything is the whole state and an end to what is stale`() {
    let patch = (["a": 1] as JSON).patchOfEverything(after: ["a": 1, "old": 2])
    #expect(patch == ["a": 1, "old": .null])
  }

  @Test func `nulls of the product stand for nothing`() {
    #expect((["a": .null, "b": ["c": .null, "d": 1]] as JSON).withoutNulls == ["b": ["d": 1]])
  }

  @Test func `the product's file is bounded, and cannot write what the server writes`() throws {
    let directory = try TestDirectory()
    let path = try directory.write(
      #"{"update": {"phase": "x"}, "battery": {"percent": 7}}"#, to: "p")
    #expect(try ReportedState.product(path) == ["battery": ["percent": 7]])
    #expect(try ReportedState.product(directory.file("none")) == .object([]))
    for bad in ["[]", "{", #"{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":1}}}}}}}}}"#] {
      try directory.write(bad, to: "p")
      #expect(throws: LinkError.self, "\(bad)") { try ReportedState.product(path) }
    }
    let inside = String(repeating: "x", count: 32_768 - 8)
    try directory.write("{\"a\":\"\(inside)\"}", to: "p")
    #expect(try ReportedState.product(path)["a"] != nil)
    try directory.write("{\"a\":\"\(inside)x\"}", to: "p")
    #expect(throws: LinkError.self) { try ReportedState.product(path) }
  }

  @Test func `a change of the product's file is reported at the next poll, and only that`() throws {
    let bench = try AgentBench()
    let file = try bench.directory.write(#"{"inUse": true, "battery": {"percent": 50}}"#, to: "p")
    bench.members = [
      "reported": ["file": .string(file), "properties": ["location": ["site": "x"]]]
    ]
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    #expect(bench.counter.seen { $0.reported["location"]?["site"] } == "x")
    let count = bench.counter.seen { $0.patches.count }
    _ = try agent.cycle(mayWait: false)
    #expect(bench.counter.seen { $0.patches.count } == count)
    try bench.directory.write(#"{"inUse": false, "battery": {"percent": 50}}"#, to: "p")
    _ = try agent.cycle(mayWait: false)
    #expect(bench.counter.seen { $0.patches.last } == ["inUse": false])
    // A restart does not send it all again; a server that asks gets everything.
    let again = try bench.agent()
    _ = try again.cycle(mayWait: false)
    #expect(bench.counter.seen { $0.patches.count } == count + 1)
    bench.counter.set { $0.answer = ["ask": ["reported"]] }
    _ = try again.cycle(mayWait: false)
    #expect(bench.counter.seen { $0.patches.last?["hardware"] } == "board-a")
  }
}
