// EnrolmentCommands: who waits to become known, whose keys are named, and what looks wrong.

import UpdateModel

/// Commands about enrolment.
enum EnrolmentCommands {
  /// Those of `device`, in the order that help lists them.
  static let ofDevices = [ProvisionCommand.command, preauthorise, enrolments]
  /// Those with nouns of their own.
  static let others = [batchList, batchShow, alertList, alertAcknowledge]

  // MARK: Devices that wait

  private static let enrolments = Command.remote(
    "device enrolments", "Lists the devices that wait for a person, lets one in, or turns it away.",
    operands: [
      Operand("VERB", "approve or reject; lists them without it", .optional),
      Operand("FINGERPRINT", "which key; eight digits are enough", .optional),
    ],
    options: [.value("as", "ID", "let it in as this device", default: "as it asks to be")],
    examples: [
      "groundswell device enrolments",
      "groundswell device enrolments approve 3fa9c2d1 --as gw-0007",
      "groundswell device enrolments reject 3fa9c2d1",
    ]
  ) { (arguments, session) throws(Failure) in
    switch (arguments.operands.first, arguments.operands.count) {
    case (nil, _):
      let listing = try session.list(session.target("enrolments"))
      session.show(listing, empty: "nobody waits") {
        Table("key", "kind", "device", "hardware", "since", "why it waits", rows: $0) { one in
          [
            String(one.shown("fingerprint").prefix(16)), one.shown("kind"), one.shown("device"),
            one.shown("hardware"), one.ago("since", now: session.now), one.shown("reason"),
          ]
        }
      }
    case ("approve", 2):
      let answer = try session.post(
        session.target("enrolments", arguments[1], "approve"),
        .members(["device": arguments.value("as").map { .string($0) }]))
      session.show(answer) { "let in as device \(Table.printable($0.shown("device")))\n" }
    case ("reject", 2):
      let answer = try session.post(session.target("enrolments", arguments[1], "reject"))
      session.show(answer) { _ in "turned away\n" }
    default:
      throw arguments.refuse("give approve or reject and the fingerprint of the key")
    }
  }

  private static let preauthorise = Command.remote(
    "device preauthorise",
    "Names the keys of devices before they call. The first line of the CSV file is "
      + "id,hardware,key; a key is the SubjectPublicKeyInfo in base64.",
    operands: [Operand("FILE", "the CSV file; - is standard input")],
    examples: ["groundswell device preauthorise secure-elements.csv"]
  ) { (arguments, session) throws(Failure) in
    let text = String(decoding: try LocalFile.read(arguments[0], atMost: 64 << 20), as: UTF8.self)
    var rows: [JSON] = []
    for (number, line) in text.split(whereSeparator: \.isNewline).enumerated() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map {
        String($0.filter { $0 != " " && $0 != "\"" })
      }
      if number == 0, fields == ["id", "hardware", "key"] { continue }
      guard fields.count == 3 else {
        throw .failed("line \(number + 1): found \(fields.count) fields; write id,hardware,key")
      }
      rows.append(
        .members([
          "id": .string(fields[0]), "hardware": fields[1].isEmpty ? nil : .string(fields[1]),
          "key": .string(fields[2]),
        ]))
    }
    // The server takes so many at a time, each portion all or none.
    for start in stride(from: 0, to: rows.count, by: 4000) {
      let portion = Array(rows[start..<min(start + 4000, rows.count)])
      do throws(Failure) {
        _ = try session.post(
          session.target("preauthorised"), .members(["devices": .array(portion)]))
      } catch {
        if start > 0 { Terminal.note("note: the first \(start) devices are in\n") }
        throw error
      }
    }
    session.show(.members(["created": JSON(rows.count)])) { _ in
      "the keys of \(Wording.count(rows.count, "device")) are awaited\n"
    }
  }

  // MARK: Batches

  private static let batchList = Command.remote(
    "batch list", "Lists batches of provisioned devices, newest first.",
    examples: ["groundswell batch list"]
  ) { (arguments, session) throws(Failure) in
    session.show(try session.list(session.target("batches")), empty: "there is no batch yet") {
      Table(
        "batch", "name", ">devices", ">enrolled", "hardware", "colour", "made", "codes until",
        rows: $0
      ) { batch in
        let devices = batch["devices"] ?? .object([])
        let enrolled = ["enrolled", "active", "quarantined"].reduce(0) { $0 + devices.count($1) }
        return [
          batch.shown("id"), batch.shown("name"), batch.shown("count"), String(enrolled),
          batch.shown("hardware"), batch.shown("colour"),
          batch.ago("createdAt", now: session.now), batch.shown("expires"),
        ]
      }
    }
  }

  private static let batchShow = Command.remote(
    "batch show", "Shows a batch and how far its devices are.",
    operands: [Operand("BATCH", "its number")], examples: ["groundswell batch show 4"]
  ) { (arguments, session) throws(Failure) in
    session.show(try session.get(session.target("batches", arguments[0]))) { batch in
      let devices = (batch["devices"]?.members ?? []).map {
        "\($0.value.integer ?? 0) \($0.key)"
      }
      return Table.facts([
        "batch": batch.text("id"), "name": batch.text("name"), "note": batch.text("note"),
        "colour": batch.text("colour"), "hardware": batch.text("hardware"),
        "tags": batch.pairs("tags"), "groups": batch.joined("groups"),
        "made": "\(batch.shown("createdAt")) by \(batch.shown("createdBy"))",
        "codes good until": batch.text("expires"), "ways": batch.joined("ways"),
        "devices": "\(batch.shown("count")): \(devices.joined(separator: ", "))",
      ])
    }
  }

  // MARK: Alerts

  private static let alertList = Command.remote(
    "alert list", "Lists what looks wrong about devices, newest first.",
    examples: ["groundswell alert list"]
  ) { (arguments, session) throws(Failure) in
    session.show(try session.list(session.target("alerts")), empty: "nothing looks wrong") {
      Table("alert", "device", "kind", ">times", "last seen", "looked at by", "what", rows: $0) {
        alert in
        [
          alert.shown("id"), alert.shown("device"), alert.shown("kind"), alert.shown("count"),
          alert.ago("lastSeen", now: session.now), alert.shown("acknowledgedBy"),
          alert.shown("text"),
        ]
      }
    }
  }

  private static let alertAcknowledge = Command.remote(
    "alert acknowledge", "Notes that you looked at an alert.",
    operands: [Operand("ALERT", "its number")], examples: ["groundswell alert acknowledge 3"]
  ) { (arguments, session) throws(Failure) in
    let answer = try session.post(session.target("alerts", arguments[0], "acknowledge"))
    session.show(answer) { "alert \($0.shown("id")) is noted as looked at\n" }
  }
}
