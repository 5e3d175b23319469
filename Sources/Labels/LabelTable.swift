// The labels as a table for label printers and for spreadsheets (RFC 4180).

import UpdateModel

/// CSV with a heading: tenant, device, code, batch, link.
public enum LabelTable {
  /// Writes the table.
  ///
  /// A field that a spreadsheet would take for a formula gets an apostrophe in front, as
  /// spreadsheets have it for text.
  ///
  /// - Parameters:
  ///   - labels: the rows.
  ///   - style: gives batch and server.
  /// - Returns: UTF-8 with lines that end in CR LF.
  /// - Throws: `LabelError.option` when the server's address is none.
  public static func csv(_ labels: [Label], style: LabelStyle) throws(LabelError) -> [UInt8] {
    var bytes = Array("tenant,device,code,batch,link\r\n".utf8)
    for label in labels {
      let link: String
      do throws(InvalidValue) {
        link = try ClaimLink(
          tenant: label.tenant, device: label.device, code: label.code, server: style.server
        ).text
      } catch {
        throw .option(name: error.field, reason: error.reason)
      }
      let fields = [
        label.tenant.text, label.device?.text ?? "", label.code.text, style.batch ?? "", link,
      ]
      bytes += fields.map(field).joined(separator: ",").utf8
      bytes += [13, 10]
    }
    return bytes
  }

  private static func field(_ text: String) -> String {
    var text = text
    let starts: Set<Unicode.Scalar> = ["=", "+", "-", "@", "\t", "\r", "\n"]
    if let first = text.unicodeScalars.first, starts.contains(first) { text = "'" + text }
    guard text.utf8.contains(where: { [34, 44, 10, 13, 39, 59].contains($0) }) else { return text }
    // By byte, since a quote before a combining mark is another character.
    let quoted = text.utf8.flatMap { $0 == 34 ? [34, 34] : [$0] }
    return "\"" + String(decoding: quoted, as: UTF8.self) + "\""
  }
}
