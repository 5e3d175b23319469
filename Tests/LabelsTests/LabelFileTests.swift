// The files: PDF, SVG and CSV are well formed whatever an id contains, the same in each run, and
// scanners read from them what was put in.

import Glibc
import Testing
import UpdateModel

@testable import Labels

@Suite("Label files")
struct LabelFileTests {
  /// An id that means something in PDF, XML, CSV and spreadsheets at once.
  static let oddID = #"=(a)\b<c>&"d",'ü漢"#

  func sheet(_ count: Int = 3, product: String = "L7160", id: String = "pump-") throws -> LabelSheet
  {
    try LabelSheet(
      try labels(count, id: id), on: try #require(LabelStock(product: product)),
      style: LabelStyle(batch: "Pilot <1>", server: server, colour: try LabelColour("blue")))
  }

  @Test func `every object of a PDF is where its table says, and streams are as long as they say`()
    throws
  {
    let bytes = try sheet(50, id: Self.oddID).pdf()
    let file = bytes.map { Character(Unicode.Scalar($0)) }
    #expect(String(file.prefix(8)) == "%PDF-1.7")
    #expect(String(file.suffix(6)) == "%%EOF\n")
    let start = try #require(Int(number(before: "\n%%EOF", in: bytes)))
    #expect(String(file[start...].prefix(5)) == "xref\n")
    let lines = String(file[start...]).split(separator: "\n")
    let count = try #require(Int(lines[1].split(separator: " ")[1]))
    for object in 1..<count {
      // Entries have 20 bytes with their line end (ISO 32000-1 section 7.5.4).
      let entry = lines[2 + object]
      #expect(entry.utf8.count == 19)
      let offset = try #require(Int(entry.prefix(10)))
      let head = "\(object) 0 obj\n"
      #expect(String(file[offset...].prefix(head.count)) == head)
      let rest = String(file[offset...].prefix(200))
      guard let length = rest.firstRange(of: "/Length ") else { continue }
      let digits = rest[length.upperBound...].prefix { $0.isNumber }
      guard rest[..<length.lowerBound].hasSuffix("<< ") else { continue }
      let streamStart = try #require(rest.firstRange(of: "stream\n")).upperBound
      let end = offset + rest.distance(from: rest.startIndex, to: streamStart) + (Int(digits) ?? 0)
      #expect(String(file[end...].prefix(11)) == "\nendstream\n")
    }
    #expect(String(file[start...]).contains("/Size \(count) "))
  }

  private func number(before end: String, in bytes: [UInt8]) -> String {
    let text = bytes.suffix(40).map { Character(Unicode.Scalar($0)) }
    let tail = String(text)
    guard let range = tail.firstRange(of: end) else { return "" }
    return String(tail[..<range.lowerBound].reversed().prefix { $0.isNumber }.reversed())
  }

  @Test func `PDF text is escaped, and what its fonts lack becomes a question mark with a note`()
    throws
  {
    let sheet = try sheet(product: "L7163", id: Self.oddID)
    let text = String(sheet.pdf().map { Character(Unicode.Scalar($0)) })
    #expect(text.contains(#"(=\(a\)\\b<c>&"d",'\374?1000)"#))
    #expect(sheet.notes.contains { $0.contains("printed as ?") })
  }

  @Test func `SVG text is escaped and keeps every character`() throws {
    let sheet = try sheet(product: "L7163", id: Self.oddID)
    let text = String(decoding: sheet.svg(page: 0), as: UTF8.self)
    #expect(text.contains(#">=(a)\b&lt;c&gt;&amp;&quot;d&quot;,'ü漢1000<"#))
    #expect(text.contains("<title>Labels Pilot &lt;1&gt;</title>"))
    #expect(text.hasSuffix("</svg>\n"))
  }

  @Test func `CSV is quoted, ends lines with CR LF and starts no formula`() throws {
    let style = LabelStyle(batch: "-1+2", server: server)
    let rows = try labels(1, id: Self.oddID) + labels(1)
    let text = String(decoding: try LabelTable.csv(rows, style: style), as: UTF8.self)
    let code = rows[0].code
    let link = try ClaimLink(
      tenant: rows[0].tenant, device: rows[0].device, code: code, server: server)
    #expect(
      text == "tenant,device,code,batch,link\r\n"
        + #"acme,"'=(a)\b<c>&""d"",'ü漢1000",\#(code.text),"'-1+2",\#(link.text)"# + "\r\n"
        + "acme,pump-1000,\(code.text),\"'-1+2\","
        + "groundswell:claim?t=acme&d=pump-1000&c=\(code.symbols)&u=\(server)\r\n")
  }

  @Test func `a quote before a combining mark is doubled too`() throws {
    let label = Label(
      tenant: try Name("a"), device: try DeviceID("x\"\u{301}y"),
      code: ClaimCode(entropy: [UInt8](repeating: 1, count: 15)))
    let text = try LabelTable.csv([label], style: LabelStyle())
    #expect(String(decoding: text, as: UTF8.self).utf8.count { $0 == 34 } == 4)
  }

  @Test func `the same labels give the same bytes`() throws {
    let first = try sheet(40)
    let second = try sheet(40)
    #expect(first.pdf() == second.pdf())
    #expect(first.svg(page: 1) == second.svg(page: 1))
  }

  @Test func `five hundred labels take little processor time, even unoptimised`() throws {
    let all = try labels(500)
    let stock = try #require(LabelStock(product: "L7160"))
    // The thread's own time: the clock on the wall tells how busy the machine is.
    func spent() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let start = spent()
    let sheet = try LabelSheet(all, on: stock, style: LabelStyle(server: server))
    #expect(sheet.pdf().count > 500_000)
    // 1.7 s measured without optimisation, 0.2 s with it; the rest is for slower machines.
    #expect(spent() - start < 6)
  }

  @Test(
    .enabled(if: Program.exists("pdftoppm") && Program.exists("zbarimg")),
    arguments: ["L7160", "L7163", "5160", "L7159"])
  func `a scanner reads every link from the printed PDF`(product: String) throws {
    let folder = try Folder()
    let stock = try #require(LabelStock(product: product))
    let all = try labels(min(12, stock.labelsPerPage))
    let sheet = try LabelSheet(all, on: stock, style: LabelStyle(server: server))
    let path = try folder.write("labels.pdf", sheet.pdf())
    _ = try Program.run([
      "pdftoppm", "-r", "300", "-png", "-singlefile", path, "\(folder.path)/page",
    ])
    let read = try Program.run(["zbarimg", "-q", "--raw", "\(folder.path)/page.png"])
    let links = Set(String(decoding: read, as: UTF8.self).split(separator: "\n").map(String.init))
    let found = try links.map { try ClaimLink($0) }
    #expect(Set(found.map(\.code)) == Set(all.map(\.code)))
    #expect(found.allSatisfy { $0.server == server })
  }

  @Test(
    .enabled(if: Program.exists("pdftoppm") && Program.exists("zbarimg")),
    arguments: ["L4731", "L4732", "L7651", "5167"])
  func `a scanner reads small labels at the resolution of an office printer`(
    product: String
  ) throws {
    let folder = try Folder()
    let stock = try #require(LabelStock(product: product))
    let all = try labels(8)
    let sheet = try LabelSheet(all, on: stock, style: LabelStyle(batch: "b", server: server))
    let path = try folder.write("labels.pdf", sheet.pdf())
    for (index, label) in all.enumerated() {
      let box = stock.box(at: index)
      let area = [box.x, box.y, box.width, box.height].map { "\($0 * 600 / 25_400)" }
      _ = try Program.run(
        [
          "pdftoppm", "-r", "600", "-x", area[0], "-y", area[1], "-W", area[2], "-H", area[3],
          "-png", "-singlefile", path, "\(folder.path)/label",
        ])
      let read = try Program.run(["zbarimg", "-q", "--raw", "\(folder.path)/label.png"])
      let text = String(decoding: read, as: UTF8.self).split(separator: "\n").first ?? ""
      #expect(try ClaimLink(String(text)).code == label.code)
    }
  }

  @Test(.enabled(if: Program.exists("pdftotext")))
  func `a PDF reader finds the ids and codes as text`() throws {
    let folder = try Folder()
    let all = try labels(21)
    let stock = try #require(LabelStock(product: "L7163"))
    let sheet = try LabelSheet(all, on: stock, style: LabelStyle(batch: "Pilot"))
    let path = try folder.write("labels.pdf", sheet.pdf())
    let text = String(decoding: try Program.run(["pdftotext", path, "-"]), as: UTF8.self)
    for label in all {
      #expect(text.contains(label.title))
      for group in label.code.groups { #expect(text.contains(group)) }
    }
  }
}
