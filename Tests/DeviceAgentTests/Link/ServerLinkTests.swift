// The bytes on the wire: signed statements, paths, and answers of hostile servers.

import Crypto
import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct ServerLinkTests {
  private let key: SigningKey
  private let tenant: Name

  init() throws {
    key = try SigningKey(seed: Array(0..<32))
    tenant = try Name("DEFAULT")
  }

  @Test func `the statements that a device signs are spelled as the protocol says`() throws {
    let fingerprint = SignedStatement.fingerprint(key.verifyingKey)
    // openssl pkey -pubout -outform DER | sha256sum, of the key with this seed.
    #expect(
      key.verifyingKey.hex == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")
    let session = SignedStatement.session(
      tenant: tenant, device: try DeviceID("pump 7".filter { $0 != " " }), challenge: "abc")
    #expect(String(decoding: session, as: UTF8.self) == "groundswell-session\nDEFAULT\npump7\nabc")
    let enrolment = SignedStatement.enrolment(
      tenant: tenant, claim: nil, device: "pump7", key: key.verifyingKey)
    #expect(
      String(decoding: enrolment, as: UTF8.self)
        == "groundswell-enrol\nDEFAULT\n\npump7\n\(fingerprint)")
  }

  @Test func `the bytes of a session request do not change by accident`() throws {
    let document = try DeviceSession.answer(
      to: "Y2hhbGxlbmdl", tenant: tenant, device: try DeviceID("pump7"), key: key)
    let expected = SignatureGolden.session
    #expect(document["signature"]?.string == expected)
    let bytes = try #require(Base64.url.decode(expected))
    let statement = Array("groundswell-session\nDEFAULT\npump7\nY2hhbGxlbmdl".utf8)
    #expect(key.verifyingKey.isValid(bytes, for: statement))
  }

  @Test func `the bytes of an enrolment do not change by accident`() throws {
    let enrolment = Enrolment(
      claim: "ABCD-EFGH", device: nil, hardware: try Name("board-a"), reported: .object([]))
    let document = try enrolment.document(key: key, tenant: tenant)
    #expect(document.members?.map(\.key) == ["key", "claim", "hardware", "signature"])
    #expect(document["signature"]?.string == SignatureGolden.enrolment)
    #expect(SignedStatement.fingerprint(key.verifyingKey) == SignatureGolden.fingerprint)
    let pem = try key.verifyingKey.pem()
    #expect(document["key"]?.string == pem)
  }

  @Test(
    arguments: [
      ("pump-7", "pump-7"), ("a/b", "a%2Fb"), ("ä", "%C3%A4"), ("50%", "50%25"),
      ("a~b_c.d", "a~b_c.d"),
    ])
  func `parts of a path are percent-encoded`(_ text: String, _ encoded: String) {
    #expect(ServerLink.percentEncoded(text) == encoded)
  }

  @Test func `the poll's answer is read strictly where it matters`() throws {
    let image: JSON = [
      "component": "os", "name": "app", "file": "app.bin", "version": "2.0",
      "hardware": ["board-a"], "size": 5, "sha256": .string(String(repeating: "a", count: 64)),
      "signature": .string(String(repeating: "b", count: 128)), "url": "/device/v1/x",
    ]
    let offer: JSON = [
      "action": "12", "release": ["name": "app", "version": "2.0"], "images": [image],
      "download": ["allowed": true],
      "install": [
        "allowed": false, "reason": "in use", "until": "2026-11-21T12:00:00Z",
      ], "forced": true, "unknown": 1,
    ]
    let answer = try PollAnswer(["offer": offer, "new-member": [], "ask": ["reported", "other"]])
    #expect(answer.asksForReported)
    #expect(answer.offer?.download == .allowed)
    #expect(answer.offer?.isForced == true)
    guard case .refused("in use", let until?) = answer.offer?.install else {
      Issue.record("\(String(describing: answer.offer?.install))")
      return
    }
    #expect(until.description == "2026-11-21T12:00:00Z")
    let hostile: [JSON] = [
      ["offer": offer.merging(["images": []])],
      ["offer": offer.merging(["images": [image.merging(["url": "https://evil/x"])]])],
      ["offer": offer.merging(["images": [image.merging(["url": "//evil/x"])]])],
      ["offer": offer.merging(["images": [image.merging(["size": 0])]])],
      ["offer": offer.merging(["images": [image, image]])],
      ["offer": offer.merging(["action": "../7"])],
      ["commands": [["id": "../1", "name": "reboot"]]],
      ["commands": .array(Array(repeating: ["id": "1", "name": "x"], count: 33))],
      ["desired": ["version": -1, "properties": .object([])]], ["desired": ["version": 1]],
      ["cancel": ["action": 7]], [],
    ]
    for document in hostile {
      #expect(throws: LinkError.self, "\(document)") { try PollAnswer(document) }
    }
  }

  @Test func `without a word of the server nothing may be done`() throws {
    #expect(UpdateOffer.Permission(nil) != .allowed)
    #expect(UpdateOffer.Permission(["allowed": "yes"]) != .allowed)
    #expect(UpdateOffer.Permission(["allowed": true]) == .allowed)
  }
}

/// Made by `openssl pkeyutl -sign -rawin` with the key whose seed is 0, 1, 2 ... 31.
private enum SignatureGolden {
  static let session =
    "ip6vQdPeWYQ-91Pd6ycTV-HUSQxum9quZ4IHDJbZdGp"
    + "SGiGYSMHykSkQnLifWaPwmToEUZF_qNO__Gi-vb5yBA"
  static let enrolment =
    "99uU_AQSCrKTRvOW17IfP6W0rSfCTlhGqHjqhqcjvoA"
    + "1dEUf-CXN1U96FaRD0HM8IuGROwZcBtp3Zhupt-rhAw"
  static let fingerprint = "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5"
}
