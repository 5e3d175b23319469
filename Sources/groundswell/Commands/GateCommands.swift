// GateCommands: `groundswell gate ...`, the statistics of the gate for whoever wants to check them.

import RolloutEngine
import UpdateModel

/// Commands about the gate between the steps of a rollout.
enum GateCommands {
  /// In the order that help lists them.
  static let all = [evaluate]

  /// Some hundred thousand questions; larger files can be split.
  private static let fileBytesMax = 64 << 20

  private static let evaluate = Command.local(
    "gate evaluate",
    "Answers questions to the statistics of the gate: one line of JSON for each, computed by the "
      + "functions that decide about rollouts.",
    options: [
      .value(
        "vectors", "FILE",
        "questions as {\"vectors\": [{\"id\", \"fn\", \"in\"}, ...]}; - is standard input",
        required: true)
    ],
    examples: ["groundswell gate evaluate --vectors questions.json"]
  ) { (arguments) throws(Failure) in
    let file = arguments.required("vectors")
    let text = try LocalFile.read(file, atMost: fileBytesMax)
    let questions = try questions(in: text, of: file)
    var code = ExitCode.success
    for question in questions {
      let answer = GateVectors.answer(question)
      if answer.isFault { code = .failed }
      Terminal.write(String(decoding: answer.document.text, as: UTF8.self) + "\n")
    }
    return code
  }

  private static func questions(in text: [UInt8], of file: String) throws(Failure) -> [JSON] {
    let document: JSON
    do throws(JSONError) {
      document = try JSON.parse(text)
    } catch {
      throw .failed("\(file): \(error)")
    }
    do throws(GateVectorFault) {
      return try GateVectors.questions(in: document)
    } catch {
      throw .failed("\(file): \(error.reason)")
    }
  }
}
