// TokenResource: the tokens of people and programs.

import HTTPServer
import Orchestrator
import UpdateModel

/// `/api/v1/tokens`.
enum TokenResource {
  static let routes = [
    Route(.get, "/api/v1/tokens", query: Page.parameters, .service(list)),
    Route(.post, "/api/v1/tokens", .service(issue)),
    Route(.delete, "/api/v1/tokens/{fingerprint}", .service(revoke)),
  ]

  private static func list(_ call: Call) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let tokens = call.plane.operatorTokens
    // Tokens are in the order of their issue, so the cursor is found by looking for it.
    let start = page.cursor.flatMap { cursor in
      tokens.firstIndex { $0.fingerprint == cursor }.map { $0 + 1 }
    }
    return Answer(
      page.listed(
        Array(tokens[(start ?? (page.cursor == nil ? 0 : tokens.count))...].prefix(page.limit + 1)),
        key: \.fingerprint, document: Documents.token))
  }

  private static func issue(_ call: Call) throws(Problem) -> Answer {
    let (label, tenant) = try call.read(["label", "tenant"]) { reader in
      let tenant = reader.has("tenant") ? reader.name("tenant") : nil
      return reader.text("label", bytes: 1...100).map { ($0, tenant) }
    }
    let (token, record, ticket) = try call.plane.issueToken(label: label, tenant: tenant)
    return Answer(
      .members([
        "label": .string(label), "tenant": tenant.map { .string($0.text) },
        "fingerprint": .string(record.fingerprint), "token": .string(token),
      ]),
      status: 201, after: ticket)
  }

  private static func revoke(_ call: Call) throws(Problem) -> Answer {
    try call.expectNoFields()
    return .nothing(after: try call.plane.revokeToken(fingerprint: call["fingerprint"]))
  }
}
