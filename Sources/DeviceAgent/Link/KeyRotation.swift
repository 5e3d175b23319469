// KeyRotation: gives the device a new key when the server wishes it, without a moment without one.

import Crypto
import Glibc
import HTTPClient
import UpdateModel

/// Replaces the device's key while the old one still counts.
///
/// The new key is durable before the server hears of it and takes the old one's name only after the
/// server accepted it. A crash or a lost answer anywhere repeats the request with the same key,
/// which is answered as before, also when the server has long taken its wish back.
enum KeyRotation {
  /// The wish in the desired properties: `credential.rotateBy`, nil when there is none.
  static func wish(in desired: JSON) -> String? { desired["credential"]?["rotateBy"]?.string }

  /// Answers after which the server never takes this key, whatever is tried.
  private static let finalRefusals = [400, 403, 409, 410, 422]

  /// Whether a rotation was begun and its end is not known here.
  static func isUnderWay(_ state: StateDirectory) -> Bool {
    access(state.file(DeviceIdentity.nextKeyFile), F_OK) == 0
  }

  /// Follows a wish that was not followed yet, or ends a rotation that was begun.
  ///
  /// - Returns: the identity with the wish noted, or nil when there was nothing to do.
  static func follow(
    _ desired: JSON, identity: DeviceIdentity, session: DeviceSession, state: StateDirectory
  ) throws(LinkError) -> DeviceIdentity? {
    let wish = wish(in: desired)
    // The server forgets its wish with the first request that it took, also one whose answer was
    // lost: what was begun is ended all the same, or the device would keep a key that runs out.
    guard (wish != nil && wish != identity.rotatedFor) || isUnderWay(state) else { return nil }
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
    let response: HTTPResponse
    do throws(LinkError) {
      response = try session.send("POST", session.path("credentials"), document: document)
    } catch {
      if case .refused(let status, _, _) = error, finalRefusals.contains(status) {
        try state.remove(DeviceIdentity.nextKeyFile)
      }
      throw error
    }
    let certificate = try ServerLink.document(response)["certificate"]?.string
    var identity = identity
    identity.rotatedFor = wish ?? identity.rotatedFor
    // Before the rename: without the next key's file nothing would say that the wish was followed.
    try identity.save(in: state)
    if let certificate {
      try state.write(Array(certificate.utf8), to: DeviceIdentity.certificateFile)
    }
    try state.rename(DeviceIdentity.nextKeyFile, to: DeviceIdentity.keyFile)
    session.use(next)
    return identity
  }

  /// Goes on with the next key when the server refuses the present one: the answer to its rotation
  /// was lost, and the time in which both count is over.
  ///
  /// - Returns: whether the server took the next key, which is the device's key from then on.
  static func adopt(
    _ identity: DeviceIdentity, link: ServerLink, state: StateDirectory,
    monotonic: @escaping () -> Interval
  ) throws(LinkError) -> Bool {
    guard isUnderWay(state) else { return false }
    let next = try DeviceIdentity.key(in: state, named: DeviceIdentity.nextKeyFile)
    let session = DeviceSession(
      link: link, device: identity.device, key: next, showsCertificate: false,
      monotonic: monotonic)
    do throws(LinkError) { _ = try session.proof() } catch {
      guard case .refused(let status, _, _) = error, status < 429 else { throw error }
      return false
    }
    try state.rename(DeviceIdentity.nextKeyFile, to: DeviceIdentity.keyFile)
    return true
  }
}
