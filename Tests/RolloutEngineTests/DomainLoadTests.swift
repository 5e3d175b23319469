// DomainLoadTests: who takes a place in a failure domain, for how long, and how many there are.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct DomainLoadTests {
  private func rollout(_ budgets: String, sizes: DomainSizes = DomainSizes()) throws -> Rollout {
    let base = try started(
      policy(
        #""stages": {"start": 10, "soak": "1m"}, "limits": {"domains": [\#(budgets)]}"#),
      population: 10)
    return Rollout(
      specification: base.specification, stages: base.stages.map(\.plan), domainSizes: sizes)
  }

  private func device(
    _ id: String, tags: [String: String] = [:], attributes: [String: String] = [:]
  ) throws -> Device {
    Device(
      key: DeviceKey(tenant: try Name("t"), device: try DeviceID(id)), hardware: nil,
      tokenDigest: nil, tags: tags, attributes: attributes, createdAt: noon)
  }

  private func action(_ device: Device, _ state: Action.State) throws -> Action {
    Action(
      rollout: RolloutID(1), device: device.key.device, stage: 0, kind: .update,
      id: try #require(ActionID(1001)), previousID: nil, attempt: 1, release: ReleaseID(2),
      fallback: nil, state: state, cancel: .none, grantedAt: noon, changedAt: noon,
      installedAt: nil, failure: nil)
  }

  private static let one = #"{"by": "tag.site", "atMost": 1}"#

  @Test func `a lease takes a place in its domain until it ends, in every phase`() throws {
    let rollout = try rollout(DomainLoadTests.one)
    let budgets = rollout.policy.limits.domains
    let first = try device("d1", tags: ["site": "berlin"])
    let second = try device("d2", tags: ["site": "berlin"])
    let elsewhere = try device("d3", tags: ["site": "oslo"])
    var load = DomainLoad()
    for phase in Action.Phase.allCases {
      load.follow(try action(first, .leased(phase, deadline: noon)), under: budgets) { first }
      #expect(
        load.full(for: second, in: rollout)
          == FullDomain(property: .tag("site"), domain: "berlin", limit: 1), "\(phase)")
      #expect(load.full(for: elsewhere, in: rollout) == nil)
    }
    load.follow(try action(first, .retrying(from: noon)), under: budgets) { first }
    #expect(load.full(for: second, in: rollout) == nil)
    #expect(load == DomainLoad())
  }

  @Test func `a device without a value is in no domain and is not limited`() throws {
    let rollout = try rollout(DomainLoadTests.one)
    let budgets = rollout.policy.limits.domains
    var load = DomainLoad()
    for (number, tags) in [[:], ["site": ""], ["floor": "2"]].enumerated() {
      let device = try device("d\(number)", tags: tags)
      #expect(load.full(for: device, in: rollout) == nil)
      load.follow(try action(device, .leased(.offered, deadline: noon)), under: budgets) { device }
    }
    #expect(load.full(for: try device("d9"), in: rollout) == nil)
  }

  @Test func `a device leaves the domain it entered, whatever its tags have become`() throws {
    let rollout = try rollout(DomainLoadTests.one)
    let budgets = rollout.policy.limits.domains
    let before = try device("d1", tags: ["site": "berlin"])
    let after = try device("d1", tags: ["site": "oslo"])
    var load = DomainLoad()
    load.follow(try action(before, .leased(.offered, deadline: noon)), under: budgets) { before }
    load.follow(try action(before, .leased(.installing, deadline: noon)), under: budgets) { after }
    #expect(load.full(for: try device("d2", tags: ["site": "oslo"]), in: rollout) == nil)
    load.follow(try action(before, .ended(.succeeded)), under: budgets) { after }
    #expect(load == DomainLoad())
  }

  @Test func `each budget holds for itself, and the first full one is named`() throws {
    let rollout = try rollout(
      #"{"by": "tag.site", "atMost": 2}, {"by": "attr.pair", "atMost": 1}"#)
    let budgets = rollout.policy.limits.domains
    let left = try device("d1", tags: ["site": "berlin"], attributes: ["pair": "7"])
    let right = try device("d2", tags: ["site": "berlin"], attributes: ["pair": "7"])
    let other = try device("d3", tags: ["site": "berlin"], attributes: ["pair": "8"])
    var load = DomainLoad()
    load.follow(try action(left, .leased(.offered, deadline: noon)), under: budgets) { left }
    #expect(load.full(for: right, in: rollout)?.property == .attribute("pair"))
    #expect(load.full(for: other, in: rollout) == nil)
    load.follow(try action(other, .leased(.offered, deadline: noon)), under: budgets) { other }
    #expect(load.full(for: right, in: rollout)?.property == .tag("site"))
  }

  @Test(arguments: [(5, 1), (19, 1), (20, 2), (29, 2), (30, 3)])
  func `a share is one of the domain as it was planned, rounded down, at least 1`(
    size: Int, allowed: Int
  ) throws {
    let plain = try rollout(#"{"by": "tag.site", "atMost": "10%"}"#)
    let budgets = plain.policy.limits.domains
    var sizes = DomainSizes()
    let devices = try (0..<size).map { try device("d\($0)", tags: ["site": "berlin"]) }
    for device in devices { sizes.count(device, under: budgets) }
    let rollout = try rollout(
      #"{"by": "tag.site", "atMost": "10%"}"#, sizes: sizes.trimmed(for: budgets))
    var load = DomainLoad()
    var granted = 0
    for device in devices where load.full(for: device, in: rollout) == nil {
      load.follow(try action(device, .leased(.offered, deadline: noon)), under: budgets) { device }
      granted += 1
    }
    #expect(granted == allowed)
  }

  @Test func `only domains that may have more than one are kept`() throws {
    let budgets = try rollout(#"{"by": "tag.site", "atMost": "50%"}"#).policy.limits.domains
    var sizes = DomainSizes()
    for number in 0..<4 {
      sizes.count(try device("a\(number)", tags: ["site": "large"]), under: budgets)
    }
    sizes.count(try device("b", tags: ["site": "small"]), under: budgets)
    #expect(sizes.trimmed(for: budgets).sizes == [["large": 4]])
  }
}
