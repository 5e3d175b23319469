// Samples: values of every kind, directories and a small generator for tests of the store.

import FleetStore
import Glibc
import RolloutEngine
import Testing
import UpdateModel

/// A directory that goes with its owner.
final class Directory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/groundswell-store-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("no temporary directory") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for name in ["groundswell.db", "groundswell.db-wal", "groundswell.db-shm", "lock", "ballast"] {
      unlink(path + "/" + name)
    }
    rmdir(path)
  }
}

struct TestFailure: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, seeded, the same everywhere.
struct Dice {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func roll(_ count: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return Int((mixed ^ mixed >> 31) % UInt64(count))
  }

  static func seed() -> UInt64 {
    UInt64(time(nil)) &* 1_000_003 &+ UInt64(getpid())
  }
}

enum Sample {
  static func name(_ text: String) throws -> Name { try Name(text) }

  static func digest(_ number: Int) throws -> Digest {
    guard let digest = Digest(bytes: (0..<32).map { UInt8(truncatingIfNeeded: number * 7 + $0) })
    else { throw TestFailure("32 bytes are a digest") }
    return digest
  }

  static func key(_ number: Int, tenant: String = "acme") throws -> DeviceKey {
    DeviceKey(tenant: try Name(tenant), device: try DeviceID("device-\(number)"))
  }

  static func instant(_ number: Int) -> Instant { Instant(milliseconds: Int64(number)) }

  static func actionID(_ number: Int) throws -> ActionID {
    guard let id = ActionID(UInt32(number)) else { throw TestFailure("\(number) is an action id") }
    return id
  }

  static func artifact(_ number: Int, compressed: Int64? = nil) throws -> Artifact {
    Artifact(
      id: ArtifactID(UInt32(number)), name: try Name("router-os"),
      version: try FirmwareVersion("1.\(number)+γ"), hardware: [try Name("a1"), try Name("a2")],
      component: try Name("os"), fileName: try Name("image.bin"), size: 1 << 33,
      sha256: try digest(number), sha1: "ab", md5: "cd", format: "raw",
      compressed: try compressed.map { .init(size: $0, sha256: try digest(number + 1)) },
      signature: "ef", keyID: "01", createdAt: instant(number))
  }

  static func release(_ number: Int, status: Release.Status = .draft) throws -> Release {
    Release(
      id: ReleaseID(UInt32(number)), name: try Name("router"),
      version: try FirmwareVersion("2.\(number)"), notes: "line 1\n\"line\" 2 \u{1F680}",
      artifacts: [ArtifactID(1), ArtifactID(2)], status: status, createdAt: instant(number))
  }

  static func device(_ number: Int, tenant: String = "acme", isBare: Bool = false) throws -> Device
  {
    var device = Device(
      key: try key(number, tenant: tenant), hardware: isBare ? nil : try Name("a1"),
      tokenDigest: isBare ? nil : try digest(number),
      tags: isBare ? [:] : ["site": "lab", "note": "ü \"x\"\\"],
      attributes: isBare ? [:] : ["version": "1.0", "empty": ""], createdAt: instant(number))
    if number.isMultiple(of: 2), !isBare {
      device.enrolment = Enrolment(state: .quarantined)
      device.enrolment.batch = number
      device.enrolment.claim = DeviceClaim(digest: try digest(number), expires: instant(90))
      device.enrolment.credentials = [
        Credential(
          kind: .p256, fingerprint: try digest(number + 1), publicKey: [1, 2, 255],
          status: .rotating, notBefore: instant(3), notAfter: instant(9), createdAt: instant(4))
      ]
    }
    return device
  }

  static let canaryPolicy: JSON = [
    "name": "careful",
    "canary": ["group": "staging", "signOff": true, "soak": "1h30m", "quorum": "95%"],
    "stages": ["start": 2, "growth": 2, "soak": "30m", "quorum": "80%", "waitAtMost": "2d"],
    "failureLimit": ["share": "2.5%", "minimum": 3],
  ]

  static let sharePolicy: JSON = [
    "name": "steps",
    "stages": [["upTo": "10%", "soak": "1h"], ["upTo": "100%", "soak": "0s", "quorum": "50%"]],
    "failureLimit": ["share": "5%"],
  ]

  static func rollout(
    _ number: Int, policy document: JSON = canaryPolicy, target: RolloutSpecification.Target? = nil
  ) throws -> Rollout {
    let policy = try Policy.decode(document, file: "test")
    let ranks = (1...10).map { UInt64.max / 10 * UInt64($0) }
    let stages = try Plan.stages(policy, canaries: policy.canary == nil ? 0 : 3, ranks: ranks)
    let specification = RolloutSpecification(
      id: RolloutID(UInt32(number)), name: try Name("spring-\(number)"), release: ReleaseID(4),
      target: target, policy: policy, policyDocument: document, salt: UInt64.max - UInt64(number),
      createdAt: instant(number))
    return Rollout(specification: specification, stages: stages)
  }

  static func action(
    rollout: Int, device: Int, id: Int, stage: Int = 0,
    state: Action.State = .leased(.offered, deadline: instant(900)), failure: Action.Failure? = nil,
    kind: Action.Kind = .update
  ) throws -> Action {
    Action(
      rollout: RolloutID(UInt32(rollout)), device: try key(device).device, stage: stage, kind: kind,
      id: try actionID(id), previousID: failure == nil ? nil : try actionID(11),
      attempt: failure == nil ? 1 : 2, release: ReleaseID(4),
      fallback: failure == nil ? nil : ReleaseID(3), state: state,
      cancel: failure == nil ? .none : .requested, grantedAt: instant(1), changedAt: instant(2),
      installedAt: failure == nil ? nil : instant(3), failure: failure)
  }

  static func report(_ number: Int, device: Int = 1, text: String = "ok") throws -> Report {
    Report(
      device: try key(device), rollout: RolloutID(1), action: try actionID(11),
      at: instant(number), kind: "proceeding", text: text, code: number)
  }
}

/// A store that writes, already loaded.
func openStore(_ directory: Directory, pendingLimit: Int = 100_000) throws -> Store {
  let store = try Store(directory: directory.path, pendingLimit: pendingLimit)
  store.start()
  return store
}

/// What a directory holds.
func contents(of directory: Directory) throws -> Fleet {
  var fleet = Fleet()
  try Store(directory: directory.path, pendingLimit: 1).load(&fleet)
  return fleet
}

/// What a store that took changes should hold, and what it holds when it is opened again.
func roundTrip(_ changes: [Change]) throws -> (expected: Fleet, found: Fleet) {
  let directory = try Directory()
  var fleet = Fleet()
  let store = try openStore(directory)
  for change in changes {
    fleet.apply(change)
    _ = store.enqueue(change)
  }
  #expect(store.stop() == nil)
  return (fleet, try contents(of: directory))
}
