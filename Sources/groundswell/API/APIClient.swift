// APIClient: requests to the management API; every refusal becomes a failure that explains.

import Crypto
import HTTPClient
import UpdateModel

/// Talks to one server; every request has a connection of its own, so threads may share a client.
struct APIClient: Sendable {
  /// Where it is.
  let server: ServerAddress
  /// Credentials; without them most requests are refused.
  let token: String?
  /// Certificates to trust instead of the system's.
  let authorities: String?

  /// The longest document that is taken from the server.
  private static let documentBytesMax = 256 << 20
  /// The server sends a comment line on an idle event stream every 15 s; two may be late.
  private static let silenceSecondsMax = 40
  /// After an upload the server digests, inspects and signs the image before it answers.
  private static let uploadSecondsMax = 900

  /// Sends a request, with a JSON body when there is one, and reads the JSON answer.
  func document(
    _ method: String, _ target: APITarget, body: JSON? = nil,
    headers: [(name: String, value: String)] = [], seconds: Int = 60
  ) throws(Failure) -> JSON {
    guard let body else { return try exchange(method, target, headers, .none) }
    do throws(Failure) {
      return try exchange(
        method, target, headers + [("Content-Type", "application/json")], .bytes(body.text),
        seconds: seconds)
    } catch {
      throw error.withoutLines
    }
  }

  /// Sends a body of any type and reads the JSON answer.
  func document(
    _ method: String, _ target: APITarget, type: String, body: [UInt8]
  ) throws(Failure) -> JSON {
    try exchange(method, target, [("Content-Type", type)], .bytes(body))
  }

  /// Sends a file as the body; `progress` hears how many bytes are through.
  func upload(
    _ target: APITarget, file: String, progress: @escaping (Int) -> Void
  ) throws(Failure) -> JSON {
    try exchange(
      "POST", target, [("Content-Type", "application/octet-stream")],
      .file(path: file) { sent, _ in progress(sent) }, seconds: APIClient.uploadSecondsMax)
  }

  /// Fetches a body of any length piece by piece; `take` answers false to stop.
  func download(
    _ target: APITarget, _ take: (UnsafeRawBufferPointer) -> Bool
  ) throws(Failure) {
    var refusal: [UInt8] = []
    let response: HTTPResponse
    do throws(HTTPClientError) {
      response = try connection().download(path(target), headers: headers([])) { response, bytes in
        if response.status == 200 { return take(bytes) }
        refusal += bytes
        return refusal.count < 1 << 20
      }
    } catch {
      // The caller stopped and knows why.
      if case .cancelled = error { return }
      throw failure(error)
    }
    guard response.status == 200 else {
      throw APIClient.failure(status: response.status, body: refusal, token: token)
    }
  }

  /// Listens to an event stream until `each` answers false or the stream ends.
  func events(
    _ target: APITarget, _ each: (_ name: String, _ document: JSON) -> Bool
  ) throws(Failure) {
    let response: HTTPResponse
    do throws(HTTPClientError) {
      response = try connection(seconds: APIClient.silenceSecondsMax)
        .events(path(target), headers: headers([])) { event in
          // An event that is no JSON is not for this program.
          guard let document = try? JSON.parse(Array(event.data.utf8)) else { return true }
          return each(event.name, document)
        }
    } catch {
      throw failure(error)
    }
    guard response.status == 200 else {
      throw APIClient.failure(status: response.status, body: response.body, token: token)
    }
  }

  private func exchange(
    _ method: String, _ target: APITarget, _ fields: [(name: String, value: String)],
    _ body: HTTPRequestBody, seconds: Int = 60
  ) throws(Failure) -> JSON {
    let response: HTTPResponse
    do throws(HTTPClientError) {
      response = try connection(seconds: seconds).send(
        method, path(target), headers: headers(fields), body: body,
        bodyLimit: APIClient.documentBytesMax)
    } catch {
      throw failure(error)
    }
    guard (200..<300).contains(response.status) else {
      throw APIClient.failure(status: response.status, body: response.body, token: token)
    }
    // 204 has no document.
    if response.body.isEmpty { return .object([]) }
    do throws(JSONError) {
      return try JSON.parse(response.body)
    } catch {
      throw .failed("\(server) did not answer in JSON (\(error)); is it a Groundswell server?")
    }
  }

  private func connection(seconds: Int = 60) throws(HTTPClientError) -> HTTPConnection {
    let trust = authorities.map { TLSTrust.authorities(path: $0) } ?? .system
    return try HTTPConnection(
      host: server.host, port: Int(server.port),
      tls: server.isSecure ? TLSClientOptions(trust: trust) : nil, timeoutSeconds: seconds)
  }

  private func path(_ target: APITarget) -> String { server.prefix + target.text }

  private func headers(
    _ more: [(name: String, value: String)]
  ) -> [(name: String, value: String)] {
    var fields = [(name: "User-Agent", value: "groundswell/\(Program.version)")]
    if let token { fields.append(("Authorization", "Bearer \(token)")) }
    return fields + more
  }

  private static func failure(status: Int, body: [UInt8], token: String?) -> Failure {
    // The body of a refusal is for explanation only; without one the status must do.
    var failure = Failure(status: status, document: try? JSON.parse(body))
    if status == 404, failure.kind == nil {
      return .failed("there is no management API at this address; is it a Groundswell server?")
    }
    if status == 401, token == nil {
      failure.hint = "groundswell status --token-file FILE, or set GROUNDSWELL_TOKEN"
    }
    return failure
  }

  private func failure(_ error: HTTPClientError) -> Failure {
    switch error {
    case .refused, .unknownHost, .unreachable:
      .unreachable(
        error.description, hint: "groundswell serve, or --server URL for a server elsewhere")
    case .tls:
      .unreachable(
        error.description,
        hint: authorities == nil ? "--ca FILE with the certificate that signed the server's" : nil)
    case .timedOut, .disconnected, .malformedResponse: .unreachable(error.description)
    case .malformedURL, .tooLarge, .file, .malformedRequest, .cancelled:
      .failed(error.description)
    }
  }
}
