// LabelCommandTests: `groundswell device labels` as a person uses it, without a server.

import Glibc
import Testing
import UpdateModel

@Suite final class LabelCommandTests {
  let folder: String

  init() throws {
    var template = Array("/tmp/groundswell-label-command-XXXXXX".utf8CString)
    folder = String(cString: try #require(mkdtemp(&template)))
  }

  deinit {
    for name in names() { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }

  private func names() -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  private func run(_ words: String...) throws -> (status: Int32?, text: String) {
    let output = "\(folder)/output"
    unlink(output)
    let process = try ChildProcess(["device", "labels"] + words, output: output)
    let status = process.wait()
    defer { unlink(output) }
    return (status, contents(of: output))
  }

  private func table(_ count: Int, server: String = "https://ota.example.com") throws -> String {
    let path = "\(folder)/claims.csv"
    var text = "tenant,device,code,batch,link\r\n"
    for index in 0..<count {
      let code = ClaimCode(entropy: [UInt8](repeating: UInt8(index), count: 15))
      let link = try ClaimLink(
        tenant: try Name("acme"), device: try DeviceID("pump-\(index)"), code: code, server: server)
      text += "acme,pump-\(index),\(code.text),,\(link.text)\r\n"
    }
    try text.write(to: path)
    return path
  }

  @Test func `one table becomes a PDF, SVG pages and the table again, all private`() throws {
    let claims = try table(25)
    let (status, text) = try run(
      claims, "--labels", "\(folder)/a.pdf", "--labels", "\(folder)/a.svg", "--labels",
      "\(folder)/a.csv", "--batch", "Pilot", "--colour", "teal", "--crop-marks")
    #expect(status == 0, "\(text)")
    #expect(text.hasPrefix("25 labels in "))
    #expect(names() == ["a-1.svg", "a-2.svg", "a.csv", "a.pdf", "claims.csv"])
    for name in ["a.pdf", "a-1.svg", "a.csv"] {
      var facts = stat()
      #expect(stat("\(folder)/\(name)", &facts) == 0)
      #expect(facts.st_mode & 0o7777 == 0o600)
    }
    #expect(contents(of: "\(folder)/a.pdf").hasPrefix("%PDF-1.7"))
    #expect(contents(of: "\(folder)/a-2.svg").contains("pump-24"))
    let again = contents(of: "\(folder)/a.csv")
    #expect(again == contents(of: claims).replacingBatch("Pilot"))
  }

  @Test func `files that exist stay, and what is wrong is said before anything is written`() throws
  {
    let claims = try table(1)
    try "mine".write(to: "\(folder)/a-1.svg")
    let rows: [([String], String)] = [
      (["--labels", "\(folder)/a.svg"], "a-1.svg exists"),
      (["--labels", claims], "exists"),
      (["--labels", "\(folder)/a.png"], "ends in none of .pdf, .svg and .csv"),
      (["--labels", "\(folder)/none/a.pdf"], "cannot create files in"),
      (["--labels", "\(folder)/a.pdf", "--stock", "L1"], "use one of L4731"),
      (["--labels", "\(folder)/a.pdf", "--columns", "3"], "needs both"),
      (["--labels", "\(folder)/a.pdf", "--margin", "3"], "belongs to a grid"),
      (["--labels", "\(folder)/a.pdf", "--columns", "3", "--rows", "3", "--gap", "x"], "in mm"),
      (
        ["--labels", "\(folder)/a.pdf", "--columns", "3", "--rows", "3", "--margin", "51"], "50 mm"
      ),
      (["--labels", "\(folder)/a.pdf", "--columns", "20", "--rows", "1"], "no room"),
      (["--labels", "\(folder)/a.pdf", "--colour", "bleu"], "neither #rrggbb nor"),
      (["--labels", "\(folder)/a.pdf", "--first-label", "22"], "from 1 to 21"),
      ([], "--labels FILE is missing"),
    ]
    for (words, reason) in rows {
      let output = "\(folder)/output"
      unlink(output)
      let process = try ChildProcess(["device", "labels", claims] + words, output: output)
      #expect(process.wait() != 0)
      #expect(contents(of: output).contains(reason), "\(contents(of: output))")
      unlink(output)
    }
    #expect(names() == ["a-1.svg", "claims.csv"])
    #expect(contents(of: "\(folder)/a-1.svg") == "mine")
  }

  @Test func `a damaged code is named by its line and never shown`() throws {
    let claims = try table(3)
    let text = contents(of: claims)
    let code = ClaimCode(entropy: [UInt8](repeating: 2, count: 15)).symbols
    let damaged = "Z" + code.dropFirst()
    try text.split(separator: code).joined(separator: damaged).write(to: claims)
    let (status, output) = try run(claims, "--labels", "\(folder)/a.pdf")
    #expect(status == 1)
    #expect(output.contains("line 4: claim does not add up"))
    #expect(!output.contains(damaged))
    #expect(names() == ["claims.csv"])
  }
}

extension String {
  fileprivate func write(to path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(file) }
    let bytes = Array(utf8)
    try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
  }

  /// The table of the test has empty batches.
  fileprivate func replacingBatch(_ name: String) -> String {
    split(separator: ",,").joined(separator: ",\(name),")
  }
}
