// InstallFileCommand: `install-file`: an update from a local file, without the server.

import DeviceAgent

extension AgentCommand {
  static let installFile = AgentCommand(
    name: "install-file",
    summary: "Install a signed image from a file, without the server; 75 when a restart is due.",
    operands: 1...1, operandName: "FILE",
    options: [
      AgentOption(
        name: "manifest", placeholder: "FILE", meaning: "the image's signed description, as JSON")
    ],
    examples: ["groundswell-agent install-file system.img --manifest system.json"]
  ) { (arguments) throws(AgentFailure) in
    guard let manifest = arguments.value("manifest") else {
      throw .usage("say what the file is with --manifest FILE")
    }
    let outcome = try linked { () throws(LinkError) in
      try agentRun(arguments).install(file: arguments.operands[0], manifest: manifest)
    }
    switch outcome {
    case .ended(let end):
      guard let failure = end.failure else {
        AgentProgram.write("\(end.phase.rawValue)\n")
        return .done
      }
      throw .failed("\(end.phase.rawValue): \(failure.text)")
    case .rebootNeeded:
      AgentProgram.write("start the device again, and then this command\n")
      return .rebooting
    case .restartNeeded:
      AgentProgram.write("start this command again, in the new version of the agent\n")
      return .rebooting
    }
  }
}
