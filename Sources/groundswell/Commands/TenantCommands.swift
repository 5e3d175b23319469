// TenantCommands: `groundswell tenant ...`, separate fleets on one server.

import UpdateModel

/// Commands about tenants.
enum TenantCommands {
  /// In the order that help lists them.
  static let all = [list, create, show, set]

  private static let name = Operand("NAME", "name of the tenant")
  private static let poll = Option.value(
    "poll", "TIME", "how often devices ask for news, such as 5m; whole seconds")

  private static let list = Command.remote(
    "tenant list", "Lists the tenants that the token may see.",
    examples: ["groundswell tenant list", "groundswell tenant list --json"]
  ) { (_, session) throws(Failure) in
    let listing = try session.list(APITarget("tenants"))
    session.show(listing, empty: "no tenants") {
      Table("name", ">devices", "poll", "registers on first contact", rows: $0) { tenant in
        [
          tenant.shown("name"), Wording.count(tenant.count("devices")),
          tenant.seconds("pollSeconds").map(Wording.length) ?? "-",
          tenant.shown("registerOnFirstContact"),
        ]
      }
    }
  }

  private static let create = Command.remote(
    "tenant create", "Creates a tenant.", operands: [name],
    options: [
      .flag("register-on-first-contact", "let unknown devices register themselves"), poll,
    ],
    examples: [
      "groundswell tenant create acme", "groundswell tenant create acme --poll 15m",
    ]
  ) { (arguments, session) throws(Failure) in
    let isOpen = arguments.has("register-on-first-contact")
    let answer = try session.post(
      APITarget("tenants"),
      .members([
        "name": .string(arguments[0]), "registerOnFirstContact": isOpen ? true : nil,
        "pollSeconds": try seconds(arguments),
      ]))
    session.show(answer, facts)
  }

  private static let show = Command.remote(
    "tenant show", "Shows a tenant's settings.",
    operands: [Operand("NAME", "name of the tenant; that of --tenant when left out", .optional)],
    examples: ["groundswell tenant show", "groundswell tenant show acme"]
  ) { (arguments, session) throws(Failure) in
    let tenant = arguments.operands.first ?? session.tenant
    session.show(try session.get(APITarget("tenants", tenant)), facts)
  }

  private static let set = Command.remote(
    "tenant set", "Changes a tenant's settings.", operands: [name],
    options: [
      .value("register-on-first-contact", "on|off", "let unknown devices register themselves"),
      poll,
    ],
    examples: [
      "groundswell tenant set acme --poll 1m",
      "groundswell tenant set acme --register-on-first-contact off",
    ]
  ) { (arguments, session) throws(Failure) in
    let isOpen = try arguments.choice("register-on-first-contact")
    let pollSeconds = try seconds(arguments)
    guard isOpen != nil || pollSeconds != nil else {
      throw arguments.refuse("nothing to change; give --poll or --register-on-first-contact")
    }
    let answer = try session.client.document(
      "PATCH", APITarget("tenants", arguments[0]),
      body: .members([
        "registerOnFirstContact": isOpen.map { .bool($0) }, "pollSeconds": pollSeconds,
      ]))
    session.show(answer, facts)
  }

  private static func seconds(_ arguments: Arguments) throws(Failure) -> JSON? {
    guard let interval = try arguments.interval("poll") else { return nil }
    guard interval.wholeSeconds > 0 else { throw arguments.refuse("option --poll: at least 1s") }
    return .integer(interval.wholeSeconds)
  }

  private static func facts(_ tenant: JSON) -> String {
    Table.facts([
      "tenant": tenant.text("name"), "devices": Wording.count(tenant.count("devices")),
      "poll": tenant.seconds("pollSeconds").map(Wording.length),
      "registers on first contact": tenant.text("registerOnFirstContact"),
    ])
  }
}
