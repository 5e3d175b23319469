// BootVariables: the record as `name=value`, the form in which every boot loader of ours has it.

internal import UpdateModel

/// Variables in their order; those that are not of the record stay as they are.
struct BootVariables: Equatable {
  /// Most variables; the environment of a board has some hundred.
  static let countMax = 4096

  private(set) var list: [(name: String, value: String)] = []

  init() {}

  /// Reads entries `name=value`; an entry without a name is refused, of two the last counts.
  init?(entries: some Sequence<some StringProtocol>) {
    for entry in entries {
      guard let sign = entry.firstIndex(of: "="), sign != entry.startIndex,
        list.count < BootVariables.countMax
      else { return nil }
      self[String(entry[..<sign])] = String(entry[entry.index(after: sign)...])
    }
  }

  subscript(name: String) -> String? {
    get { list.first { $0.name == name }?.value }
    set {
      let index = list.firstIndex { $0.name == name }
      switch (index, newValue) {
      case (let index?, let value?): list[index].value = value
      case (let index?, nil): list.remove(at: index)
      case (nil, let value?): list.append((name, value))
      case (nil, nil): break
      }
    }
  }

  var entries: [String] { list.map { "\($0.name)=\($0.value)" } }

  static func == (left: Self, right: Self) -> Bool { left.entries == right.entries }

  /// The record in them.
  func status() throws(AgentError) -> BootStatus {
    func number(_ name: String, _ range: ClosedRange<Int>) throws(AgentError) -> Int {
      guard let text = self[name], let value = Int(text), range.contains(value) else {
        throw .malformed(
          subject: "the boot record",
          reason: "has \(name)=\(self[name] ?? "(missing)"), which is not "
            + "\(range.lowerBound) to \(range.upperBound)")
      }
      return value
    }
    func slot(_ name: String) throws(AgentError) -> Slot {
      guard let slot = self[name].flatMap(Slot.init) else {
        throw .malformed(
          subject: "the boot record",
          reason: "has \(name)=\(self[name] ?? "(missing)"), which is not a or b")
      }
      return slot
    }
    guard let state = BootStatus.UpdateState(rawValue: try number("ustate", 0...3)) else {
      preconditionFailure("all values of the range are cases")
    }
    return BootStatus(
      slot: try slot("slot"), previous: try slot("previous"),
      isTrial: try number("upgrade_available", 0...1) == 1,
      bootCount: try number("bootcount", 0...1_000_000),
      bootLimit: try number("bootlimit", 1...100), state: state)
  }

  /// Puts a record into them.
  mutating func store(_ status: BootStatus) {
    for (name, value) in BootVariables.pairs(status) { self[name] = value }
  }

  static func pairs(_ status: BootStatus) -> [(String, String)] {
    [
      ("slot", status.slot.rawValue), ("previous", status.previous.rawValue),
      ("upgrade_available", status.isTrial ? "1" : "0"), ("bootcount", "\(status.bootCount)"),
      ("bootlimit", "\(status.bootLimit)"), ("ustate", "\(status.state.rawValue)"),
    ]
  }
}
