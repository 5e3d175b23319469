// PlanTests: policies and fleet sizes to stage sizes.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct PlanTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let stages: String
    let population: Int
    let sizes: [Int]
    var testDescription: String { "\(stages) of \(population)" }
  }

  private static let rows = [
    Row(
      stages: #"{"start": 10, "growth": 2, "soak": "1m"}"#, population: 100,
      sizes: [10, 20, 40, 30]),
    Row(
      stages: #"{"start": 10, "growth": 2.5, "soak": "1m"}"#, population: 100,
      sizes: [10, 25, 62, 3]),
    Row(
      stages: #"{"start": 1, "growth": 1.1, "soak": "1m"}"#, population: 10, sizes: [1, 2, 3, 4]),
    Row(
      stages: #"{"start": 10, "cap": 25, "soak": "1m"}"#, population: 100,
      sizes: [10, 20, 25, 25, 20]),
    Row(stages: #"{"start": 50, "cap": 20, "soak": "1m"}"#, population: 50, sizes: [20, 20, 10]),
    Row(
      stages: #"{"start": "1%", "soak": "1m"}"#, population: 1000,
      sizes: [10, 20, 40, 80, 160, 320, 370]),
    Row(
      stages: #"{"start": "1%", "cap": "10%", "soak": "1m"}"#, population: 50,
      sizes: [1, 2, 4, 5, 5, 5, 5, 5, 5, 5, 5, 3]),
    Row(stages: #"{"start": 10, "soak": "1m"}"#, population: 1, sizes: [1]),
    Row(stages: #"{"start": 10, "soak": "1m"}"#, population: 10, sizes: [10]),
    Row(stages: #"{"start": 10, "soak": "1m"}"#, population: 11, sizes: [10, 1]),
    Row(stages: #"{"start": "0.01%", "growth": 100, "soak": "1m"}"#, population: 3, sizes: [1, 2]),
    Row(
      stages:
        #"[{"upTo": "10%", "soak": "1m"}, {"upTo": "50%", "soak": "1m"}, "#
        + #"{"upTo": "100%", "soak": "1m"}]"#,
      population: 100, sizes: [10, 40, 50]),
    Row(
      stages:
        #"[{"upTo": "1%", "soak": "1m"}, {"upTo": "2%", "soak": "1m"}, "#
        + #"{"upTo": "100%", "soak": "1m"}]"#,
      population: 10, sizes: [1, 9]),
    Row(stages: #"[{"upTo": "100%", "soak": "1m"}]"#, population: 7, sizes: [7]),
  ]

  @Test(arguments: rows)
  func `stages have the planned sizes`(row: Row) throws {
    let stages = try draft(policy(#""stages": \#(row.stages)"#), population: row.population).stages
    #expect(stages.map(\.plan.size) == row.sizes)
    #expect(stages.map(\.plan.name) == (1...row.sizes.count).map { "stage \($0)" })
  }

  @Test func `the canary group comes first and is no part of the other stages`() throws {
    let policy = try policy(
      #""canary": {"group": "staging", "signOff": true, "soak": "1h"}, "#
        + #""stages": {"start": 10, "soak": "1m"}"#)
    let stages = try draft(policy, canaries: 4, population: 30).stages
    #expect(stages.map(\.plan.size) == [4, 10, 20])
    #expect(stages[0].plan.selection == .group(try Name("staging")))
    #expect(stages.map(\.plan.signOff) == [true, false, false])
  }

  @Test func `the last stage takes in devices that join later`() throws {
    let stages = try draft(policy(), population: 30).stages
    #expect(stages.last?.plan.selection == .ranks(upTo: .max))
  }

  @Test func `each device has the stage that the plan counted it in`() throws {
    let rollout = try draft(policy(), population: 100)
    var counts = [Int](repeating: 0, count: rollout.stages.count)
    for number in 0..<100 {
      let candidate = Candidate(
        device: try DeviceID("d\(number)"), fits: true, isTargeted: true, runsRelease: false,
        isCanary: false)
      counts[try #require(Eligibility.stage(of: candidate, in: rollout))] += 1
    }
    #expect(counts == rollout.stages.map(\.plan.size))
  }

  @Test func `a fleet without fitting devices cannot be planned`() throws {
    let policy = try policy()
    let problem = #expect(throws: Problem.self) { try Plan.stages(policy, canaries: 0, ranks: []) }
    #expect(problem?.kind == .unprocessable)
  }

  @Test func `an empty canary group cannot be planned and is named`() throws {
    let policy = try policy(
      #""canary": {"group": "staging", "soak": "1h"}, "stages": {"start": 10, "soak": "1m"}"#)
    let problem = #expect(throws: Problem.self) {
      try Plan.stages(policy, canaries: 0, ranks: [1, 2])
    }
    #expect(problem?.detail.contains("staging") == true)
  }

  @Test func `a hundred stages can be planned and a hundred and one cannot`() throws {
    let policy = try policy(#""stages": {"start": 1, "cap": 1, "soak": "1m"}"#)
    #expect(try Plan.stages(policy, canaries: 0, ranks: Array(1...100)).count == 100)
    #expect(throws: Problem.self) { try Plan.stages(policy, canaries: 0, ranks: Array(1...101)) }
  }
}
