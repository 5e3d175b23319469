// GateCommandTests: `groundswell gate evaluate` as a script uses it: lines out, and an exit code.

import Glibc
import Testing
import UpdateModel

@Suite struct GateCommandTests {
  private func evaluate(_ questions: String) throws -> (status: Int32?, output: String) {
    var template = Array("/tmp/groundswell-gate.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw EndToEndFault("no temporary directory") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let paths = (questions: "\(folder)/questions.json", output: "\(folder)/output")
    defer {
      unlink(paths.questions)
      unlink(paths.output)
      rmdir(folder)
    }
    guard let file = fopen(paths.questions, "w") else { throw EndToEndFault("cannot write") }
    fputs(questions, file)
    fclose(file)
    let process = try ChildProcess(
      ["gate", "evaluate", "--vectors", paths.questions], output: paths.output)
    return (process.wait(), contents(of: paths.output))
  }

  private let good =
    #"{"id": "a", "fn": "abortCount", "in": {"n": 100, "p0": 0.005, "alpha": 0.05}}"#

  @Test func `each question gets its line and success when all are answered`() throws {
    let second = #"{"id": 2, "fn": "poisson95", "in": {"mean": 30.0}, "out": 0, "how": "ignored"}"#
    let result = try evaluate(#"{"meta": {}, "vectors": [\#(good), \#(second)]}"#)
    #expect(result.status == 0)
    #expect(result.output == "{\"id\":\"a\",\"out\":4}\n{\"id\":2,\"out\":39}\n")
  }

  @Test func `one bad question does not hide the others but the exit code tells`() throws {
    let bad = #"{"id": "b", "fn": "abortCount", "in": {"n": -1, "p0": 0.005, "alpha": 0.05}}"#
    let result = try evaluate(#"{"vectors": [\#(bad), \#(good)]}"#)
    #expect(result.status == 1)
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(try lines.first.map { try JSON.parse(Array($0.utf8)) }?["error"]?.string != nil)
    #expect(lines.last == #"{"id":"a","out":4}"#)
  }

  @Test(arguments: ["", "[1, 2]", #"{"vectors": 1}"#, #"{"vectors": [1}"#])
  func `a file that holds no questions is refused by name`(questions: String) throws {
    let result = try evaluate(questions)
    #expect(result.status == 1)
    #expect(result.output.contains("questions.json: "))
  }
}
