// SimulateRolloutTests: `simulate rollout` as people and pipelines run it.

import Glibc
import Testing
import UpdateModel

@Suite struct SimulateRolloutTests {
  private static let small = ["--fleet-size", "1000", "--runs", "3", "--failure-rate", "20%"]

  @Test func `the same seed prints the same document`() throws {
    let first = try simulate(Self.small + ["--json", "--compare"])
    #expect(first.status == 0)
    #expect(try simulate(Self.small + ["--json", "--compare"]).output == first.output)
    let document = try JSON.parse(Array(first.output.utf8))
    #expect(document["results"]?.array?.count == 4)
    #expect(document["results"]?.array?.first?["abortedPercent"] == .decimal("100.00"))
  }

  @Test func `people see harm, ends and decisions in words`() throws {
    let found = try simulate(Self.small)
    #expect(found.output.contains("Decisions with seed 1:"))
    #expect(found.output.contains("stopped: "))
  }

  @Test func `an expectation that does not hold is an exit code and a sentence`() throws {
    #expect(try simulate(Self.small + ["--expect", "aborted>=100"]).status == 0)
    let missed = try simulate(Self.small + ["--expect", "failed.mean<=0"])
    #expect(missed.status == 1)
    #expect(missed.output.contains("groundswell: expected failed.mean<=0, but failed.mean is "))
  }

  @Test(arguments: [
    (["--model-brick", "X"], "no model is called 'X'; there are A, B, C, D"),
    (["--models", "A=50%,B=40%"], "the models are 90.0 % of the fleet together; make it 100 %"),
    (["--late-rate", "5%"], "--late-rate needs --late"),
    (["--expect", "bricks<5"], "is not FIGURE<=NUMBER or FIGURE>=NUMBER"),
    (["--devices", "5", "--fleet-size", "5"], "mean the same; give one of them"),
  ])
  func `a wrong option says what to do`(words: [String], sentence: String) throws {
    let found = try simulate(words)
    #expect(found.status == 2)
    #expect(found.output.contains(sentence), "\(found.output)")
  }

  private func simulate(_ words: [String]) throws -> (status: Int32?, output: String) {
    var template = Array("/tmp/groundswell-simulate.XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw EndToEndFault("cannot make a file under /tmp") }
    close(descriptor)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { unlink(path) }
    let process = try ChildProcess(["simulate", "rollout"] + words, output: path)
    let status = process.wait()
    return (status, contents(of: path))
  }
}
