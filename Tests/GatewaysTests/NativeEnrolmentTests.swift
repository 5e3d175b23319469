// NativeEnrolmentTests: units become devices, over HTTP, with a real control plane and store.

import Crypto
import HTTPClient
import Orchestrator
import Testing
import UpdateModel

@Suite struct NativeEnrolmentTests {
  private let clock = MovableClock()
  private let service: ManagementService
  private let desk: ManagementClient

  init() throws {
    service = try ManagementService(clock: clock)
    desk = try ManagementClient(service)
  }

  private func document(_ response: HTTPResponse, _ status: Int) throws -> JSON {
    guard response.status == status else {
      throw Failure("\(response.status) \(response.text)")
    }
    return try JSON.parse(response.body)
  }

  @Test(arguments: CredentialKeyKind.allCases)
  func `a claim code makes a unit its device, and the key opens sessions`(
    kind: CredentialKeyKind
  ) throws {
    let codes = try desk.provision(
      #"""
      {"name":"Line 4, June","count":3,"pattern":"line4-{n}","hardware":"board-a",
       "tags":{"site":"lab"},"groups":["pilot"],"colour":"orange","note":"first of the line"}
      """#)
    #expect(codes.keys.sorted() == ["line4-1", "line4-2", "line4-3"])
    let unit = try EnrollingUnit(service, kind)
    let answer = try document(
      try unit.enrol(
        claim: codes["line4-2"], [JSON.Member("reported", ["version": "0.9", "bootId": "b1"])]),
      201)
    #expect(answer["device"] == "line4-2" && answer["state"] == "active")
    let certificate = try Certificate(pem: try #require(answer["certificate"]?.string))
    #expect(certificate.commonName == "line4-2" && certificate.organization == "DEFAULT")
    #expect(certificate.publicKey == unit.key.publicKey)
    #expect(answer["signingKeys"]?.array?.first?.string?.count == 64)
    let token = try #require(try unit.session(as: "line4-2"))
    #expect(try unit.poll(as: "line4-2", token: token) == 200)
    let shown = try desk.expect(200, "GET", "T/devices/line4-2")
    #expect(shown["state"] == "active" && shown["hardware"] == "board-a")
    #expect(shown["version"] == "0.9" && shown["groups"] == ["pilot"])
    #expect(shown["tags"] == ["site": "lab"])
    let batch = try desk.expect(200, "GET", "T/batches/1")
    #expect(batch["devices"] == ["provisioned": 2, "active": 1])
    #expect(batch["complete"] == true && batch["colour"] == "orange")
    let history = try desk.history(of: "line4-2")
    #expect(history.contains { $0.hasPrefix("lifecycle: provisioned in batch 1") })
    #expect(history.contains { $0.hasPrefix("lifecycle: enrolled by a claim code with key ") })
    #expect(history.contains { $0.hasPrefix("lifecycle: active: it spoke for the first time") })
  }

  @Test func `the same key again gets the same device`() throws {
    let code = try desk.provision(one: "d1")
    let unit = try EnrollingUnit(service)
    for _ in 0..<3 {
      #expect(try document(try unit.enrol(claim: code), 201)["device"] == "d1")
    }
    #expect(try document(try unit.enrol(), 201)["device"] == "d1")
    let history = try desk.history(of: "d1")
    #expect(history.count { $0.hasPrefix("lifecycle: enrolled") } == 1)
  }

  @Test func `a code works once, and a second try is an alert`() throws {
    let code = try desk.provision(one: "d1")
    #expect(try EnrollingUnit(service).enrol(claim: code).status == 201)
    let second = try EnrollingUnit(service).enrol(claim: code)
    #expect(second.status == 403 && second.text.contains("used before"))
    _ = try EnrollingUnit(service).enrol(claim: code)
    let alerts = try desk.expect(200, "GET", "T/alerts")["items"]?.array ?? []
    #expect(alerts.count == 1)
    #expect(alerts.first?["kind"] == "claim-reused" && alerts.first?["count"] == 2)
    #expect(try desk.expect(200, "GET", "T/summary")["alerts"] == 1)
    let seen = try desk.expect(200, "POST", "T/alerts/1/acknowledge")
    #expect(seen["acknowledgedBy"] == "tester")
    _ = try desk.expect(404, "POST", "T/alerts/2/acknowledge")
  }

  @Test func `a code is good until it expires`() throws {
    let codes = try desk.provision(
      #"{"name":"short","ids":["early","late"],"expires":"1h"}"#)
    clock.move(by: Interval(milliseconds: 3_600_000 - 1))
    #expect(try EnrollingUnit(service).enrol(claim: codes["early"]).status == 201)
    clock.move(by: Interval(milliseconds: 1))
    let late = try EnrollingUnit(service).enrol(claim: codes["late"])
    #expect(late.status == 403 && late.text.contains("expired"))
  }

  @Test func `codes are read as people type them, and wrong ones are told`() throws {
    let code = try desk.provision(one: "d1")
    let spoken = code.lowercased().split(separator: "-").joined(separator: " ")
    #expect(try EnrollingUnit(service).enrol(claim: "x").status == 400)
    let stranger = ClaimCode(entropy: [UInt8](repeating: 3, count: 15)).text
    #expect(try EnrollingUnit(service).enrol(claim: stranger).status == 403)
    #expect(try EnrollingUnit(service).enrol(claim: spoken).status == 201)
  }

  @Test func `the subject of a certificate is the server's decision`() throws {
    let code = try desk.provision(one: "d1")
    let unit = try EnrollingUnit(service)
    let request = try unit.key.signingRequest(commonName: "somebody-else")
    let answer = try document(
      try unit.send(
        "POST", "enrol", .members(["key": .string(request), "claim": .string(code)])), 201)
    #expect(answer["device"] == "d1")
    let certificate = try Certificate(pem: try #require(answer["certificate"]?.string))
    #expect(certificate.commonName == "d1")
  }

  @Test func `one key is one device`() throws {
    let codes = try desk.provision(#"{"name":"two","ids":["d1","d2"]}"#)
    let unit = try EnrollingUnit(service)
    #expect(try unit.enrol(claim: codes["d1"]).status == 201)
    #expect(try unit.enrol(claim: codes["d2"]).status == 409)
    #expect(try unit.enrol(device: "d2").status == 409)
    #expect(try desk.expect(200, "GET", "T/devices/d2")["state"] == "provisioned")
    #expect(try EnrollingUnit(service).enrol(claim: codes["d2"], device: "d1").status == 409)
    #expect(try EnrollingUnit(service).enrol(claim: codes["d2"], device: "d2").status == 201)
  }

  @Test func `a key is nothing without a proof`() throws {
    let code = try desk.provision(one: "d1")
    let unit = try EnrollingUnit(service)
    let bare = JSON.members([
      "key": .string(unit.key.publicKey.pem), "claim": .string(code),
    ])
    #expect(try unit.send("POST", "enrol", bare).status == 403)
    let print = unit.key.publicKey.fingerprint.hex
    for message in [
      "groundswell-enrol\nother\n\(code)\n\n\(print)", "groundswell-enrol\nDEFAULT\n\n\n\(print)",
      "groundswell-session\nDEFAULT\n\(code)\n\n\(print)", "",
    ] {
      #expect(try unit.enrol(claim: code, signing: message).status == 403)
    }
    #expect(try unit.enrol(claim: code).status == 201)
  }

  @Test(arguments: [
    "", "[]", "{}", #"{"key":1}"#, #"{"key":"x"}"#, #"{"key":"-----BEGIN PUBLIC KEY-----"}"#,
  ])
  func `malformed requests are told so`(body: String) throws {
    let connection = try service.connect()
    let response = try connection.send(
      "POST", "/device/v1/DEFAULT/enrol", body: .bytes(Array(body.utf8)))
    #expect(response.status == 400)
    #expect(response.header("Content-Type") == "application/problem+json")
  }

  @Test func `a challenge is good once, for its device, for two minutes`() throws {
    let codes = try desk.provision(#"{"name":"two","ids":["d1","d2"]}"#)
    let unit = try EnrollingUnit(service)
    _ = try unit.enrol(claim: codes["d1"])
    #expect(try EnrollingUnit(service).enrol(claim: codes["d2"]).status == 201)
    func open(_ challenge: String, as device: String = "d1") throws -> Int {
      try unit.send("POST", "\(device)/session", try unit.proof(challenge, for: device)).status
    }
    let first = try unit.challenge(for: "d1")
    #expect(try open(first) == 200)
    #expect(try open(first) == 401)
    #expect(try open(try unit.challenge(for: "d2")) == 401)
    #expect(try open(try unit.challenge(for: "d2"), as: "d2") == 401)
    #expect(try open(String(first.dropLast()) + (first.last == "A" ? "B" : "A")) == 401)
    #expect(try open("") == 401)
    // For devices that nobody knows, too.
    #expect(try open(try unit.challenge(for: "nobody"), as: "nobody") == 401)
    let old = try unit.challenge(for: "d1")
    clock.move(by: .seconds(120))
    #expect(try open(old) == 401)
    let last = try unit.challenge(for: "d1")
    clock.move(by: .seconds(119))
    #expect(try open(last) == 200)
  }

  @Test func `a session ends after an hour and is for its own device only`() throws {
    let codes = try desk.provision(#"{"name":"two","ids":["d1","d2"]}"#)
    let unit = try EnrollingUnit(service)
    _ = try unit.enrol(claim: codes["d1"])
    _ = try EnrollingUnit(service).enrol(claim: codes["d2"])
    let token = try #require(try unit.session(as: "d1"))
    #expect(try unit.poll(as: "d1", token: token) == 200)
    #expect(try unit.poll(as: "d2", token: token) == 401)
    #expect(try unit.send("GET", "d2/twin", token: token).status == 401)
    clock.move(by: Interval(milliseconds: 3_600_000 - 1))
    #expect(try unit.poll(as: "d1", token: token) == 200)
    clock.move(by: Interval(milliseconds: 1))
    #expect(try unit.poll(as: "d1", token: token) == 401)
  }

  @Test func `a public key is no token`() throws {
    let code = try desk.provision(one: "d1")
    let unit = try EnrollingUnit(service)
    _ = try unit.enrol(claim: code)
    // Its digest is the fingerprint, so it must not be taken for a token.
    let room = try #require(service.plane.room(try Name("DEFAULT")))
    let answer = Array("d1".utf8).withUnsafeBytes { id in
      unit.key.publicKey.derBytes.withUnsafeBytes { token in
        service.plane.authenticate(room, device: id, token: token)
      }
    }
    #expect(answer == nil)
    let byKey = Array("d1".utf8).withUnsafeBytes { id in
      service.plane.authenticate(
        room, device: id, token: UnsafeRawBufferPointer(start: nil, count: 0),
        key: unit.key.publicKey.fingerprint)
    }
    #expect(byKey?.text == "d1")
  }

  @Test func `an address that floods leaves the others their places`() throws {
    let room = try #require(service.plane.room(try Name("DEFAULT")))
    func ask(_ address: String) -> Int? {
      service.plane.waitBefore(.enrol, from: address, in: room)
    }
    // The clock stands still. Half of the burst is for whoever comes, then an eighth of it for one.
    let guesses = (0..<2000).count { _ in ask("203.0.113.7") == nil }
    #expect(guesses == 626)
    #expect(ask("203.0.113.7") == 1)
    let others = (0..<2000).count { ask("198.51.100.\($0)") == nil }
    #expect(others == 374)
    // Nobody has a place then, however new.
    #expect(ask("192.0.2.1") == 1)
    // One that asks for other things is another matter.
    #expect(service.plane.waitBefore(.challenge, from: "203.0.113.7", in: room) == nil)
    // In half a minute the tenant has all its places again, and nobody has to wait.
    clock.move(by: .seconds(30))
    #expect((0..<500).allSatisfy { _ in ask("203.0.113.7") == nil })
  }

  @Test func `one that asks on is not forgotten for many that come once`() throws {
    let room = try #require(service.plane.room(try Name("DEFAULT")))
    func ask(_ address: String) -> Int? {
      service.plane.waitBefore(.session, from: address, in: room)
    }
    #expect((0...5000).allSatisfy { _ in ask("a") == nil })
    // From here on each address has its share: 1250 at once, then 62 a second.
    var (own, refused) = (0, 0)
    for number in 0..<900 {
      clock.move(by: Interval(milliseconds: 10))
      own += (0..<4).count { _ in ask("a") == nil }
      refused += (0..<6).count { ask("b\(number).\($0)") != nil }
    }
    #expect(refused == 0)
    #expect((1800...1815).contains(own), "\(own)")
  }

  @Test func `a flood is told to come again`() throws {
    let unit = try EnrollingUnit(service)
    var refused: HTTPResponse?
    // The clock stands still, so the burst is all there is.
    for _ in 0..<1100 where refused == nil {
      let response = try unit.send("POST", "enrol", .object([]))
      if response.status == 429 { refused = response }
    }
    let wait = try #require(refused?.header("Retry-After").flatMap { Int($0) })
    #expect(wait >= 1)
    clock.move(by: .seconds(Int64(wait)))
    #expect(try unit.send("POST", "enrol", .object([])).status == 400)
  }
}
