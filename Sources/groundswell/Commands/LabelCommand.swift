// LabelCommand: `groundswell device labels`, the labels of claims that exist, printed again.

import Labels
import UpdateModel

/// Draws labels without a server.
enum LabelCommand {
  /// Ten thousand links of usual length and the rest of their table.
  private static let byteCountMax = 16 << 20

  static let command = Command.local(
    "device labels",
    "Draws the labels of claims from the table that provisioning wrote, or from any text with "
      + "claim links. Needs no server.",
    operands: [Operand("FILE", "the table or text; - is standard input")],
    options: [.value("batch", "NAME", "the name of the batch, for people")]
      + LabelSheetOptions.options,
    examples: [
      "groundswell device labels claims.csv --labels labels.pdf --batch 'Pilot 2026'",
      "groundswell device labels claims.csv --labels labels.svg --stock L4731 --colour blue",
      "groundswell device labels claims.csv --labels labels.pdf --columns 4 --rows 8 --crop-marks",
    ]
  ) { (arguments) throws(Failure) in
    let options = try LabelSheetOptions(arguments)
    guard !options.isEmpty else {
      throw arguments.refuse("option --labels FILE is missing: where shall the labels go?")
    }
    let text = try LocalFile.read(arguments[0], atMost: byteCountMax)
    let links = try links(in: text, of: arguments[0])
    guard let server = links.first.map(\.server) else {
      throw .failed("\(arguments[0]) holds no claim link (groundswell:claim?t=...)")
    }
    guard links.allSatisfy({ $0.server == server }) else {
      throw .failed("\(arguments[0]) holds links to different servers; print them one by one")
    }
    let labels = links.map { Label(tenant: $0.tenant, device: $0.device, code: $0.code) }
    let (paths, notes) = try options.write(
      labels, batch: arguments.value("batch"), server: server)
    for note in notes { Terminal.note("note: \(note)\n") }
    Terminal.write(
      "\(Wording.count(labels.count, "label")) in \(paths.joined(separator: ", "))\n")
    return .success
  }

  /// Every claim link of a text, each in a line of its own or in a field of a table.
  private static func links(in text: [UInt8], of path: String) throws(Failure) -> [ClaimLink] {
    var links: [ClaimLink] = []
    for (number, line) in text.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
      let line = String(decoding: line, as: UTF8.self)
      guard let start = line.firstRange(of: "groundswell:claim?")?.lowerBound else { continue }
      // A link contains neither of these; they end a field or a line.
      let end = line[start...].firstIndex { [",", ";", "\"", "'", " ", "\t", "\r"].contains($0) }
      do throws(InvalidValue) {
        links.append(try ClaimLink(String(line[start..<(end ?? line.endIndex)])))
      } catch {
        throw .failed("\(path), line \(number + 1): \(error.field) \(error.reason)")
      }
    }
    return links
  }
}
