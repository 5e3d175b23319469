// DeviceLifeTests: credentials that follow each other, quarantine, retirement, replacement and
// people who approve, over HTTP with a real control plane and store.

import Crypto
import HTTPClient
import Orchestrator
import Testing
import UpdateModel

@Suite struct DeviceLifeTests {
  private let fleet: DDIFleet
  private var desk: ManagementClient { fleet.desk }
  private var service: ManagementService { fleet.service }

  init() throws { fleet = try DDIFleet(image: "recovery firmware") }

  /// A unit that became a device and opened a session.
  private func enrolled(_ id: String = "d1") throws -> (unit: EnrollingUnit, token: String) {
    let code = try desk.provision(one: id)
    let unit = try EnrollingUnit(service)
    #expect(try unit.enrol(claim: code).status == 201)
    return (unit, try #require(try unit.session(as: id)))
  }

  private func fingerprint(_ unit: EnrollingUnit) -> String { unit.key.publicKey.fingerprint.hex }

  // MARK: Rotation and revocation

  @Test func `both keys count until the new one is used, and then only that`() throws {
    let (unit, token) = try enrolled()
    let next = try EnrollingUnit(service, .ed25519)
    let answer = try unit.rotate(to: next, as: "d1", token: token)
    #expect(answer.status == 201)
    let document = try JSON.parse(answer.body)
    #expect(document["fingerprint"]?.string == fingerprint(next))
    let end = fleet.clock.now + .days(7)
    #expect(document["oldValidUntil"]?.string == end.description)
    #expect(document["certificate"]?.string?.hasPrefix("-----BEGIN CERTIFICATE") == true)
    // The same request again gets the same answer.
    let again = try JSON.parse(try unit.rotate(to: next, as: "d1", token: token).body)
    #expect(again["oldValidUntil"] == document["oldValidUntil"])
    #expect(try unit.poll(as: "d1", token: token) == 200)
    let second = try #require(try unit.session(as: "d1"))
    let newToken = try #require(try next.session(as: "d1"))
    #expect(try next.poll(as: "d1", token: newToken) == 200)
    for old in [token, second] { #expect(try unit.poll(as: "d1", token: old) == 401) }
    #expect(try unit.session(as: "d1") == nil)
    let history = try desk.history(of: "d1")
    #expect(history.contains { $0.contains("revoked: its successor is in use") })
  }

  @Test func `an old key ends with its overlap`() throws {
    let (unit, token) = try enrolled()
    let next = try EnrollingUnit(service)
    #expect(try unit.rotate(to: next, as: "d1", token: token).status == 201)
    fleet.clock.move(by: Interval(milliseconds: Interval.days(7).milliseconds - 1))
    let last = try #require(try unit.session(as: "d1"))
    #expect(try unit.poll(as: "d1", token: last) == 200)
    fleet.clock.move(by: Interval(milliseconds: 1))
    #expect(try unit.poll(as: "d1", token: last) == 401)
    #expect(try unit.session(as: "d1") == nil)
    #expect(try next.session(as: "d1") != nil)
  }

  @Test func `a token may be followed by a key`() throws {
    let device = try NativeDevice(fleet)
    let old = try #require(device.token)
    let next = try EnrollingUnit(service)
    #expect(try next.rotate(to: next, as: "d1", token: old).status == 201)
    device.expectStatus(200)
    let token = try #require(try next.session(as: "d1"))
    #expect(try next.poll(as: "d1", token: token) == 200)
    device.expectStatus(401)
  }

  @Test func `nobody takes the key of another device, or a revoked one`() throws {
    let (unit, token) = try enrolled()
    let (other, _) = try enrolled("d2")
    #expect(try unit.rotate(to: other, as: "d1", token: token).status == 409)
    #expect(try unit.rotate(to: EnrollingUnit(service), as: "d2", token: token).status == 401)
    let next = try EnrollingUnit(service)
    #expect(try unit.rotate(to: next, as: "d1", token: token).status == 201)
    _ = try desk.expect(
      204, "DELETE", "T/devices/d1/credentials/\(fingerprint(next).prefix(12))")
    #expect(try unit.rotate(to: next, as: "d1", token: token).status == 403)
  }

  @Test func `a revoked key counts for no request any more, nor after a restart`() throws {
    let (unit, token) = try enrolled()
    #expect(try unit.poll(as: "d1", token: token) == 200)
    _ = try desk.expect(404, "DELETE", "T/devices/d1/credentials/0000000000")
    _ = try desk.expect(204, "DELETE", "T/devices/d1/credentials/\(fingerprint(unit))")
    #expect(try unit.poll(as: "d1", token: token) == 401)
    #expect(try unit.session(as: "d1") == nil)
    #expect(try unit.enrol().status == 403)
    #expect(try desk.expect(200, "GET", "T/devices/d1")["state"] == "provisioned")
  }

  @Test func `a device is asked for a new key by its desired properties`() throws {
    let (unit, token) = try enrolled()
    _ = try desk.expect(200, "POST", "T/devices/d1/credentials/rotate", #"{"within":"1d"}"#)
    let asked = try JSON.parse(try unit.send("GET", "d1/twin", token: token).body)
    let by = (fleet.clock.now + .days(1)).description
    #expect(asked["desired"]?["properties"]?["credential"]?["rotateBy"]?.string == by)
    let next = try EnrollingUnit(service)
    #expect(try unit.rotate(to: next, as: "d1", token: token).status == 201)
    let after = try JSON.parse(try unit.send("GET", "d1/twin", token: token).body)
    #expect(after["desired"]?["properties"]?["credential"]?["rotateBy"] == nil)
  }

  // MARK: Life

  @Test func `a device in quarantine gets recovery rollouts and nothing else`() throws {
    let (unit, token) = try enrolled()
    _ = try unit.send(
      "PATCH", "d1/twin", ["reported": ["version": "0.9", "hardware": "board-a"]], token: token)
    try fleet.start()
    let offer = try JSON.parse(try unit.send("GET", "d1", token: token).body)["offer"]
    let url = try #require(offer?["images"]?.array?.first?["url"]?.string)
    let image = String(url.dropFirst("\(EnrollingUnit.base)/".count))
    #expect(try unit.send("GET", image, token: token).status == 200)
    _ = try desk.expect(200, "POST", "T/devices/d1/quarantine", #"{"reason":"key published"}"#)
    _ = try desk.expect(409, "POST", "T/devices/d1/quarantine")
    #expect(try unit.send("GET", image, token: token).status == 404)
    let poll = try JSON.parse(try unit.send("GET", "d1", token: token).body)
    #expect(poll["state"] == "quarantined" && poll["offer"] == nil)
    #expect(poll["cancel"]?["action"] == offer?["action"])
    let action = try #require(offer?["action"])
    #expect(
      try unit.send(
        "POST", "d1/reports", .members(["action": action, "phase": "cancelled"]), token: token
      ).status == 200)
    let idle = try JSON.parse(try unit.send("GET", "d1", token: token).body)
    #expect(idle["offer"] == nil && idle["cancel"] == nil)
    _ = try desk.expect(200, "POST", "T/rollouts/r1/abort")
    _ = try desk.expect(
      201, "POST", "T/rollouts",
      #"{"name":"cure","release":1,"policy":"devices","start":true,"recovery":true}"#)
    let cure = try JSON.parse(try unit.send("GET", "d1", token: token).body)
    #expect(cure["offer"]?["release"]?["version"] == "1.0")
    #expect(try unit.send("GET", image, token: token).status == 200)
    _ = try desk.expect(200, "POST", "T/devices/d1/release")
    _ = try desk.expect(409, "POST", "T/devices/d1/release")
    #expect(try desk.expect(200, "GET", "T/devices/d1")["state"] == "active")
    #expect(
      try desk.history(of: "d1").contains("lifecycle: quarantined by tester: key published"))
  }

  @Test func `a retired device is refused everything, and its history stays`() throws {
    let (unit, token) = try enrolled()
    #expect(try unit.poll(as: "d1", token: token) == 200)
    _ = try desk.expect(200, "POST", "T/devices/d1/retire")
    #expect(try unit.poll(as: "d1", token: token) == 401)
    #expect(try unit.session(as: "d1") == nil)
    #expect(try unit.enrol().status == 403)
    #expect(try unit.enrol(device: "d1").status == 403)
    _ = try desk.expect(409, "POST", "T/devices/d1/token")
    _ = try desk.expect(409, "POST", "T/devices/d1/retire")
    #expect(try desk.expect(200, "GET", "T/devices/d1")["state"] == "retired")
    #expect(try desk.history(of: "d1").contains("lifecycle: retired by tester"))
    // A device with a token, too.
    let other = try NativeDevice(fleet, "d2")
    other.expectStatus(200)
    _ = try desk.expect(200, "POST", "T/devices/d2/retire")
    other.expectStatus(401)
  }

  @Test func `another unit takes the place of a device`() throws {
    let (_, token) = try enrolled("old")
    let unit = try EnrollingUnit(service)
    _ = try desk.expect(200, "PATCH", "T/devices/old", #"{"tags":{"site":"lab"}}"#)
    _ = try desk.expect(200, "PUT", "T/groups/pilot")
    _ = try desk.expect(200, "POST", "T/groups/pilot/members", #"{"add":["old"]}"#)
    let answer = try desk.expect(200, "POST", "T/devices/old/replace", #"{"by":"new"}"#)
    let code = try #require(answer["code"]?.string)
    #expect(answer["device"]?["replaces"] == "old" && answer["device"]?["groups"] == ["pilot"])
    #expect(try unit.poll(as: "old", token: token) == 401)
    let old = try desk.expect(200, "GET", "T/devices/old")
    #expect(old["state"] == "retired" && old["replacedBy"] == "new" && old["groups"] == [])
    #expect(try unit.enrol(claim: code).status == 201)
    #expect(try desk.expect(200, "GET", "T/devices/new")["tags"] == ["site": "lab"])
    _ = try desk.expect(404, "POST", "T/devices/old/replace", #"{"by":"newer"}"#)
    _ = try desk.expect(409, "POST", "T/devices/new/replace", #"{"by":"new"}"#)
  }

  @Test func `a place may have a twin before its hardware is there`() throws {
    _ = try desk.expect(
      201, "POST", "T/devices", #"{"id":"later","placeholder":true,"tags":{"site":"roof"}}"#)
    _ = try desk.expect(
      400, "POST", "T/devices", #"{"id":"x","placeholder":true,"token":"abcdefghijklmnop"}"#)
    _ = try desk.expect(
      200, "PATCH", "T/devices/later/twin/desired", #"{"interval":30}"#)
    let code = try desk.provision(one: "later")
    let unit = try EnrollingUnit(service)
    #expect(try unit.enrol(claim: code).status == 201)
    let token = try #require(try unit.session(as: "later"))
    let poll = try JSON.parse(try unit.send("GET", "later", token: token).body)
    #expect(poll["desired"]?["properties"] == ["interval": 30])
    #expect(try desk.expect(200, "GET", "T/devices/later")["tags"] == ["site": "roof"])
    // It is taken now.
    _ = try desk.expect(409, "POST", "T/batches", #"{"name":"again","ids":["later"]}"#)
  }

  // MARK: People and authorities

  @Test func `a stranger waits for a person and reaches nothing meanwhile`() throws {
    let unit = try EnrollingUnit(service)
    #expect(try unit.enrol(device: "s1").status == 403)
    _ = try desk.expect(200, "PATCH", "T/enrolment", #"{"ways":["claim","manual"]}"#)
    let waiting = try unit.enrol(device: "s1", [JSON.Member("hardware", "board-a")])
    #expect(waiting.status == 202 && waiting.header("Retry-After") == "60")
    #expect(try unit.session(as: "s1") == nil)
    let list = try desk.expect(200, "GET", "T/enrolments")["items"]?.array ?? []
    #expect(list.count == 1 && list.first?["device"] == "s1")
    #expect(list.first?["fingerprint"]?.string == fingerprint(unit))
    let short = fingerprint(unit).prefix(8)
    _ = try desk.expect(404, "POST", "T/enrolments/00000000/approve")
    #expect(
      try desk.expect(200, "POST", "T/enrolments/\(short)/approve") == ["device": "s1"])
    #expect(try unit.enrol(device: "s1").status == 201)
    #expect(try unit.session(as: "s1") != nil)
    // One that is turned away may ask again.
    let other = try EnrollingUnit(service)
    #expect(try other.enrol().status == 202)
    _ = try desk.expect(204, "POST", "T/enrolments/\(fingerprint(other))/reject")
    #expect(try desk.expect(200, "GET", "T/enrolments")["items"] == [])
    #expect(try other.enrol().status == 202)
  }

  @Test func `a known device with another key is a person's business`() throws {
    let codes = try desk.provision(#"{"name":"one","ids":["d1"],"ways":["claim","manual"]}"#)
    let unit = try EnrollingUnit(service)
    #expect(try unit.enrol(claim: codes["d1"]).status == 201)
    let token = try #require(try unit.session(as: "d1"))
    let thief = try EnrollingUnit(service)
    #expect(try thief.enrol(device: "d1").status == 202)
    #expect(try unit.poll(as: "d1", token: token) == 200)
    #expect(
      try desk.history(of: "d1").contains { $0.contains("asks to be this device") })
    _ = try desk.expect(200, "POST", "T/enrolments/\(fingerprint(thief))/approve")
    #expect(try unit.poll(as: "d1", token: token) == 401)
    #expect(try thief.session(as: "d1") != nil)
  }

  @Test func `the line of strangers has an end`() throws {
    _ = try desk.expect(200, "PATCH", "T/enrolment", #"{"ways":["manual"]}"#)
    var statuses: [Int: Int] = [:]
    for _ in 0..<PendingEnrolment.countMax + 5 {
      fleet.clock.move(by: .seconds(1))
      statuses[try EnrollingUnit(service, .ed25519).enrol().status, default: 0] += 1
    }
    #expect(statuses == [202: PendingEnrolment.countMax, 429: 5])
    fleet.clock.move(by: .days(8))
    #expect(try EnrollingUnit(service).enrol().status == 202)
  }

  @Test func `a key that was named beforehand is let in as its device`() throws {
    let unit = try EnrollingUnit(service)
    let key = Base64.standard.encode(unit.key.publicKey.derBytes)
    let body = #"{"devices":[{"id":"p1","hardware":"board-a","key":"\#(key)"}]}"#
    #expect(try desk.expect(201, "POST", "T/preauthorised", body) == ["created": 1])
    _ = try desk.expect(409, "POST", "T/preauthorised", body)
    _ = try desk.expect(400, "POST", "T/preauthorised", #"{"devices":[{"id":"p2","key":"x"}]}"#)
    #expect(try desk.expect(200, "GET", "T/devices/p1")["state"] == "provisioned")
    #expect(try unit.session(as: "p1") == nil)
    let answer = try unit.enrol()
    #expect(answer.status == 201)
    #expect(try JSON.parse(answer.body)["device"] == "p1")
    #expect(try unit.session(as: "p1") != nil)
  }

  @Test func `a trusted authority names devices by its certificates`() throws {
    let factory = try CertificateAuthority.selfSigned(
      try CredentialPrivateKey.generate(.p256), name: "factory",
      serial: [UInt8](repeating: 5, count: 16), at: fleet.clock.now.milliseconds / 1000)
    let unit = try EnrollingUnit(service)
    let certificate = try factory.issue(
      for: unit.key.publicKey, device: "serial-9", tenant: "factory",
      serial: [UInt8](repeating: 6, count: 16),
      validity: try CertificateValidity(days: 30, at: fleet.clock.now.milliseconds / 1000))
    let proof = [JSON.Member("certificate", .string(certificate.pem))]
    #expect(try unit.enrol([]).status == 403)
    let settings = JSON.members([
      "ways": ["ca"], "authorities": .array([.string(factory.certificate.pem)]),
    ])
    _ = try desk.expect(
      200, "PATCH", "T/enrolment", String(decoding: settings.text, as: UTF8.self))
    _ = try desk.expect(400, "PATCH", "T/enrolment", #"{"authorities":["none"]}"#)
    // The certificate of somebody else is no proof.
    #expect(try EnrollingUnit(service).enrol(proof).status == 403)
    let answer = try unit.enrol(proof)
    #expect(answer.status == 201)
    #expect(try JSON.parse(answer.body)["device"] == "serial-9")
  }

  // MARK: Downloads

  @Test(arguments: ["revoke", "quarantine", "retire"])
  func `a download under way is cut when its device loses its access`(how: String) throws {
    // More than the socket buffers of both ends take in.
    let fleet = try DDIFleet(image: String(repeating: "0123456789abcdef", count: 3_000_000))
    let desk = fleet.desk
    let code = try desk.provision(one: "d1")
    let unit = try EnrollingUnit(fleet.service)
    #expect(try unit.enrol(claim: code).status == 201)
    let token = try #require(try unit.session(as: "d1"))
    _ = try unit.send(
      "PATCH", "d1/twin", ["reported": ["version": "0.9", "hardware": "board-a"]], token: token)
    try fleet.start()
    let offer = try JSON.parse(try unit.send("GET", "d1", token: token).body)["offer"]
    let url = try #require(offer?["images"]?.array?.first?["url"]?.string)
    var received = 0
    let connection = try fleet.service.connect()
    #expect(throws: HTTPClientError.self) {
      _ = try connection.download(url, headers: [("Authorization", "Bearer \(token)")]) {
        response, bytes in
        if received == 0 {
          #expect(response.status == 200)
          let path =
            how == "revoke"
            ? "T/devices/d1/credentials/\(unit.key.publicKey.fingerprint.hex)"
            : "T/devices/d1/\(how)"
          // Before more bytes are taken; a failure to ask shows as a missing status.
          let answer = try? desk.send(how == "revoke" ? "DELETE" : "POST", path)
          #expect(answer.map { $0.status < 300 } == true)
        }
        received += bytes.count
        return true
      }
    }
    #expect(received > 0 && received < 48_000_000)
  }

  // MARK: Clones

  @Test func `two units with one key are noticed, and quarantined where that is wanted`() throws {
    _ = try desk.expect(200, "PATCH", "T/enrolment", #"{"quarantineClones":true}"#)
    let (unit, first) = try enrolled()
    let clone = try EnrollingUnit(service, key: unit.key)
    let second = try #require(try clone.session(as: "d1"))
    for _ in 0..<8 {
      #expect(try unit.poll(as: "d1", token: first) == 200)
      #expect(try clone.poll(as: "d1", token: second) == 200)
    }
    let alerts = try desk.expect(200, "GET", "T/alerts")["items"]?.array ?? []
    #expect(alerts.map { $0["kind"] } == ["clone"])
    #expect(try desk.expect(200, "GET", "T/devices/d1")["state"] == "quarantined")
  }

  @Test func `a unit that renews its session is no clone, nor one that starts again`() throws {
    let (unit, token) = try enrolled()
    var present = token
    for round in 0..<10 {
      let next = try #require(try unit.session(as: "d1"))
      // One request that was under way.
      #expect(try unit.poll(as: "d1", token: next) == 200)
      #expect(try unit.poll(as: "d1", token: present) == 200)
      present = next
      _ = try unit.send(
        "PATCH", "d1/twin", ["reported": ["bootId": .string("boot-\(round)")]], token: present)
    }
    #expect(try desk.expect(200, "GET", "T/alerts")["items"] == [])
  }

  @Test func `boots that come back twice are two units`() throws {
    let (unit, token) = try enrolled()
    func boot(_ id: String) throws {
      _ = try unit.send(
        "PATCH", "d1/twin", ["reported": ["bootId": .string(id)]], token: token)
    }
    for id in ["a", "b", "a"] { try boot(id) }
    #expect(try desk.expect(200, "GET", "T/alerts")["items"] == [])
    try boot("b")
    let alerts = try desk.expect(200, "GET", "T/alerts")["items"]?.array ?? []
    #expect(alerts.map { $0["kind"] } == ["clone"])
    #expect(try desk.expect(200, "GET", "T/devices/d1")["state"] == "active")
  }
}

extension NativeDevice {
  fileprivate func expectStatus(_ status: Int) {
    #expect(throws: Never.self) {
      let found = try send("GET", "").status
      #expect(found == status)
    }
  }
}
