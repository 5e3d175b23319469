// DeviceLifeCommands: `groundswell device quarantine|release|retire|replace|credentials`.

import UpdateModel

/// Commands about a device's life and its credentials.
enum DeviceLifeCommands {
  /// In the order that help lists them.
  static let all = [quarantine, release, retire, replace, credentials]

  private static let device = Operand("DEVICE", "id of the device")
  private static let reason = Option.value("reason", "TEXT", "why, for its history")

  private static let quarantine = Command.remote(
    "device quarantine",
    "Distrusts a device: it gets recovery rollouts (rollout create --recovery) and nothing else.",
    operands: [device], options: [reason],
    examples: ["groundswell device quarantine gw-0001 --reason 'key was published'"]
  ) { (arguments, session) throws(Failure) in
    try steer("quarantine", "in quarantine", arguments, session)
  }

  private static let release = Command.remote(
    "device release", "Trusts a device in quarantine again.", operands: [device],
    options: [reason], examples: ["groundswell device release gw-0001"]
  ) { (arguments, session) throws(Failure) in
    try steer("release", "active again", arguments, session)
  }

  private static let retire = Command.remote(
    "device retire",
    "Ends the life of a device: its credentials are gone for good, its history stays.",
    operands: [device], options: [reason],
    examples: ["groundswell device retire gw-0001 --reason 'struck by lightning'"]
  ) { (arguments, session) throws(Failure) in
    try steer("retire", "retired", arguments, session)
  }

  private static func steer(
    _ verb: String, _ outcome: String, _ arguments: Arguments, _ session: Session
  ) throws(Failure) {
    let answer = try session.post(
      session.target("devices", arguments[0], verb),
      .members(["reason": arguments.value("reason").map { .string($0) }]))
    session.show(answer) { _ in "device \(Table.printable(arguments[0])) is \(outcome)\n" }
  }

  private static let replace = Command.remote(
    "device replace",
    "Gives tags, desired properties and groups of a device to another unit and retires the old "
      + "one. A new unit that is not there yet gets a place and a claim code, which is shown once.",
    operands: [device, Operand("NEW", "id of the unit that takes its place")],
    options: [.value("expires", "TIME", "how long the code is good", default: "90d")],
    examples: ["groundswell device replace gw-0001 gw-0001b"]
  ) { (arguments, session) throws(Failure) in
    let answer = try session.post(
      session.target("devices", arguments[0], "replace"),
      .members([
        "by": .string(arguments[1]),
        "expires": try arguments.interval("expires").map { .string($0.description) },
      ]))
    session.show(answer) { answer in
      Table.facts([
        "retired": arguments[0], "in its place": arguments[1],
        "claim code (shown once)": answer.text("code"),
      ])
    }
  }

  private static let credentials = Command.remote(
    "device credentials", "Lists the credentials of a device, revokes one, or asks for a new key.",
    operands: [device],
    options: [
      .value("revoke", "FINGERPRINT", "take this one away at once; eight digits are enough"),
      .value("rotate-within", "TIME", "ask the device for a new key within this time"),
    ],
    examples: [
      "groundswell device credentials gw-0001",
      "groundswell device credentials gw-0001 --revoke 3fa9c2d1",
      "groundswell device credentials gw-0001 --rotate-within 7d",
    ]
  ) { (arguments, session) throws(Failure) in
    let target = session.target("devices", arguments[0], "credentials")
    if let fingerprint = arguments.value("revoke") {
      _ = try session.client.document(
        "DELETE", session.target("devices", arguments[0], "credentials", fingerprint))
    }
    if let within = try arguments.interval("rotate-within") {
      _ = try session.post(
        session.target("devices", arguments[0], "credentials", "rotate"),
        .members(["within": .string(within.description)]))
    }
    let answer = try session.get(target)
    session.show(Listing(items: answer.items("items"), next: nil), empty: "it has no credentials") {
      Table("fingerprint", "kind", "status", "since", "until", "used", rows: $0) { one in
        [
          String(one.shown("fingerprint").prefix(16)), one.shown("kind"), one.shown("status"),
          one.shown("notBefore"), one.shown("notAfter"), one.shown("usedAt"),
        ]
      }
    }
  }
}
