// DeviceCounter: the server's side of the device protocol as far as an agent sees it, on the real
// HTTP engine. It checks each signature and token and decides nothing: a test sets what is offered.

import Crypto
import Glibc
import HTTPServer
import Synchronization
import UpdateModel

@testable import DeviceAgent

/// What the counter knows, and what it was told.
struct CounterState {
  /// Claim codes that enrol.
  var claims: Set<String> = ["CLAIM-1"]
  /// How often an enrolment is answered with "wait" first.
  var pending = 0
  /// Who used which claim code.
  var claimants: [String: String] = [:]
  var keys: [String: VerifyingKey] = [:]
  var challenges: Set<String> = []
  var tokens: Set<String> = []
  var signingKeys: [String] = []
  /// What a poll says besides the commands: `offer`, `cancel`, `ask`, `desired`.
  var answer: JSON = .object([])
  var commands: [JSON] = []
  var pollAfter = 1
  var reported = JSON.object([])
  var reports: [JSON] = []
  var answers: [JSON] = []
  var logs: [String: [UInt8]] = [:]
  var files: [String: FileBody] = [:]
  /// Method and path of each request.
  var requests: [String] = []
  var patches: [JSON] = []
  /// Requests are refused with this status while it is set.
  var trouble: Int?
  /// So many reports are taken, and their senders never learn it.
  var lostAnswers = 0
}

/// Answers as the protocol says.
final class CounterSite: RequestHandler {
  let state = Mutex(CounterState())

  func plan(_ head: Request) -> BodyPlan { .buffer(limit: 9 << 20) }

  func handle(_ request: Request, _ reply: inout Reply) {
    let path = String(decoding: request.path, as: UTF8.self)
    let query = String(decoding: request.query, as: UTF8.self)
    let body = [UInt8](request.body)
    let method = "\(request.method)".uppercased()
    let bearer = request.header("Authorization").map { String(decoding: $0, as: UTF8.self) }
    let tag = request.header("If-None-Match").map { String(decoding: $0, as: UTF8.self) }
    let response = state.withLock { state in
      state.requests.append("\(method) \(path)" + (query.isEmpty ? "" : "?\(query)"))
      if let status = state.trouble {
        return Response(status: status, headers: [("Retry-After", "1")], body: .empty)
      }
      let call = CounterCall(
        method: method, parts: path.split(separator: "/").map(String.init), query: query,
        body: body, bearer: bearer, tag: tag)
      return call.answer(&state)
    }
    reply.send(response)
  }
}

/// One request, taken apart.
struct CounterCall {
  let method: String
  let parts: [String]
  let query: String
  let body: [UInt8]
  let bearer: String?
  let tag: String?

  private func document() -> JSON { (try? JSON.parse(body)) ?? .null }  // null fits nothing

  private func json(
    _ status: Int, _ value: JSON, _ headers: [(name: String, value: String)] = []
  ) -> Response {
    Response(
      status: status, headers: headers + [("Content-Type", "application/json")],
      body: .bytes(value.text))
  }

  private func problem(_ status: Int, _ detail: String) -> Response {
    json(status, ["title": "refused", "status": JSON(status), "detail": .string(detail)])
  }

  func answer(_ state: inout CounterState) -> Response {
    guard parts.count >= 4, parts[0] == "device", parts[1] == "v1", parts[2] == "DEFAULT" else {
      return problem(404, "no such route")
    }
    let device = parts[3]
    switch (method, parts.dropFirst(4).first) {
    case ("POST", nil) where device == "enrol": return enrol(&state)
    case ("GET", "challenge"):
      let challenge = "c\(state.requests.count)"
      state.challenges.insert(challenge)
      return json(200, ["challenge": .string(challenge)])
    case ("POST", "session"): return session(device, &state)
    default: break
    }
    guard let bearer, bearer.hasPrefix("Bearer "),
      state.tokens.contains(String(bearer.dropFirst(7)))
    else { return Response(status: 401) }
    return known(device, &state)
  }

  private func known(_ device: String, _ state: inout CounterState) -> Response {
    switch (method, parts.dropFirst(4).first) {
    case ("GET", nil): return poll(&state)
    case ("PATCH", "twin"):
      let patch = document()["reported"] ?? .null
      state.patches.append(patch)
      state.reported = state.reported.merging(patch)
      return json(200, ["reported": ["version": JSON(state.patches.count)]])
    case ("POST", "reports"):
      state.reports.append(document())
      if state.lostAnswers > 0 {
        state.lostAnswers -= 1
        return Response(status: 503)
      }
      return json(200, .object([]))
    case ("POST", "credentials"):
      // A key that cannot be read is answered with 400.
      guard let pem = document()["key"]?.string, let key = try? VerifyingKey(pem: pem) else {
        return problem(400, "no key")
      }
      let statement =
        "groundswell-enrol\nDEFAULT\n\n\(device)\n\(SignedStatement.fingerprint(key))"
      guard isSigned(statement, by: key) else { return problem(403, "not signed") }
      state.keys[device] = key
      return json(201, ["fingerprint": .string(SignedStatement.fingerprint(key))])
    case ("POST", "commands"):
      state.answers.append(["id": .string(parts.last ?? ""), "answer": document()])
      if document()["state"] != "running" || parts.count == 6 {
        state.commands.removeAll { $0["id"]?.string == parts.last && $0["keeps"] == nil }
      }
      return json(200, .object([]))
    case ("PUT", "logs"):
      state.logs[(parts.last ?? "") + "?" + query] = body
      return json(201, .object([]))
    case ("GET", "images"):
      guard let file = state.files[parts.last ?? ""] else { return problem(404, "no image") }
      return Response(status: 200, body: .file(file))
    default: return problem(404, "no such route")
    }
  }

  private func poll(_ state: inout CounterState) -> Response {
    var members = state.answer.members ?? []
    let version = query.split(separator: "&").first { $0.hasPrefix("desired=") }
      .flatMap { Int64($0.dropFirst(8)) }
    if let wanted = state.answer["desired"]?["version"]?.integer, version == wanted {
      members.removeAll { $0.key == "desired" }
    }
    members.append(JSON.Member("commands", .array(state.commands)))
    let present = "\"\(SHA256.value(of: JSON.object(members).text).hex.prefix(16))\""
    let headers = [(name: "ETag", value: present), ("Poll-After", "\(state.pollAfter)")]
    if tag == present { return Response(status: 304, headers: headers, body: .empty) }
    return json(200, .object(members), headers)
  }

  private func session(_ device: String, _ state: inout CounterState) -> Response {
    let challenge = document()["challenge"]?.string ?? ""
    guard state.challenges.remove(challenge) != nil, let key = state.keys[device],
      isSigned("groundswell-session\nDEFAULT\n\(device)\n\(challenge)", by: key)
    else { return Response(status: 401) }
    let token = "t\(state.requests.count)"
    state.tokens.insert(token)
    return json(200, ["token": .string(token), "expiresIn": 3600])
  }

  private func enrol(_ state: inout CounterState) -> Response {
    let asked = document()
    // A key that cannot be read is answered with 400.
    guard let pem = asked["key"]?.string, let key = try? VerifyingKey(pem: pem) else {
      return problem(400, "no key")
    }
    let claim = asked["claim"]?.string ?? ""
    let wanted = asked["device"]?.string ?? ""
    let statement =
      "groundswell-enrol\nDEFAULT\n\(claim)\n\(wanted)\n\(SignedStatement.fingerprint(key))"
    guard isSigned(statement, by: key) else { return problem(403, "not signed") }
    let known = state.keys.first { $0.value == key }?.key
    if known == nil, !claim.isEmpty, state.claimants[key.hex] != claim {
      guard state.claims.remove(claim) != nil else {
        return problem(403, "the claim code was used")
      }
      state.claimants[key.hex] = claim
    }
    if state.pending > 0 {
      state.pending -= 1
      return json(202, ["state": "pending", "retryAfter": 1])
    }
    let device = known ?? (wanted.isEmpty ? "device-\(state.keys.count + 1)" : wanted)
    state.keys[device] = key
    return json(
      201,
      [
        "device": .string(device), "state": "active",
        "signingKeys": .array(state.signingKeys.map { .string($0) }),
      ])
  }

  private func isSigned(_ statement: String, by key: VerifyingKey) -> Bool {
    guard let text = document()["signature"]?.string, let bytes = Base64.url.decode(text) else {
      return false
    }
    return key.isValid(bytes, for: Array(statement.utf8))
  }
}

/// A running counterpart of agents, shut down with the object.
final class DeviceCounter {
  let site: CounterSite
  private let server: Server

  init() throws {
    site = CounterSite()
    var limits = Limits()
    limits.bufferedBodyBytes = 9 << 20
    server = try Server(
      configuration: ServerConfiguration(address: "127.0.0.1:0", loopCount: 1, limits: limits),
      handler: site,
      barrier: Barrier())
    try server.start()
  }

  deinit { stop() }

  /// Cuts all connections and listens no more.
  func stop() { server.shutdown(deadlineSeconds: 0) }

  var port: Int { server.localPort }
  var url: String { "http://127.0.0.1:\(port)" }

  /// Looks at what was told.
  func seen<Value: Sendable>(_ body: @Sendable (CounterState) -> Value) -> Value {
    site.state.withLock { body($0) }
  }

  /// Changes what is answered.
  func set(_ change: @Sendable (inout CounterState) -> Void) {
    site.state.withLock { change(&$0) }
  }

  /// The phases that were told so far. A report whose answer was lost or late is told again, and a
  /// slow download tells how far it is, so the same phase in a row counts once.
  var phases: [String] {
    let told = seen { state in state.reports.compactMap { $0["phase"]?.string } }
    return told.indices.filter { $0 == 0 || told[$0] != told[$0 - 1] }.map { told[$0] }
  }
}

extension DeviceCounter {
  /// Serves a file as an image.
  func serve(_ path: String, as name: String, tag: String) throws {
    guard let opened = OpenFile(path: path) else { throw LinkError.system("open", path) }
    let body = FileBody(file: opened, contentType: "application/octet-stream", etag: tag)
    set { $0.files[name] = body }
  }
}
