// DeviceSession: requests of the enrolled device, proved by its key, its certificate, or both.

import Crypto
import HTTPClient
import UpdateModel

/// Speaks for one device. Gets its token by signing a challenge, renews it before it ends and when
/// the server does not take it any more. Not thread safe.
public final class DeviceSession {
  /// A token is renewed when less than this part of its life is left, and a minute at least.
  private static let renewalShare: Int64 = 10

  let link: ServerLink
  /// Whose requests these are.
  let device: DeviceID
  private(set) var key: SigningKey
  private let showsCertificate: Bool
  private let monotonic: () -> Interval
  private var token: (text: String, renewAt: Interval)?
  /// The device's own token; then there is no session.
  private let ownToken: String?

  /// Speaks for a device.
  ///
  /// - Parameters:
  ///   - link: the connection.
  ///   - device: whose requests these are.
  ///   - key: signs challenges.
  ///   - ownToken: the token that it was registered with; then no session is asked for.
  ///   - showsCertificate: whether the connection proves the device already.
  ///   - monotonic: time since some start, also while the device sleeps.
  init(
    link: ServerLink, device: DeviceID, key: SigningKey, ownToken: String? = nil,
    showsCertificate: Bool,
    monotonic: @escaping () -> Interval
  ) {
    self.link = link
    self.device = device
    self.key = key
    self.ownToken = ownToken
    self.showsCertificate = showsCertificate
    self.monotonic = monotonic
  }

  /// The path of a resource of the device.
  func path(_ parts: String...) -> String { ServerLink.path(link.tenant, [device.text] + parts) }

  /// Sends a request; a token that the server refuses is renewed once. `query` stands behind the
  /// path, with its question mark.
  func send(
    _ method: String, _ path: String, query: String = "", body: HTTPRequestBody = .none,
    headers: [(name: String, value: String)] = []
  ) throws(LinkError) -> HTTPResponse {
    var response = try link.send(
      method, path + query, body: body, headers: headers + (try proof()))
    if response.status == 401, ownToken == nil {
      token = nil
      response = try link.send(
        method, path + query, body: body, headers: headers + (try proof(isSecond: true)))
    }
    return response
  }

  /// Sends a document and takes success only.
  @discardableResult
  func send(
    _ method: String, _ path: String, document: JSON
  ) throws(LinkError) -> HTTPResponse {
    let (body, type) = ServerLink.json(document)
    let response = try send(method, path, body: body, headers: [type])
    guard (200..<300).contains(response.status) else { throw ServerLink.refusal(response) }
    return response
  }

  /// The headers that prove the device; a token is got when none is good.
  func proof(isSecond: Bool = false) throws(LinkError) -> [(name: String, value: String)] {
    if let ownToken { return [("Authorization", "Bearer \(ownToken)")] }
    if showsCertificate, !isSecond, token == nil { return [] }
    if let token, monotonic() < token.renewAt {
      return [("Authorization", "Bearer \(token.text)")]
    }
    return [("Authorization", "Bearer \(try renew())")]
  }

  /// Forgets the token, as after a 401 outside of `send`.
  func forgetToken() { token = nil }

  /// Goes on with another key.
  func use(_ key: SigningKey) {
    self.key = key
    token = nil
  }

  private func renew() throws(LinkError) -> String {
    let asked = try link.send("GET", path("challenge"))
    guard asked.status == 200 else { throw ServerLink.refusal(asked) }
    guard let challenge = try ServerLink.document(asked)["challenge"]?.string,
      (1...512).contains(challenge.utf8.count)
    else { throw .malformedAnswer("challenge") }
    let document = try DeviceSession.answer(
      to: challenge, tenant: link.tenant, device: device, key: key)
    let (body, type) = ServerLink.json(document)
    let response = try link.send("POST", path("session"), body: body, headers: [type])
    guard response.status == 200 else { throw ServerLink.refusal(response) }
    let answer = try ServerLink.document(response)
    guard let text = answer["token"]?.string,
      text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), (1...4096).contains(text.utf8.count)
    else { throw .malformedAnswer("session token") }
    let seconds = min(max(answer["expiresIn"]?.integer ?? 3600, 1), 86_400)
    let margin = max(60, seconds / DeviceSession.renewalShare)
    token = (text, monotonic() + .seconds(max(seconds - margin, 1)))
    return text
  }

  /// The signed answer to a challenge.
  static func answer(
    to challenge: String, tenant: Name, device: DeviceID, key: SigningKey
  ) throws(LinkError) -> JSON {
    do throws(CryptoError) {
      let signature = try key.sign(
        SignedStatement.session(tenant: tenant, device: device, challenge: challenge))
      return ["challenge": .string(challenge), "signature": .string(Base64.url.encode(signature))]
    } catch {
      throw .crypto(error)
    }
  }
}
