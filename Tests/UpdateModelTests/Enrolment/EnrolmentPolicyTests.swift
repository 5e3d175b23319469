// EnrolmentPolicyTests: who may become which device, one row per case.

import Testing
import UpdateModel

@Suite struct EnrolmentPolicyTests {
  private static let now = Instant(milliseconds: 1_800_000_000_000)

  private func id(_ text: String = "d") throws -> DeviceID { try DeviceID(text) }

  private func claim(expires: Instant = now + .days(1), used: Bool = false) throws -> DeviceClaim {
    DeviceClaim(
      digest: try #require(Digest(bytes: [UInt8](repeating: 1, count: 32))), expires: expires,
      usedAt: used ? EnrolmentPolicyTests.now : nil)
  }

  private func decide(
    _ facts: EnrolmentFacts, _ settings: EnrolmentSettings = EnrolmentSettings(),
    _ targets: [String: EnrolmentTarget] = [:]
  ) -> EnrolmentDecision {
    EnrolmentDecision.decide(
      facts, under: settings, known: { targets[$0.text] }, at: EnrolmentPolicyTests.now)
  }

  private func target(
    _ state: Lifecycle = .provisioned, hasCredential: Bool = false, hardware: Name? = nil,
    ways: Set<EnrolmentWay>? = nil
  ) -> EnrolmentTarget {
    EnrolmentTarget(state: state, hasCredential: hasCredential, hardware: hardware, ways: ways)
  }

  @Test func `without a proof of the key nothing is looked at`() throws {
    var facts = EnrolmentFacts(provesPossession: false)
    facts.claim = .made(for: try id(), try claim())
    #expect(decide(facts, .init(), ["d": target()]) == .refuse(.noProof))
  }

  @Test func `a claim is good once and for its time`() throws {
    var facts = EnrolmentFacts(provesPossession: true)
    facts.claim = .made(for: try id(), try claim())
    #expect(decide(facts, .init(), ["d": target()]) == .accept(try id(), by: .claim))
    facts.claim = .made(for: try id(), try claim(used: true))
    #expect(decide(facts, .init(), ["d": target()]) == .refuse(.usedClaim(by: try id())))
    let end = EnrolmentPolicyTests.now
    facts.claim = .made(for: try id(), try claim(expires: end + Interval(milliseconds: 1)))
    #expect(decide(facts, .init(), ["d": target()]) == .accept(try id(), by: .claim))
    facts.claim = .made(for: try id(), try claim(expires: end))
    #expect(decide(facts, .init(), ["d": target()]) == .refuse(.expiredClaim(end)))
    facts.claim = .unknown
    #expect(decide(facts, .init(), ["d": target()]) == .refuse(.unknownClaim))
  }

  @Test func `a claim is for one device and its hardware`() throws {
    var facts = EnrolmentFacts(provesPossession: true)
    facts.claim = .made(for: try id(), try claim())
    facts.asksFor = try id("other")
    #expect(decide(facts, .init(), ["d": target()]) == .refuse(.otherDevice))
    facts.asksFor = try id()
    facts.hardware = try Name("board-b")
    let boardA = try Name("board-a")
    #expect(
      decide(facts, .init(), ["d": target(hardware: boardA)]) == .refuse(.otherHardware(boardA)))
    facts.hardware = boardA
    #expect(
      decide(facts, .init(), ["d": target(hardware: boardA)]) == .accept(try id(), by: .claim))
    #expect(decide(facts, .init(), ["d": target(.retired)]) == .refuse(.retired))
  }

  @Test func `a known device never gets another key without a person`() throws {
    var facts = EnrolmentFacts(provesPossession: true)
    facts.claim = .made(for: try id(), try claim())
    for state in [Lifecycle.enrolled, .active, .quarantined] {
      let answer = decide(facts, .init(), ["d": target(state, hasCredential: true)])
      guard case .pending(let device, _) = answer else {
        Issue.record("\(state): \(answer)")
        continue
      }
      #expect(device == (try id()))
    }
  }

  @Test func `a known key stays with its device`() throws {
    var facts = EnrolmentFacts(provesPossession: true)
    facts.owner = .init(device: try id(), state: .active, status: .active)
    #expect(decide(facts) == .repeated(try id()))
    facts.asksFor = try id("other")
    #expect(decide(facts) == .refuse(.keyOfAnother))
    facts.asksFor = nil
    // Its own claim, used long ago, changes nothing; the claim of another device is refused.
    facts.claim = .made(for: try id(), try claim(used: true))
    #expect(decide(facts) == .repeated(try id()))
    facts.claim = .made(for: try id("other"), try claim())
    #expect(decide(facts) == .refuse(.keyOfAnother))
    facts.claim = .none
    for owner: (Lifecycle, Credential.Status) in [(.active, .revoked), (.retired, .revoked)] {
      facts.owner = .init(device: try id(), state: owner.0, status: owner.1)
      #expect(decide(facts) == .refuse(.deadKey))
    }
  }

  @Test func `a key that was named beforehand is as good as a claim`() throws {
    var facts = EnrolmentFacts(provesPossession: true)
    facts.owner = .init(device: try id(), state: .provisioned, status: .expected)
    #expect(decide(facts, .init(), ["d": target()]) == .accept(try id(), by: .preauthorised))
    var closed = EnrolmentSettings()
    closed.ways = [.claim]
    #expect(decide(facts, closed, ["d": target()]) == .refuse(.closedWay(.preauthorised)))
    facts.asksFor = try id("other")
    #expect(decide(facts, .init(), ["d": target()]) == .refuse(.keyOfAnother))
  }

  @Test func `an authority names devices where the tenant wants that`() throws {
    var facts = EnrolmentFacts(provesPossession: true)
    facts.certified = try id()
    #expect(decide(facts) == .refuse(.closedWay(.ca)))
    var settings = EnrolmentSettings()
    settings.ways = [.ca]
    #expect(decide(facts, settings) == .accept(try id(), by: .ca))
    settings.approvesCertified = true
    guard case .pending = decide(facts, settings) else {
      Issue.record("a certified device was not held for a person")
      return
    }
  }

  @Test func `strangers wait for a person or are refused`() throws {
    var facts = EnrolmentFacts(provesPossession: true)
    #expect(decide(facts) == .refuse(.stranger))
    var settings = EnrolmentSettings()
    settings.ways.insert(.manual)
    guard case .pending(nil, _) = decide(facts, settings) else {
      Issue.record("a stranger was not held for a person")
      return
    }
    facts.asksFor = try id()
    guard case .pending(try id(), _) = decide(facts, settings) else {
      Issue.record("a stranger with a name was not held for a person")
      return
    }
    #expect(decide(facts, settings, ["d": target(.retired)]) == .refuse(.retired))
    #expect(decide(facts, settings, ["d": target(ways: [.claim])]) == .refuse(.stranger))
  }

  @Test func `a batch has its own ways`() throws {
    var facts = EnrolmentFacts(provesPossession: true)
    facts.claim = .made(for: try id(), try claim())
    let strict = target(ways: [.preauthorised])
    #expect(decide(facts, .init(), ["d": strict]) == .refuse(.closedWay(.claim)))
    var closed = EnrolmentSettings()
    closed.ways = []
    #expect(
      decide(facts, closed, ["d": target(ways: [.claim])]) == .accept(try id(), by: .claim))
  }

  @Test func `settings read back, and refuse what is out of range`() throws {
    func read(_ text: String) throws -> (EnrolmentSettings, [Problem.Fault]) {
      let faults = DocumentReader.Faults()
      var settings = EnrolmentSettings()
      settings.apply(DocumentReader(try JSON.parse(Array(text.utf8)), faults: faults))
      return (settings, faults.list)
    }
    let (changed, faults) = try read(
      #"{"ways":["manual","ca"],"overlap":"1d","certificateDays":30,"quarantineClones":true}"#)
    #expect(faults.isEmpty && changed.ways == [.manual, .ca] && changed.overlap == .days(1))
    let (again, none) = try read(String(decoding: changed.document.text, as: UTF8.self))
    #expect(none.isEmpty && again == changed)
    for text in [
      #"{"ways":["any"]}"#, #"{"ways":"claim"}"#, #"{"overlap":"91d"}"#,
      #"{"certificateDays":0}"#, #"{"authorities":[1]}"#, #"{"quarantineClones":"yes"}"#,
      #"{"authorities":["a","b","c","d","e","f","g","h","i"]}"#,
    ] {
      #expect(try read(text).1.count == 1, "\(text)")
    }
  }
}
