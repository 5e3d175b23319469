// TokenCommands: `groundswell token ...`, credentials of the management API.

import UpdateModel

/// Commands about tokens of people and programs; devices have their own.
enum TokenCommands {
  /// In the order that help lists them.
  static let all = [list, create, revoke]

  private static let list = Command.remote(
    "token list", "Lists the tokens by fingerprint; the tokens themselves are not kept.",
    examples: ["groundswell token list", "groundswell token list --json"]
  ) { (_, session) throws(Failure) in
    let listing = try session.list(APITarget("tokens"))
    session.show(listing, empty: "no tokens") {
      Table("fingerprint", "label", "tenant", "created", rows: $0) { token in
        [
          token.shown("fingerprint"), token.shown("label"), token.text("tenant") ?? "all",
          token.ago("createdAt", now: session.now),
        ]
      }
    }
  }

  private static let create = Command.remote(
    "token create", "Creates a token and prints it, once.",
    operands: [Operand("LABEL", "who or what uses it; appears in histories")],
    options: [.value("only", "TENANT", "good for this tenant only", default: "all tenants")],
    examples: [
      "groundswell token create ci-pipeline --only acme",
      "groundswell token create alice --json",
    ]
  ) { (arguments, session) throws(Failure) in
    let answer = try session.post(
      APITarget("tokens"),
      .members([
        "label": .string(arguments[0]), "tenant": arguments.value("only").map { .string($0) },
      ]))
    session.show(answer) { token in
      Table.facts([
        "label": token.text("label"), "tenant": token.text("tenant") ?? "all",
        "fingerprint": token.text("fingerprint"), "token (shown once)": token.text("token"),
      ])
    }
  }

  private static let revoke = Command.remote(
    "token revoke", "Revokes a token; it stops working at once.",
    operands: [Operand("FINGERPRINT", "as in token list")],
    examples: ["groundswell token revoke 0123456789abcdef"]
  ) { (arguments, session) throws(Failure) in
    let answer = try session.client.document("DELETE", APITarget("tokens", arguments[0]))
    session.show(answer) { _ in "token \(Table.printable(arguments[0])) revoked\n" }
  }
}
