// RouteTests: floors on the way to a release, and floors below which nothing goes back.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct RouteTests {
  private func release(
    _ number: UInt32, name: String = "os", floor: UInt32? = nil, rollbackFloor: UInt32? = nil,
    status: Release.Status = .published
  ) throws -> Release {
    Release(
      id: ReleaseID(number), name: try Name(name), version: try FirmwareVersion("\(number).0"),
      notes: "", artifacts: [], status: status, createdAt: noon,
      floor: floor.map { ReleaseID($0) }, rollbackFloor: rollbackFloor.map { ReleaseID($0) })
  }

  private func next(
    _ target: UInt32, _ all: [Release], running: UInt32?, fits: Set<UInt32>? = nil,
    ran: [Release] = []
  ) throws -> Route {
    var releases: [ReleaseID: Release] = [:]
    for release in all { releases[release.id] = release }
    let device = Route.Traveller(
      runs: { $0.number == running }, fits: { fits?.contains($0.number) ?? true }, ran: ran)
    return Route.next(
      to: try #require(releases[ReleaseID(target)]), for: device, among: releases)
  }

  @Test func `a device takes every floor that it has not passed, the lowest first`() throws {
    let all = [
      try release(1), try release(2), try release(3, floor: 2), try release(4),
      try release(5, floor: 3),
    ]
    let steps: [(running: UInt32?, step: UInt32)] = [
      (nil, 2), (1, 2), (2, 3), (3, 5), (4, 5), (5, 5),
    ]
    for (running, step) in steps {
      #expect(try next(5, all, running: running) == .step(ReleaseID(step)), "\(running ?? 0)")
    }
    #expect(try next(4, all, running: nil) == .step(ReleaseID(4)))
  }

  @Test func `a release of another name passes no floor`() throws {
    let all = [try release(2), try release(3, floor: 2), try release(9, name: "app")]
    #expect(try next(3, all, running: 9) == .step(ReleaseID(2)))
  }

  @Test func `a floor that cannot be given bars the way, with the reason`() throws {
    let all = [try release(2), try release(3, floor: 2)]
    let without = try next(3, all, running: 1, fits: [3])
    #expect(without == .barred(.floorWithoutImage(floor: "os:2.0", of: "os:3.0")))
    let revoked = [try release(2, status: .revoked), try release(3, floor: 2)]
    #expect(
      try next(3, revoked, running: 1)
        == .barred(.floorNotPublished(floor: "os:2.0", of: "os:3.0", status: .revoked)))
    // Who is past it needs no image.
    #expect(try next(3, all, running: 2, fits: [3]) == .step(ReleaseID(3)))
  }

  @Test func `eight floors are walked and a circle ends`() throws {
    var chain = [try release(1)]
    for number in 2...9 as ClosedRange<UInt32> {
      chain.append(try release(number, floor: number - 1))
    }
    #expect(try next(9, chain, running: nil) == .step(ReleaseID(1)))
    chain.append(try release(10, floor: 9))
    #expect(try next(10, chain, running: nil) == .barred(.tooManyFloors(of: "os:10.0")))
    let circle = [try release(1, floor: 2), try release(2, floor: 1)]
    #expect(try next(2, circle, running: nil) == .barred(.tooManyFloors(of: "os:2.0")))
    #expect(
      Route.floors(before: circle[0], among: [ReleaseID(1): circle[0], ReleaseID(2): circle[1]])
        .count == Route.floorsMax + 1)
  }

  @Test func `nothing below an anti-rollback floor is given to a device that ran its release`()
    throws
  {
    let guardian = try release(4, rollbackFloor: 3)
    let all = [
      try release(2), try release(3), guardian, try release(5, floor: 2),
      try release(1, name: "app"),
    ]
    let barred = Route.barred(.rollbackFloor(try FirmwareVersion("3.0"), of: "os:4.0"))
    #expect(try next(2, all, running: 4, ran: [guardian]) == barred)
    #expect(try next(3, all, running: 4, ran: [guardian]) == .step(ReleaseID(3)))
    #expect(try next(1, all, running: 4, ran: [guardian]) == .step(ReleaseID(1)))
    // Nor as a step on the way to something newer.
    #expect(try next(5, all, running: nil, ran: [guardian]) == barred)
    #expect(try next(2, all, running: 4) == .step(ReleaseID(2)))
  }

  @Test func `the highest of several anti-rollback floors is named`() throws {
    let first = try release(4, rollbackFloor: 2)
    let second = try release(5, rollbackFloor: 5)
    let all = [try release(1), try release(2), first, second]
    #expect(
      try next(1, all, running: 5, ran: [first, second])
        == .barred(.rollbackFloor(try FirmwareVersion("5.0"), of: "os:5.0")))
  }

  @Test func `every obstacle has a clause, and an action says it`() throws {
    let obstacles: [RouteObstacle] = [
      .floorWithoutImage(floor: "a", of: "b"),
      .floorNotPublished(floor: "a", of: "b", status: .revoked), .tooManyFloors(of: "b"),
      .rollbackFloor(try FirmwareVersion("2.0"), of: "os:2.0"), .nothingKnown,
      .notPublished("os:1.0", .revoked),
    ]
    #expect(Set(obstacles.map(\.clause)).count == obstacles.count)
    let stranded = try action(.ended(.succeeded)).stranded(by: obstacles[3], now: noon)
    #expect(
      stranded.failure?.detail == "cannot go back: anti-rollback floor 2.0 of release os:2.0")
  }

  @Test func `a proven floor leads on under a new number, and an unproven one ends the part`()
    throws
  {
    let id = try #require(ActionID(1003))
    // The fixture is given release 2; the rollout is of 3.
    let verifying = try action(.leased(.verifying, deadline: noon))
    func past(_ outcome: Action.Outcome, target: UInt32 = 3, from: Action? = nil) throws -> Action?
    {
      try action(.ended(outcome)).pastFloor(
        from: from ?? verifying, to: ReleaseID(target), next: ReleaseID(3), id: id, now: noon)
    }
    let moved = try #require(try past(.succeeded))
    #expect(moved.state == .retrying(from: noon) && moved.release == ReleaseID(3))
    #expect(moved.id == id && moved.previousID == verifying.id && moved.failure == nil)
    let unproven = try #require(try past(.unverified))
    #expect(unproven.standing == .undelivered && unproven.failure?.cause == .unproven)
    #expect(try past(.failed) == nil && past(.succeeded, target: 2) == nil)
    let failed = try action(.ended(.failed))
    #expect(try past(.succeeded, from: failed) == failed)
  }
}
