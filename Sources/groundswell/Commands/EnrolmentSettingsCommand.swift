// EnrolmentSettingsCommand: `groundswell tenant enrolment`, how devices become known to a tenant.

import UpdateModel

/// Shows and changes a tenant's rules of enrolment.
enum EnrolmentSettingsCommand {
  static let command = Command.remote(
    "tenant enrolment", "Shows or changes how devices become known to the tenant.",
    options: [
      .value("ways", "LIST", "of claim, preauthorised, ca and manual; - for none"),
      .value("overlap", "TIME", "how long an old credential counts beside its successor"),
      .value("certificate-days", "N", "how long certificates of devices count"),
      .value("quarantine-clones", "on|off", "quarantine devices that seem to exist twice"),
      .value("approve-certified", "on|off", "look at devices with a certificate first, too"),
      .value("authority", "FILE", "trust these authorities only (PEM)", repeats: true),
    ],
    examples: [
      "groundswell tenant enrolment",
      "groundswell tenant enrolment --ways claim,manual --quarantine-clones on",
      "groundswell tenant enrolment --ways claim,ca --authority factory-ca.pem",
    ]
  ) { (arguments, session) throws(Failure) in
    var authorities: [JSON] = []
    for path in arguments.values("authority") {
      let bytes = try LocalFile.read(path, atMost: EnrolmentSettings.authorityBytesMax)
      authorities.append(.string(String(decoding: bytes, as: UTF8.self)))
    }
    let days = try arguments.integer(
      "certificate-days", default: 90, in: EnrolmentSettings.certificateDayCounts)
    let ways = arguments.value("ways").map { text -> JSON in
      .array(text == "-" ? [] : text.split(separator: ",").map { .string(String($0)) })
    }
    let changes = JSON.members([
      "ways": ways, "overlap": try arguments.interval("overlap").map { .string($0.description) },
      "certificateDays": arguments.has("certificate-days") ? JSON(days) : nil,
      "quarantineClones": try arguments.choice("quarantine-clones").map { .bool($0) },
      "approveCertified": try arguments.choice("approve-certified").map { .bool($0) },
      "authorities": authorities.isEmpty ? nil : .array(authorities),
    ])
    let target = session.target("enrolment")
    let answer =
      changes.members?.isEmpty ?? true
      ? try session.get(target) : try session.client.document("PATCH", target, body: changes)
    session.show(answer) { rules in
      Table.facts([
        "ways": rules.joined("ways"), "overlap": rules.text("overlap"),
        "certificates count": "\(rules.shown("certificateDays")) days",
        "quarantine clones": rules["quarantineClones"]?.bool == true ? "on" : "off",
        "approve certified": rules["approveCertified"]?.bool == true ? "on" : "off",
        "trusted authorities": String(rules.items("authorities").count),
      ])
    }
  }
}
