// KeyRotation: gives the device a new key when the server wishes it, without a moment without one.

import Crypto
import Glibc
import UpdateModel

/// Replaces the device's key while the old one still counts.
///
/// The new key is durable before the server hears of it and takes the old one's name only after the
/// server accepted it. A crash anywhere repeats the request with the same key, which is answered
/// as before.
enum KeyRotation {
  /// The wish in the desired properties: `credential.rotateBy`, nil when there is none.
  static func wish(in desired: JSON) -> String? { desired["credential"]?["rotateBy"]?.string }

  /// Follows a wish that was not followed yet.
  ///
  /// - Returns: the identity with the wish noted, or nil when there was nothing to do.
  static func follow(
    _ desired: JSON, identity: DeviceIdentity, session: DeviceSession, state: StateDirectory
  ) throws(LinkError) -> DeviceIdentity? {
    guard let wish = wish(in: desired), wish != identity.rotatedFor else { return nil }
    let next = try DeviceIdentity.key(in: state, named: DeviceIdentity.nextKeyFile)
    let document: JSON
    do throws(CryptoError) {
      let statement = SignedStatement.enrolment(
        tenant: session.link.tenant, claim: nil, device: session.device.text,
        key: next.verifyingKey)
      document = [
        "key": .string(try next.verifyingKey.pem()),
        "signature": .string(Base64.url.encode(try next.sign(statement))),
      ]
    } catch {
      throw .crypto(error)
    }
    let response = try session.send("POST", session.path("credentials"), document: document)
    let certificate = try ServerLink.document(response)["certificate"]?.string
    var identity = identity
    identity.rotatedFor = wish
    if let certificate {
      try state.write(Array(certificate.utf8), to: DeviceIdentity.certificateFile)
    }
    try state.rename(DeviceIdentity.nextKeyFile, to: DeviceIdentity.keyFile)
    try identity.save(in: state)
    session.use(next)
    return identity
  }
}
