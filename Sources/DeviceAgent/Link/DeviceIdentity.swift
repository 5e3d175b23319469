// DeviceIdentity: who this device is: its key, its id, and whose signatures it believes.

public import Crypto
import Glibc
public import UpdateModel

/// What enrolment gave the device.
public struct DeviceIdentity: Equatable, Sendable {
  static let fileName = "identity.json"
  static let keyFile = "device.key"
  static let nextKeyFile = "device-next.key"
  static let certificateFile = "certificate.pem"
  /// More keys than this are no trust but a list.
  static let signingKeysMax = 16

  /// Its id at the server.
  public var device: DeviceID
  /// The server it is enrolled at, and its tenant there; another place needs another enrolment.
  public var place: String
  /// Keys whose signatures on images count, as the server told them at enrolment.
  public var signingKeys: [VerifyingKey]
  /// The `credential.rotateBy` that was followed last.
  public var rotatedFor: String?

  /// Reads what was stored; nil before enrolment.
  static func load(from state: StateDirectory) throws(LinkError) -> DeviceIdentity? {
    guard let document = try state.document(fileName) else { return nil }
    let path = state.file(fileName)
    do throws(InvalidValue) {
      return DeviceIdentity(
        device: try DeviceID(document["device"]?.string ?? ""),
        place: document["place"]?.string ?? "",
        signingKeys: try keys(document["signingKeys"]),
        rotatedFor: document["rotatedFor"]?.string)
    } catch {
      throw .damaged(path: path, reason: error.reason)
    }
  }

  /// Stores it.
  func save(in state: StateDirectory) throws(LinkError) {
    try state.write(
      .members([
        "device": .string(device.text), "place": .string(place),
        "signingKeys": .array(signingKeys.map { .string($0.hex) }),
        "rotatedFor": rotatedFor.map { .string($0) },
      ]), to: DeviceIdentity.fileName)
  }

  /// Reads a list of keys in hexadecimal.
  static func keys(_ document: JSON?) throws(InvalidValue) -> [VerifyingKey] {
    var keys: [VerifyingKey] = []
    for value in (document?.array ?? []).prefix(signingKeysMax) {
      guard let key = try? VerifyingKey(hex: value.string ?? "") else {  // the reason names it
        throw InvalidValue(
          field: "signingKeys", reason: "'\(value.string?.prefix(80) ?? "")' is no Ed25519 key")
      }
      keys.append(key)
    }
    return keys
  }

  /// The device's key; it is made, and durable, before anybody hears of it.
  static func key(
    in state: StateDirectory, named name: String = keyFile
  ) throws(LinkError) -> SigningKey {
    let path = state.file(name)
    do throws(CryptoError) {
      if access(path, F_OK) == 0 { return try SigningKey.load(from: path) }
      let key = try SigningKey.generate()
      try key.save(to: path)
      return key
    } catch {
      throw .crypto(error)
    }
  }
}

/// The texts that a device signs, as the protocol spells them.
enum SignedStatement {
  /// Asks for a session.
  static func session(tenant: Name, device: DeviceID, challenge: String) -> [UInt8] {
    Array("groundswell-session\n\(tenant)\n\(device)\n\(challenge)".utf8)
  }

  /// Proves that the enrolling device has its key.
  static func enrolment(
    tenant: Name, claim: String?, device: String?, key: VerifyingKey
  ) -> [UInt8] {
    let text = "groundswell-enrol\n\(tenant)\n\(claim ?? "")\n\(device ?? "")\n\(fingerprint(key))"
    return Array(text.utf8)
  }

  /// SHA-256 of the SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 section 4), hexadecimal.
  static func fingerprint(_ key: VerifyingKey) -> String {
    let head: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
    return SHA256.value(of: head + key.rawBytes).hex
  }
}
