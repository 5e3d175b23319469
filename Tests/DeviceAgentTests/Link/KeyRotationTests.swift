// A rotation of the key whose answer never arrived: the device goes on with the key that counts.

import Crypto
import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct KeyRotationTests {
  private let bench: AgentBench

  init() throws { bench = try AgentBench() }

  /// Rotates the key and puts the files back to where they were before the answer came, as power
  /// that failed after the server's commit leaves them; the server wishes nothing any more.
  private func rotateAndLoseTheAnswer() throws {
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    let old = try #require(try bench.directory.read("state/device.key"))
    let identity = try #require(try bench.directory.read("state/identity.json"))
    let before = bench.counter.seen { $0.keys["device-1"] }
    bench.counter.set {
      $0.answer = [
        "desired": [
          "version": 3, "properties": ["credential": ["rotateBy": "2027-01-01T00:00:00Z"]],
        ]
      ]
    }
    _ = try agent.cycle(mayWait: false)
    #expect(bench.counter.seen { $0.keys["device-1"] } != before)
    let fresh = try #require(try bench.directory.read("state/device.key"))
    try bench.directory.write(fresh, to: "state/device-next.key")
    try bench.directory.write(old, to: "state/device.key")
    try bench.directory.write(identity, to: "state/identity.json")
    bench.counter.set {
      $0.tokens = []
      $0.olderKeys = ["device-1": before].compactMapValues { $0 }
      $0.answer = ["desired": ["version": 4, "properties": .object([])]]
    }
  }

  /// The device speaks with the key of the server and remembers no other.
  private func expectNewKey() throws {
    let key = try DeviceIdentity.key(in: try StateDirectory(bench.directory.file("state")))
    #expect(key.verifyingKey == bench.counter.seen { $0.keys["device-1"] })
    #expect(try bench.directory.read("state/device-next.key") == nil)
    bench.counter.set {
      $0.olderKeys = [:]
      $0.tokens = []
    }
    let later = try bench.agent()
    _ = try later.cycle(mayWait: false)
    #expect(later.troubleNow == nil)
  }

  @Test func `a rotation whose answer was lost is ended although nobody wishes it any more`() throws
  {
    try rotateAndLoseTheAnswer()
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    #expect(agent.troubleNow == nil)
    try expectNewKey()
  }

  @Test func `when only the next key counts any more it is the one that is used`() throws {
    try rotateAndLoseTheAnswer()
    bench.counter.set { $0.olderKeys = [:] }
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    _ = try agent.cycle(mayWait: false)
    #expect(agent.troubleNow == nil)
    #expect(bench.counter.seen { $0.requests.count { $0.hasSuffix("/enrol") } } == 1)
    try expectNewKey()
  }

  @Test func `a next key that the server never takes is dropped and the present one stays`() throws
  {
    try rotateAndLoseTheAnswer()
    bench.counter.set {
      $0.refusesKeys = true
      $0.keys["device-1"] = $0.olderKeys["device-1"]
    }
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    #expect(try bench.directory.read("state/device-next.key") == nil)
    _ = try agent.cycle(mayWait: false)
    #expect(agent.troubleNow == nil)
  }
}
