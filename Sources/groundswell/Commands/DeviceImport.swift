// DeviceImport: `groundswell device import`, many devices from a table at once.

import UpdateModel

/// Registers the devices of a CSV file, all of them or none.
enum DeviceImport {
  static let command = Command.remote(
    "device import",
    "Registers the devices of a CSV file, all or none. The first line names the columns: "
      + "id,hardware[,token][,tag.NAME...][,group].",
    operands: [Operand("FILE", "the CSV file; - is standard input")],
    options: [
      .value(
        "tokens-out", "FILE",
        "write the devices' tokens to a new file that only you can read, instead of showing them")
    ],
    examples: [
      "groundswell device import fleet.csv --tokens-out tokens.csv",
      "printf 'id,hardware,tag.site\\ngw-1,board-a,lab\\n' | groundswell device import -",
    ]
  ) { (arguments, session) throws(Failure) in
    let table = try LocalFile.read(arguments[0], atMost: 512 << 20)
    guard let path = arguments.value("tokens-out") else {
      let answer = try send(table, session)
      session.show(answer) { summary($0) + tokens($0) }
      return
    }
    // The file comes first: tokens are shown once, and must have a place to go.
    let file = try LocalFile.Creation(path, isPrivate: true)
    let answer: JSON
    do throws(Failure) {
      answer = try send(table, session)
    } catch {
      file.remove()
      throw error
    }
    try file.append(tokens(answer))
    try file.sync()
    let count = answer.items("tokens").count
    session.show(.members(["created": answer["created"], "tokensFile": .string(path)])) { _ in
      summary(answer) + "\(Wording.count(count, "token")) in \(path)\n"
    }
  }

  private static func send(_ table: [UInt8], _ session: Session) throws(Failure) -> JSON {
    try session.client.document(
      "POST", session.target("devices", "bulk"), type: "text/csv", body: table)
  }

  private static func summary(_ answer: JSON) -> String {
    "\(Wording.count(answer.count("created"), "device")) registered\n"
  }

  private static func tokens(_ answer: JSON) -> String {
    let rows = answer.items("tokens").map { "\(field($0.shown("id"))),\($0.shown("token"))\n" }
    return rows.isEmpty ? "" : "id,token\n" + rows.joined()
  }

  /// A field as RFC 4180 has it: in quotes when it contains what separates fields.
  private static func field(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    let doubled = text.split(separator: "\"", omittingEmptySubsequences: false)
    return "\"" + doubled.joined(separator: "\"\"") + "\""
  }
}
