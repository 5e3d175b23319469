// EnrollingUnit: a unit with a key that becomes a device, and speaks as one, over HTTP.

import Crypto
import HTTPClient
import UpdateModel

final class EnrollingUnit {
  let key: CredentialPrivateKey
  let service: ManagementService
  private let connection: HTTPConnection

  init(
    _ service: ManagementService, _ kind: CredentialKeyKind = .p256,
    key: CredentialPrivateKey? = nil
  ) throws {
    self.service = service
    self.key = try key ?? CredentialPrivateKey.generate(kind)
    connection = try service.connect()
  }

  static let base = "/device/v1/DEFAULT"

  /// Asks to become known; `members` are more members of the request.
  func enrol(
    claim: String? = nil, device: String? = nil, signing signed: String? = nil,
    _ members: [JSON.Member] = []
  ) throws -> HTTPResponse {
    let message =
      signed
      ?? "groundswell-enrol\nDEFAULT\n\(claim ?? "")\n\(device ?? "")\n"
      + key.publicKey.fingerprint.hex
    let document = JSON.members([
      "key": .string(key.publicKey.pem), "claim": claim.map { .string($0) },
      "device": device.map { .string($0) },
      "signature": .string(Base64.url.encode(try key.sign(Array(message.utf8)))),
    ])
    return try send("POST", "enrol", .object((document.members ?? []) + members))
  }

  func send(
    _ method: String, _ path: String, _ body: JSON? = nil, token: String? = nil
  ) throws -> HTTPResponse {
    var fields: [(name: String, value: String)] = []
    if let token { fields.append(("Authorization", "Bearer \(token)")) }
    return try connection.send(
      method, "\(EnrollingUnit.base)/\(path)", headers: fields,
      body: body.map { .bytes($0.text) } ?? .none)
  }

  func challenge(for device: String) throws -> String {
    let response = try send("GET", "\(device)/challenge")
    guard response.status == 200,
      let text = try JSON.parse(response.body)["challenge"]?.string
    else { throw Failure("challenge: \(response.status)") }
    return text
  }

  /// The proof for a challenge.
  func proof(_ challenge: String, for device: String) throws -> JSON {
    let message = "groundswell-session\nDEFAULT\n\(device)\n\(challenge)"
    return .members([
      "challenge": .string(challenge),
      "signature": .string(Base64.url.encode(try key.sign(Array(message.utf8)))),
    ])
  }

  /// Opens a session; nil when it is refused.
  func session(as device: String) throws -> String? {
    let response = try send(
      "POST", "\(device)/session", try proof(try challenge(for: device), for: device))
    guard response.status == 200 else { return nil }
    return try JSON.parse(response.body)["token"]?.string
  }

  /// The status of a poll.
  func poll(as device: String, token: String) throws -> Int {
    try send("GET", device, token: token).status
  }

  /// Brings the next key with a present token.
  func rotate(
    to next: EnrollingUnit, as device: String, token: String
  ) throws -> HTTPResponse {
    let message =
      "groundswell-enrol\nDEFAULT\n\n\(device)\n\(next.key.publicKey.fingerprint.hex)"
    return try send(
      "POST", "\(device)/credentials",
      .members([
        "key": .string(next.key.publicKey.pem),
        "signature": .string(Base64.url.encode(try next.key.sign(Array(message.utf8)))),
      ]), token: token)
  }
}

extension ManagementClient {
  /// Provisions devices; returns the codes by device.
  func provision(_ body: String) throws -> [String: String] {
    let answer = try expect(201, "POST", "T/batches", body)
    var codes: [String: String] = [:]
    for place in answer["devices"]?.array ?? [] {
      if let id = place["id"]?.string { codes[id] = place["code"]?.string }
    }
    return codes
  }

  /// Provisions one device; returns its code.
  func provision(one id: String) throws -> String {
    let codes = try provision(#"{"name":"one","ids":["\#(id)"]}"#)
    guard let code = codes[id] else { throw Failure("no code for \(id)") }
    return code
  }

  /// What the history of a device says, newest first.
  func history(of device: String) throws -> [String] {
    let answer = try expect(200, "GET", "T/devices/\(device)/history")
    return (answer["items"]?.array ?? []).map {
      "\($0["kind"]?.string ?? ""): \($0["text"]?.string ?? "")"
    }
  }
}
