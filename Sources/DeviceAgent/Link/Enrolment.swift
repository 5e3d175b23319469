// Enrolment: makes the device known to its server, by claim code, known key or a person's nod.

import Crypto
import HTTPClient
public import UpdateModel

/// What a device says of itself when it enrols.
public struct Enrolment: Sendable {
  /// The code on its label.
  public var claim: String?
  /// The id it wants.
  public var device: String?
  /// Its model.
  public var hardware: Name?
  /// What it reports of itself.
  public var reported: JSON

  /// The server's answer.
  public enum Answer: Equatable, Sendable {
    /// The device is known now.
    case active(DeviceIdentity, certificate: String?)
    /// A person has to approve; come again after so many seconds.
    case pending(retryAfterSeconds: Int)
  }

  /// The body of the request; the signature covers claim, id and key.
  func document(key: SigningKey, tenant: Name) throws(LinkError) -> JSON {
    do throws(CryptoError) {
      let statement = SignedStatement.enrolment(
        tenant: tenant, claim: claim, device: device, key: key.verifyingKey)
      return .members([
        "key": .string(try key.verifyingKey.pem()),
        "claim": claim.map { .string($0) },
        "device": device.map { .string($0) },
        "hardware": hardware.map { .string($0.text) },
        "reported": reported.members?.isEmpty == false ? reported : nil,
        "signature": .string(Base64.url.encode(try key.sign(statement))),
      ])
    } catch {
      throw .crypto(error)
    }
  }

  /// Asks once. The same key gets the same answer, so asking again is safe.
  ///
  /// - Throws: `LinkError.refused` with the server's reason, for example for a used claim code.
  func ask(
    _ link: ServerLink, key: SigningKey, place: String
  ) throws(LinkError) -> Answer {
    let (body, type) = ServerLink.json(try document(key: key, tenant: link.tenant))
    let response = try link.send(
      "POST", ServerLink.path(link.tenant, ["enrol"]), body: body, headers: [type])
    switch response.status {
    case 200, 201:
      let answer = try ServerLink.document(response)
      do throws(InvalidValue) {
        let identity = DeviceIdentity(
          device: try DeviceID(answer["device"]?.string ?? ""), place: place,
          signingKeys: try DeviceIdentity.keys(answer["signingKeys"]), rotatedFor: nil)
        return .active(identity, certificate: answer["certificate"]?.string)
      } catch {
        throw .malformedAnswer(error.reason)
      }
    case 202:
      let answer = try ServerLink.document(response)
      let seconds = answer["retryAfter"]?.integer.map { Int(clamping: $0) }
      return .pending(retryAfterSeconds: min(max(seconds ?? 60, 1), 86_400))
    default: throw ServerLink.refusal(response)
    }
  }
}
