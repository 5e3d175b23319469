// PlanTests: what a plan says about the fleet as it is, and starts that need no second look at it.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct PlanTests {
  /// Forty devices of one model, of which thirty were heard this week, and an odd one.
  private func shop() throws -> Workshop {
    let shop = try Workshop()
    try shop.release("fw", "1", hardware: "board-a")
    for number in 0..<10 { try shop.register("quiet\(number)", version: "0.9") }
    shop.clock.advance(.days(8))
    for number in 0..<30 { try shop.register("a\(number)", version: "1") }
    try shop.register("odd", hardware: "board-x", version: "1")
    try shop.release("fw", "2", hardware: "board-a")
    return shop
  }

  private func plan(
    _ shop: Workshop, _ policy: String, overrides: [(path: String, value: String)] = []
  ) throws -> RolloutForecast {
    try shop.plane.plan(
      RolloutRequest(release: "fw:2", policy: policy, overrides: overrides, target: nil),
      in: shop.room)
  }

  @Test func `devices that are not reached, later or not brought back are counted with the reason`()
    throws
  {
    let shop = try shop()
    let plan = try plan(shop, "open")
    #expect(plan.population == 40)
    func count(_ fate: DevicesApart.Fate, _ words: String) -> Int? {
      plan.apart.first { $0.fate == fate && $0.reason.contains(words) }?.count
    }
    #expect(count(.leftOut, "no artifact") == 1)
    #expect(count(.later, "silent for more than 7 days") == 10)
    #expect(count(.noReturn, "not among the published") == 10)
    #expect(plan.hearing.reach == Share(basisPoints: 7500))
    #expect(plan.warnings.contains { $0.contains("1 targeted devices are left out") })
    #expect(!plan.advice.contains { $0.contains("left out") }, "said once is enough")
  }

  @Test func `a device that was not heard for a week counts as silent`() throws {
    let shop = try shop()
    shop.clock.advance(.days(7))
    #expect(try plan(shop, "open").hearing.silent == 10)
    shop.clock.advance(.seconds(1))
    let late = try plan(shop, "open").hearing
    #expect(late.silent == 40 && late.recent == 0 && late.reach == nil)
  }

  @Test func `devices whose window opens later than a day from now are told`() throws {
    let shop = try shop()
    // The clock stands at Saturday, 2027-01-23 08:00 UTC.
    func later(_ day: String) throws -> Int {
      let windows =
        #"{"windows": [{"days": ["\#(day)"], "from": "10:00", "to": "12:00"}], "zone": "UTC"}"#
      let found = try plan(shop, "open", overrides: [("windows", windows)])
      return found.apart.first { $0.reason.contains("maintenance window") }?.count ?? 0
    }
    #expect(try later("sat") == 0)
    #expect(try later("mon") == 40)
  }

  @Test func `a plan by evidence forecasts the fleet that is there`() throws {
    let shop = try shop()
    let found = try plan(shop, "proof")
    let forecast = try #require(found.evidence?.forecast)
    #expect(forecast.assumptions.strata.map(\.size) == [40])
    #expect(forecast.assumptions.reach == 0.75)
    #expect(forecast.expected.steps.map(\.size).reduce(0, +) == 40)
    #expect(forecast.expected.steps.first?.size == 5)
    #expect(forecast.firstExposureMax == 5)
    #expect(found.evidence?.confidence.contains("95%") == true)
    #expect(found.bytesPerSecondPeak > 0)
  }

  @Test func `the limits of the policy bound the peaks`() throws {
    let shop = try shop()
    let free = try plan(shop, "open")
    let wide = try #require(free.loads.first)
    let narrow = try plan(shop, "open", overrides: [("limits.concurrent", "1")])
    #expect(narrow.downloadsPeak == 1)
    #expect(narrow.bytesPerSecondPeak < free.bytesPerSecondPeak)
    #expect(narrow.loads.allSatisfy { $0.spread > wide.spread })
  }

  @Test func `who must approve is said before the start`() throws {
    let shop = try shop()
    let found = try plan(shop, "proof", overrides: [("approve.before", "start")])
    #expect(found.evidence?.approvals == ["before the start"])
    #expect(try plan(shop, "proof").evidence?.approvals == [])
  }
}
