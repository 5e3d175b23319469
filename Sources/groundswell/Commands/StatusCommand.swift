// StatusCommand: `groundswell status`, the server and the fleet on one screen.

import UpdateModel

/// Shows how the server and the tenant's fleet are.
enum StatusCommand {
  static let command = Command.remote(
    "status", "Shows how the server is, which versions the fleet runs and what is rolling out.",
    examples: [
      "groundswell status", "groundswell status --tenant acme",
      "groundswell status --server https://updates.example.org --token-file admin.token --json",
    ]
  ) { (_, session) throws(Failure) in
    let status = try session.get(APITarget("status"))
    let summary = try session.get(session.target("summary"))
    session.show(.members(["server": status, "fleet": summary])) { _ in
      server(status, session) + "\n" + fleet(summary, now: session.now)
    }
  }

  private static func server(_ status: JSON, _ session: Session) -> String {
    let isHealthy = status["storeHealthy"]?.bool
    return Table.facts([
      "server": "\(session.client.server), version \(status.shown("version"))",
      "up": status.seconds("uptimeSeconds").map(Wording.length),
      "store": isHealthy.map { $0 ? "healthy" : "NOT HEALTHY: nothing can be written" },
      "devices": Wording.count(status.count("devices")),
      "connections": Wording.count(status.count("connections")),
      "requests": Wording.count(status.count("requests")),
    ])
  }

  private static func fleet(_ summary: JSON, now: Instant) -> String {
    let devices = summary.count("devices")
    let heard = summary.count("heard")
    var text = Table.facts([
      "tenant": summary.text("tenant"), "devices": Wording.count(devices),
      "heard of lately": "\(Wording.count(heard)) (\(Wording.share(heard, of: devices)))",
    ])
    let versions = summary.items("versions")
    if !versions.isEmpty {
      let table = Table("version", ">devices", ">share", rows: versions) { version in
        let count = version.count("count")
        return [
          version.text("version") ?? "unknown", Wording.count(count),
          Wording.share(count, of: devices),
        ]
      }
      text += "\n" + table.text
    }
    let rollouts = summary.items("rollouts")
    if !rollouts.isEmpty { text += "\n" + RolloutTables.list(rollouts, now: now).text }
    return text
  }
}
