// CommandTable: every command of the program, in the order that help lists them.

/// The commands and the nouns they belong to.
enum CommandTable {
  /// Every command.
  static let commands: [Command] = [
    [ServeCommand.command],
    ArtifactCommands.all,
    ReleaseCommands.all,
    DeviceCommands.all, TwinCommands.all, DeviceOrders.all, [EmulateCommand.command],
    EnrolmentCommands.ofDevices, DeviceLifeCommands.all, EnrolmentCommands.others,
    GroupCommands.all,
    PolicyCommands.all,
    RolloutCommands.all,
    JobCommands.all,
    GateCommands.all,
    SafeguardCommands.all,
    TenantCommands.all, [EnrolmentSettingsCommand.command],
    TokenCommands.all,
    [LabelCommand.command],
    [KeyCommand.command, StatusCommand.command],
    SimulateCommand.all,
  ].flatMap { $0 }

  /// The first words, each once, in order.
  static let nouns: [(word: String, meaning: String)] = {
    var nouns: [(word: String, meaning: String)] = []
    for command in commands where !nouns.contains(where: { $0.word == command.words[0] }) {
      nouns.append((command.words[0], meanings[command.words[0]] ?? command.summary))
    }
    return nouns
  }()

  private static let meanings = [
    "artifact": "Firmware images: upload, check, fetch.",
    "release": "Named versions made of artifacts: draft, publish, revoke.",
    "device": "The fleet: register, tag, look up.",
    "batch": "Devices that were provisioned together.",
    "alert": "What looks wrong about devices.",
    "group": "Sets of devices, listed or by filter.",
    "policy": "How rollouts widen and when they stop.",
    "rollout": "Deliver a release: plan, start, watch, stop.",
    "job": "The same command for many devices, a few at a time.",
    "gate": "The statistics behind it: check them yourself.",
    "safeguard": "Kinds of devices that a release broke and that are kept from updates.",
    "tenant": "Separate fleets on one server.",
    "token": "Credentials of the management API.",
    "key": "The key that signs artifacts.",
    "simulate": "Virtual devices: against a server, or a whole rollout in memory.",
  ]

  /// The commands that start with a word.
  static func commands(of noun: String) -> [Command] {
    commands.filter { $0.words[0] == noun }
  }

  /// Finds the command that `words` name and what follows it.
  static func find(_ words: [String]) throws(Failure) -> (command: Command, rest: [String]) {
    guard let first = words.first else {
      throw .usage("a command is missing", hint: "groundswell help")
    }
    let family = commands(of: first)
    if let single = family.first, single.words.count == 1 {
      return (single, Array(words.dropFirst()))
    }
    guard !family.isEmpty else {
      let near = nearest(to: first, among: nouns.map(\.word) + ["help"])
      throw .usage(
        "unknown command '\(first)'" + (near.map { "; did you mean '\($0)'?" } ?? ""),
        hint: "groundswell help")
    }
    let verbs = family.map { $0.words[1] }
    guard words.count > 1, !words[1].hasPrefix("-") else {
      throw .usage(
        "'\(first)' needs one of: \(verbs.joined(separator: ", "))",
        hint: "groundswell \(first) --help")
    }
    guard let command = family.first(where: { $0.words[1] == words[1] }) else {
      let near = nearest(to: words[1], among: verbs)
      throw .usage(
        "unknown command '\(first) \(words[1])'"
          + (near.map { "; did you mean '\(first) \($0)'?" }
            ?? "; known are: \(verbs.joined(separator: ", "))"),
        hint: "groundswell \(first) --help")
    }
    return (command, Array(words.dropFirst(2)))
  }
}
