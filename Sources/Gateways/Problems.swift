// Problems: what the domain refuses, as an HTTP answer (RFC 9457); the one place that maps it.

import HTTPServer
import UpdateModel

extension Response {
  /// A JSON document. API answers are not to be kept by caches.
  init(json document: JSON, status: Int = 200) {
    self.init(json: document.text, status: status)
  }

  /// Bytes that are a JSON document already.
  init(json text: [UInt8], status: Int = 200) {
    self.init(
      status: status,
      headers: [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
      body: .bytes(text))
  }

  /// A problem document; `status` stands in for the kind's own where HTTP says it better.
  init(_ problem: Problem, status: Int? = nil, headers: [(name: String, value: String)] = []) {
    var members = problem.document.members ?? []
    if let status {
      members = members.map { $0.key == "status" ? JSON.Member("status", JSON(status)) : $0 }
    }
    var fields: [(name: String, value: String)] = [
      ("Content-Type", "application/problem+json"), ("Cache-Control", "no-store"),
    ]
    // RFC 9110 section 10.2.3: says when trying again makes sense.
    if problem.kind == .storeUnavailable { fields.append(("Retry-After", "5")) }
    self.init(
      status: status ?? problem.kind.status, headers: fields + headers,
      body: .bytes(JSON.object(members).text))
  }
}
