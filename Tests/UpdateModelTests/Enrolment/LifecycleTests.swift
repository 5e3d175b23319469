// LifecycleTests: every event in every state, and how credentials follow each other.

import Testing
import UpdateModel

@Suite struct LifecycleTests {
  /// One row per state: the states after enrol, speak, quarantine, release, disown, retire.
  private static let table: [(Lifecycle, [Lifecycle?])] = [
    (.provisioned, [.enrolled, nil, nil, nil, nil, .retired]),
    (.enrolled, [.enrolled, .active, .quarantined, nil, .provisioned, .retired]),
    (.active, [.active, .active, .quarantined, nil, .provisioned, .retired]),
    (.quarantined, [.quarantined, .quarantined, nil, .active, .quarantined, .retired]),
    (.retired, [nil, nil, nil, nil, nil, nil]),
  ]

  @Test(arguments: table) func `every event is decided in every state`(
    state: Lifecycle, expected: [Lifecycle?]
  ) {
    #expect(Lifecycle.Event.allCases.map { state.after($0) } == expected)
    for event in Lifecycle.Event.allCases where state.after(event) == nil {
      #expect(!state.refusal(of: event).isEmpty)
    }
  }

  private static let now = Instant(milliseconds: 1_800_000_000_000)

  private func digest(_ number: UInt8) throws -> Digest {
    try #require(Digest(bytes: [UInt8](repeating: number, count: 32)))
  }

  private func key(_ number: UInt8, at now: Instant = LifecycleTests.now) throws -> Credential {
    Credential(
      kind: .p256, fingerprint: try digest(number), publicKey: [number], notBefore: now,
      createdAt: now)
  }

  private func device(token: Digest? = nil) throws -> Device {
    Device(
      key: DeviceKey(tenant: try Name("acme"), device: try DeviceID("d")), hardware: nil,
      tokenDigest: token, twin: Twin(), createdAt: LifecycleTests.now)
  }

  @Test func `both credentials count until the new one is used`() throws {
    var device = try device(token: try digest(9))
    let now = LifecycleTests.now
    device.rotate(to: try key(1), overlap: .days(7), at: now)
    #expect(device.tokenDigest == nil)
    let old = try #require(device.enrolment[try digest(9)])
    #expect(old.status == .rotating && old.notAfter == now + .days(7))
    #expect(old.counts(at: now + .days(7) + Interval(milliseconds: -1)))
    #expect(!old.counts(at: now + .days(7)))
    #expect(device.enrolment[try digest(1)]?.counts(at: now) == true)
    let ended = device.noteUse(of: try digest(1), at: now + .days(1))
    #expect(ended.map(\.fingerprint) == [try digest(9)])
    #expect(device.enrolment[try digest(9)]?.status == .revoked)
    #expect(device.noteUse(of: try digest(1), at: now + .days(2)).isEmpty)
  }

  @Test func `a token beside a key gets its overlap as the key does`() throws {
    var device = try device()
    let now = LifecycleTests.now
    device.enrol(with: try key(1), at: now)
    device.tokenDigest = try digest(9)
    device.rotate(to: try key(2), overlap: .days(7), at: now)
    for old in [try digest(1), try digest(9)] {
      #expect(device.enrolment[old]?.status == .rotating)
      #expect(device.enrolment[old]?.counts(at: now + .days(6)) == true)
    }
  }

  @Test func `an overlap never lengthens what ends sooner`() throws {
    var device = try device()
    let now = LifecycleTests.now
    device.enrol(with: try key(1), at: now)
    device.rotate(to: try key(2), overlap: .days(1), at: now)
    device.rotate(to: try key(3), overlap: .days(7), at: now)
    // The successor that was never used is gone, the first one keeps its end.
    #expect(device.enrolment[try digest(2)]?.status == .revoked)
    #expect(device.enrolment[try digest(1)]?.notAfter == now + .days(1))
    #expect(device.enrolment[try digest(3)]?.status == .active)
  }

  @Test func `enrolment ends all that was before, and a claim`() throws {
    var device = try device(token: try digest(9))
    device.enrolment = Enrolment(state: .provisioned)
    device.enrolment.claim = DeviceClaim(
      digest: try digest(7), expires: LifecycleTests.now + .days(1))
    device.enrol(with: try key(1), at: LifecycleTests.now)
    #expect(device.state == .enrolled && device.tokenDigest == nil)
    #expect(device.enrolment.claim?.usedAt == LifecycleTests.now)
    device.enrol(with: try key(2), at: LifecycleTests.now)
    #expect(device.enrolment[try digest(1)]?.status == .revoked)
  }

  @Test func `the last credential taken away makes a device a mere place`() throws {
    var device = try device(token: try digest(9))
    #expect(!device.revoke(try digest(8), at: LifecycleTests.now))
    #expect(device.revoke(try digest(9), at: LifecycleTests.now))
    #expect(device.state == .provisioned)
    var distrusted = try self.device(token: try digest(9))
    distrusted.enrolment.state = .quarantined
    #expect(distrusted.revoke(try digest(9), at: LifecycleTests.now))
    #expect(distrusted.state == .quarantined)
  }

  @Test func `retirement leaves nothing to prove oneself with`() throws {
    var device = try device(token: try digest(9))
    device.rotate(to: try key(1), overlap: .days(7), at: LifecycleTests.now)
    device.enrolment.claim = DeviceClaim(
      digest: try digest(7), expires: LifecycleTests.now + .days(1))
    device.retire()
    #expect(device.state == .retired && !device.hasCredential(at: LifecycleTests.now))
    #expect(device.enrolment.claim == nil)
    // The key stays known, so that it is not taken again.
    #expect(device.enrolment.credentials.map(\.status) == [.revoked])
  }

  @Test func `credentials are bounded, and revoked ones go first`() throws {
    var device = try device()
    for number in 1...20 {
      device.rotate(to: try key(UInt8(number)), overlap: .days(7), at: LifecycleTests.now)
      _ = device.noteUse(of: try digest(UInt8(number)), at: LifecycleTests.now)
    }
    #expect(device.enrolment.credentials.count == Credential.countMax)
    #expect(device.enrolment.credentials.last?.fingerprint == (try digest(20)))
    #expect(device.enrolment.credentials.last?.status == .active)
  }

  @Test func `an enrolment reads back as it was written`() throws {
    #expect(Enrolment().document == nil)
    var device = try device(token: try digest(9))
    device.rotate(to: try key(1), overlap: .days(7), at: LifecycleTests.now)
    device.enrolment.batch = 4
    device.enrolment.precedesBatch = true
    device.enrolment.claim = DeviceClaim(
      digest: try digest(7), expires: LifecycleTests.now, usedAt: LifecycleTests.now)
    device.enrolment.replaces = try DeviceID("old")
    device.enrolment.replacedBy = try DeviceID("new")
    device.enrolment.state = .quarantined
    let document = try #require(device.enrolment.document)
    #expect(try Enrolment(document) == device.enrolment)
    #expect(throws: InvalidValue.self) { try Enrolment(.object([])) }
    #expect(throws: InvalidValue.self) {
      try Enrolment(["state": "active", "credentials": [["kind": "token"]]])
    }
  }

  @Test func `a bucket lets a burst through and then its rate`() {
    var bucket = TokenBucket(rate: 10, burst: 3, at: LifecycleTests.now)
    for _ in 0..<3 { #expect(bucket.take(at: LifecycleTests.now) == nil) }
    #expect(bucket.take(at: LifecycleTests.now) == 1)
    let later = LifecycleTests.now + Interval(milliseconds: 100)
    #expect(bucket.take(at: later) == nil)
    #expect(bucket.take(at: later) == 1)
    // A clock that was set back, and one that jumps ahead.
    #expect(bucket.take(at: .epoch) == 1)
    let far = LifecycleTests.now + .days(3650)
    for _ in 0..<3 { #expect(bucket.take(at: far) == nil) }
    #expect(bucket.take(at: far) == 1)
    var slow = TokenBucket(rate: 1, burst: 1, at: LifecycleTests.now)
    #expect(slow.take(at: LifecycleTests.now) == nil)
    #expect(slow.take(at: LifecycleTests.now) == 1)
  }

  @Test func `a pattern numbers devices in equal length`() throws {
    let ids = try DeviceIDPattern("line4-{n}").ids(from: 98, count: 3).map(\.text)
    #expect(ids == ["line4-098", "line4-099", "line4-100"])
    #expect(try DeviceIDPattern("{n}x").ids(from: 1, count: 2).map(\.text) == ["1x", "2x"])
    for text in ["", "line4", "{n}{n}", "a {n}", "a/{n}", "{N}"] {
      #expect(throws: InvalidValue.self, "\(text)") { try DeviceIDPattern(text) }
    }
  }
}
