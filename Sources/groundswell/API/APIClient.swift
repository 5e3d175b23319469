// APIClient: requests to the management API, with every refusal turned into a failure that explains.

import UpdateModel

/// Talks to one server.
struct APIClient: Sendable {
  /// Where it is.
  let server: ServerAddress
  /// Credentials; without them most requests are refused.
  let token: String?
  /// Certificates to trust instead of the system's.
  let authorities: String?

  /// The longest document that is taken from the server.
  static let documentBytesMax = 256 << 20
  /// Images are fetched in pieces of this size, so that none has to fit in memory.
  static let pieceBytes = 4 << 20

  /// Sends a request, with a JSON body when there is one, and reads the JSON answer.
  func document(
    _ method: String, _ target: APITarget, body: JSON? = nil
  ) throws(Failure) -> JSON {
    let content = body.map { ("application/json", $0.text) }
    return try document(method, target, type: content?.0, body: content?.1 ?? [])
  }

  /// Sends a body of any type and reads the JSON answer; an empty answer reads as `{}`.
  func document(
    _ method: String, _ target: APITarget, type: String?, body: [UInt8]
  ) throws(Failure) -> JSON {
    let fields = type.map { [("Content-Type", $0)] } ?? []
    let payload = type == nil ? Transport.Body.none : .bytes(body)
    return try parse(
      try checked(try transport.exchange(method, path(target), headers(fields), payload)))
  }

  /// Sends a file as the body; `progress` hears how many bytes are through.
  func upload(
    _ target: APITarget, file: String, progress: @escaping (Int) -> Void
  ) throws(Failure) -> JSON {
    let fields = headers([("Content-Type", "application/octet-stream")])
    return try parse(
      try checked(
        try transport.exchange("POST", path(target), fields, .file(file, progress: progress))))
  }

  /// Fetches bytes from an offset on, at most `pieceBytes`.
  func piece(_ target: APITarget, from offset: Int) throws(Failure) -> [UInt8] {
    let range = "bytes=\(offset)-\(offset + APIClient.pieceBytes - 1)"
    let reply = try checked(
      try transport.exchange("GET", path(target), headers([("Range", range)]), .none))
    guard reply.status == 206 || offset == 0 else {
      throw .failed("the server does not send parts of artifacts, so the rest is out of reach")
    }
    return reply.body
  }

  /// Listens to an event stream until `each` answers false or the stream ends.
  func events(
    _ target: APITarget, _ each: (_ name: String, _ document: JSON) -> Bool
  ) throws(Failure) {
    try transport.events(path(target), headers([("Accept", "text/event-stream")])) { name, data in
      // An event that is no JSON is not for this program.
      guard let document = try? JSON.parse(data) else { return true }
      return each(name, document)
    }
  }

  private var transport: Transport { Transport(server: server, authorities: authorities) }

  private func path(_ target: APITarget) -> String { server.prefix + target.text }

  private func headers(_ more: [(String, String)]) -> [(String, String)] {
    var fields = [("User-Agent", "groundswell/\(Program.version)")]
    if let token { fields.append(("Authorization", "Bearer \(token)")) }
    return fields + more
  }

  private func checked(_ reply: Transport.Reply) throws(Failure) -> Transport.Reply {
    if (200..<300).contains(reply.status) { return reply }
    // The body of a refusal is for explanation only; without one the status must do.
    var failure = Failure(status: reply.status, document: try? JSON.parse(reply.body))
    if reply.status == 401, token == nil {
      failure.hint = "groundswell status --token-file FILE, or set GROUNDSWELL_TOKEN"
    }
    throw failure
  }

  private func parse(_ reply: Transport.Reply) throws(Failure) -> JSON {
    if reply.body.isEmpty { return .object([]) }
    do {
      return try JSON.parse(reply.body)
    } catch {
      throw .failed("\(server) did not answer in JSON (\(error)); is it a Groundswell server?")
    }
  }
}
