// NativeEnrolment: how a device becomes known, opens sessions and changes its key.
//
//   POST /device/v1/{tenant}/enrol                 a key, and what speaks for the device
//   GET  /device/v1/{tenant}/{device}/challenge    a text to sign
//   POST /device/v1/{tenant}/{device}/session      the signature, for a token
//   POST /device/v1/{tenant}/{device}/credentials  the next key, with present credentials

import Crypto
import HTTPServer
import Orchestrator
import UpdateModel

extension NativeGateway {
  /// The word that stands in the place of a device in the path of enrolment; no device is reached
  /// under this id.
  static let enrolWord = "enrol"

  /// Answers a request that needs no credentials; false when it is none of those.
  func handleStranger(
    _ request: Request, _ path: NativePath, _ rest: [String], _ room: Room, _ reply: inout Reply
  ) -> Bool {
    if path.deviceText == NativeGateway.enrolWord {
      guard rest.isEmpty else {
        NativeGateway.refuse(Problem(.notFound, "there is nothing at this path"), &reply)
        return true
      }
      guard request.method == .post else {
        NativeGateway.refuseMethod("POST", &reply)
        return true
      }
      enrol(request, room, &reply)
      return true
    }
    guard rest.count == 1 else { return false }
    switch rest[0] {
    case "challenge":
      guard request.method == .get || request.method == .head else {
        NativeGateway.refuseMethod("GET, HEAD", &reply)
        return true
      }
      challenge(request, path, room, &reply)
      return true
    case "session":
      guard request.method == .post else {
        NativeGateway.refuseMethod("POST", &reply)
        return true
      }
      session(request, path, room, &reply)
      return true
    default: return false
    }
  }

  /// The fingerprint of the key that the sender's TLS handshake proved; nil without one.
  static func peerKey(of request: Request) -> SHA256.Value? {
    guard request.isSecure, let der = request.clientCertificate else { return nil }
    // One that cannot be read proves nothing.
    return (try? Certificate(der: der))?.fingerprint
  }

  private static func tellToWait(_ seconds: Int, _ reply: inout Reply) {
    reply.send(
      Response(
        Problem(.limitReached, "too many devices ask at once; come again in \(seconds) s"),
        headers: [("Retry-After", "\(seconds)")]))
  }

  // MARK: Enrolment

  private func enrol(_ request: Request, _ room: Room, _ reply: inout Reply) {
    if let seconds = plane.waitBefore(.enrol, from: request.peer.network, in: room) {
      return NativeGateway.tellToWait(seconds, &reply)
    }
    do throws(Problem) {
      let asked = try NativeGateway.enrolment(in: request)
      let answer = try plane.enrol(asked, in: room)
      switch answer {
      case .pending(let device, let ticket):
        let document = JSON.members([
          "device": device.map { .string($0.text) }, "state": "pending", "retryAfter": 60,
        ])
        var response = Response(json: document, status: 202)
        response.headers.append(("Retry-After", "60"))
        reply.send(response, after: ticket)
      case .enrolled(let device, let certificate, let ticket):
        var last = ticket
        if let reported = asked.reported {
          last = max(last, try plane.report(by: device, reported, in: room).ticket)
        }
        reply.send(try welcome(device, certificate), after: last)
      case .repeated(let device, let certificate, let ticket):
        // It tells the rest with its credentials, see `NativeTwin`.
        reply.send(try welcome(device, certificate), after: ticket)
      }
    } catch { NativeGateway.refuse(error, &reply) }
  }

  private func welcome(
    _ device: DeviceID, _ certificate: String?
  ) throws(Problem) -> Response {
    let document = JSON.members([
      "device": .string(device.text), "state": "active",
      "certificate": certificate.map { .string($0) },
      "signingKeys": .array([.string(try plane.signingKey().hex)]),
    ])
    return Response(json: document, status: 201)
  }

  private static func enrolment(
    in request: Request
  ) throws(Problem) -> EnrolmentRequest {
    let document = try request.object()
    var asked = EnrolmentRequest(key: try offeredKey(document))
    asked.signature = try signature(document)
    asked.reported = document["reported"]
    asked.claim = document["claim"]?.string
    do throws(InvalidValue) {
      asked.device = try document["device"]?.string.map { (text) throws(InvalidValue) in
        try DeviceID(text)
      }
      asked.hardware = try document["hardware"]?.string.map { (text) throws(InvalidValue) in
        try Name(text, field: "hardware")
      }
    } catch { throw Problem(error) }
    do throws(CryptoError) {
      asked.certificate = try document["certificate"]?.string.map { (text) throws(CryptoError) in
        try Certificate(pem: text)
      }
      asked.peer = try request.clientCertificate.map { (der) throws(CryptoError) in
        try Certificate(der: der)
      }
    } catch { throw Problem(InvalidValue(field: "certificate", reason: "\(error)")) }
    return asked
  }

  private static func offeredKey(_ document: JSON) throws(Problem) -> OfferedKey {
    guard let text = document["key"]?.string else {
      throw Problem(
        InvalidValue(field: "key", reason: "missing; give a public key or a signing request in PEM")
      )
    }
    do throws(CryptoError) { return try OfferedKey(pem: text) } catch {
      throw Problem(InvalidValue(field: "key", reason: "\(error)"))
    }
  }

  private static func signature(_ document: JSON) throws(Problem) -> [UInt8]? {
    guard let value = document["signature"] else { return nil }
    guard let text = value.string, text.utf8.count <= 200, let bytes = Base64.url.decode(text)
    else {
      throw Problem(
        InvalidValue(field: "signature", reason: "is no base64url text without padding"))
    }
    return bytes
  }

  // MARK: Sessions

  private func challenge(
    _ request: Request, _ path: NativePath, _ room: Room, _ reply: inout Reply
  ) {
    if let seconds = plane.waitBefore(.challenge, from: request.peer.network, in: room) {
      return NativeGateway.tellToWait(seconds, &reply)
    }
    do throws(Problem) {
      let text = try plane.challenge(for: try NativeGateway.device(in: path), in: room)
      reply.send(Response(json: .members(["challenge": .string(text)])))
    } catch { NativeGateway.refuse(error, &reply) }
  }

  private func session(
    _ request: Request, _ path: NativePath, _ room: Room, _ reply: inout Reply
  ) {
    if let seconds = plane.waitBefore(.session, from: request.peer.network, in: room) {
      return NativeGateway.tellToWait(seconds, &reply)
    }
    do throws(Problem) {
      let device = try NativeGateway.device(in: path)
      let document = try request.object()
      guard let challenge = document["challenge"]?.string else {
        throw Problem(InvalidValue(field: "challenge", reason: "missing; fetch one and sign it"))
      }
      guard let signature = try NativeGateway.signature(document) else {
        throw Problem(InvalidValue(field: "signature", reason: "missing; sign the challenge"))
      }
      guard
        let session = try plane.openSession(
          for: device, challenge: challenge, signature: signature, in: room)
      else { return NativeGateway.unauthorized(&reply) }
      let answer = JSON.members([
        "token": .string(session.token), "expiresIn": .integer(session.lifetime.wholeSeconds),
      ])
      reply.send(Response(json: answer), after: session.ticket)
    } catch { NativeGateway.refuse(error, &reply) }
  }

  private static func device(in path: NativePath) throws(Problem) -> DeviceID {
    let text = path.withDevice { String(decoding: $0, as: UTF8.self) }
    do throws(InvalidValue) { return try DeviceID(text) } catch { throw Problem(error) }
  }

  // MARK: Rotation

  /// `POST .../credentials`.
  func rotate(_ request: Request, _ visit: NativeVisit, _ reply: inout Reply) {
    do throws(Problem) {
      let document = try request.object()
      let offered = try NativeGateway.offeredKey(document)
      let rotated = try plane.rotate(
        to: offered, signature: try NativeGateway.signature(document), of: visit.device,
        in: visit.room)
      let answer = JSON.members([
        "certificate": rotated.certificate.map { .string($0) },
        "fingerprint": .string(rotated.fingerprint.description),
        "oldValidUntil": .string(rotated.oldValidUntil.description),
      ])
      reply.send(Response(json: answer, status: 201), after: rotated.ticket)
    } catch { NativeGateway.refuse(error, &reply) }
  }
}
