// CommandMemory: which commands were taken and how they ended, so that none is done twice.

import UpdateModel

/// What a device says about a command.
struct CommandAnswer: Equatable, Sendable {
  /// How far it is.
  enum State: String, CaseIterable, Sendable {
    case accepted, running, done, failed, rejected

    /// Whether nothing follows.
    var isFinal: Bool {
      switch self {
      case .accepted, .running: false
      case .done, .failed, .rejected: true
      }
    }
  }

  /// Longer texts are cut.
  static let textCharactersMax = 1000

  var state: State
  var result: JSON?
  var text: String?

  init(_ state: State, result: JSON? = nil, text: String? = nil) {
    self.state = state
    self.result = result
    self.text = text.map { String($0.prefix(CommandAnswer.textCharactersMax)) }
  }

  /// The body of the request.
  var document: JSON {
    .members([
      "state": .string(state.rawValue), "result": result, "text": text.map { .string($0) },
    ])
  }

  init?(_ document: JSON) {
    guard let state = State(rawValue: document["state"]?.string ?? "") else { return nil }
    self.init(state, result: document["result"], text: document["text"]?.string)
  }
}

/// The commands of the last time, on the disk before they are done.
struct CommandMemory {
  static let fileName = "commands.json"
  /// Older ones are forgotten; a server repeats what was never acknowledged, which is newer.
  static let countMax = 128

  /// One command that the device took.
  struct Entry: Equatable, Sendable {
    let id: Name
    let name: String
    /// The latest answer.
    var answer: CommandAnswer
    /// Whether the server has it.
    var isDelivered: Bool
    /// The run of the kernel in which it was taken.
    let boot: String
  }

  private let state: StateDirectory
  private(set) var entries: [Entry]

  init(_ state: StateDirectory) throws(LinkError) {
    self.state = state
    do throws(LinkError) {
      entries = (try state.document(CommandMemory.fileName)?.array ?? []).compactMap(Entry.init)
    } catch {
      guard case .damaged = error else { throw error }
      entries = []  // worse than doing a command twice is never doing one again
    }
  }

  subscript(id: Name) -> Entry? { entries.first { $0.id == id } }

  /// Notes an answer; it is durable when this returns.
  mutating func note(
    _ answer: CommandAnswer, of id: Name, named name: String, boot: String
  ) throws(LinkError) {
    var next = entries
    if let index = next.firstIndex(where: { $0.id == id }) {
      next[index].answer = answer
      next[index].isDelivered = false
    } else {
      next.append(Entry(id: id, name: name, answer: answer, isDelivered: false, boot: boot))
    }
    while next.count > CommandMemory.countMax {
      next.remove(at: next.firstIndex { $0.isDelivered && $0.answer.state.isFinal } ?? 0)
    }
    try store(next)
  }

  /// Notes that the server has the latest answer.
  mutating func markDelivered(_ id: Name) throws(LinkError) {
    var next = entries
    guard let index = next.firstIndex(where: { $0.id == id }), !next[index].isDelivered else {
      return
    }
    next[index].isDelivered = true
    try store(next)
  }

  /// Has every answer sent again that `id` was given, since the server asks again.
  mutating func deliverAgain(_ id: Name) throws(LinkError) {
    guard let index = entries.firstIndex(where: { $0.id == id }) else { return }
    var next = entries
    next[index].isDelivered = false
    try store(next)
  }

  /// Ends what a restart of the agent or of the device interrupted.
  ///
  /// A reboot that was under way is done when the kernel started anew, or when the agent itself is
  /// what ends for a reboot. Everything else may have been done in part, and is never done twice.
  mutating func settle(boot: String, rebootEndsAgent: Bool) throws(LinkError) {
    for entry in entries where !entry.answer.state.isFinal {
      let isReboot = entry.name == StandardCommand.reboot.rawValue
      let answer =
        isReboot && (entry.boot != boot || rebootEndsAgent)
        ? CommandAnswer(.done)
        : CommandAnswer(.failed, text: "interrupted by a restart of the agent")
      try note(answer, of: entry.id, named: entry.name, boot: entry.boot)
    }
  }

  private mutating func store(_ next: [Entry]) throws(LinkError) {
    try state.write(.array(next.map(\.document)), to: CommandMemory.fileName)
    entries = next
  }
}

extension CommandMemory.Entry {
  fileprivate init?(_ document: JSON) {
    // An entry that cannot be read is one that nobody can ask for.
    guard let id = try? Name(document["id"]?.string ?? ""),
      let answer = document["answer"].flatMap(CommandAnswer.init)
    else { return nil }
    self.init(
      id: id, name: document["name"]?.string ?? "", answer: answer,
      isDelivered: document["delivered"]?.bool ?? false, boot: document["boot"]?.string ?? "")
  }

  fileprivate var document: JSON {
    [
      "id": .string(id.text), "name": .string(name), "answer": answer.document,
      "delivered": .bool(isDelivered), "boot": .string(boot),
    ]
  }
}
