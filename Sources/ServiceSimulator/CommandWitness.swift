// CommandWitness: what was promised about commands, to people who sent them and to the devices that
// answered, and whether all of it holds.

import Orchestrator
import UpdateModel

/// What was sent, shown, run and answered.
struct CommandWitness {
  /// A command as it was sent off.
  struct Order {
    let id: CommandID
    let device: DeviceID
    /// Found again in its arguments; no two orders have the same.
    let number: Int
    let expiresAt: Instant
    let isDisruptive: Bool
  }

  /// A command as a device was shown it.
  struct Shown: Sendable {
    let id: CommandID
    let number: Int
    let expires: Instant

    init?(_ document: JSON) {
      guard let id = document["id"]?.string.flatMap({ UInt32($0) }),
        let number = CommandWitness.number(in: document["arguments"]),
        let expires = document["expires"]?.string.flatMap(Instant.init(rfc3339:))
      else { return nil }
      self.id = CommandID(id)
      self.number = number
      self.expires = expires
    }
  }

  private struct Fact {
    let device: DeviceID
    let number: Int
  }

  private var sent: [CommandID: (order: Order, step: Int)] = [:]
  /// What each number means, from people and from answers.
  private var meanings: [CommandID: Fact] = [:]
  private var ran: Set<[String]> = []
  /// Taken back, or about to be.
  private var recalled: Set<CommandID> = []
  private var withdrawn: Set<CommandID> = []
  /// Of which the service has heard.
  private var heard: Set<CommandID> = []
  /// The last word that was answered with success.
  private var answered: [CommandID: CommandReport.Word] = [:]
  /// The latest that the clock of the service ever showed.
  private var latest = Instant.epoch

  /// Arguments in which an order is found again.
  static func arguments(_ number: Int, isDisruptive: Bool) -> JSON {
    isDisruptive ? ["reason": .string("\(number)")] : ["seconds": JSON(number)]
  }

  private static func number(in arguments: JSON?) -> Int? {
    arguments?["seconds"]?.integer.map { Int($0) }
      ?? arguments?["reason"]?.string.flatMap { Int($0) }
  }

  mutating func clockShows(_ now: Instant) { latest = max(latest, now) }

  // MARK: People

  /// A person was told that a command is sent; returns what is wrong with it.
  mutating func acknowledged(_ order: Order, step: Int) -> String? {
    sent[order.id] = (order, step)
    return means(order.id, Fact(device: order.device, number: order.number))
  }

  /// A person takes a command back; it may count at once, and must count from `withdrawn` on.
  mutating func recall(_ id: CommandID) { recalled.insert(id) }

  /// A person was told that a command is taken back.
  mutating func withdraw(_ id: CommandID) { withdrawn.insert(id) }

  /// Commands that a person may want back, by number.
  var recallable: [Order] {
    sent.values.map(\.order).filter { !recalled.contains($0.id) && !heard.contains($0.id) }
      .sorted { $0.id < $1.id }
  }

  private mutating func means(_ id: CommandID, _ fact: Fact) -> String? {
    let known = meanings.updateValue(fact, forKey: id)
    guard let known, known.device != fact.device || known.number != fact.number else { return nil }
    return "command \(id) was order \(known.number) for \(known.device) and is order "
      + "\(fact.number) for \(fact.device)"
  }

  // MARK: Devices

  /// A device was told by an answer what to do; returns what is wrong with it.
  mutating func told(_ commands: [Shown], to device: DeviceID, _ arrival: Arrival) -> String? {
    for command in commands {
      if let fault = means(command.id, Fact(device: device, number: command.number)) {
        return fault
      }
      let name = "command \(command.id) was shown to \(device)"
      // Texts have whole seconds.
      let end = sent[command.id]?.order.expiresAt ?? command.expires + .seconds(1)
      if end <= arrival.at { return "\(name) at \(arrival.at), after its end at \(end)" }
      if withdrawn.contains(command.id) { return "\(name) after it was taken back" }
      if let word = answered[command.id] {
        return "\(name) although the device had said \(word.rawValue)"
      }
    }
    guard arrival.isStoreHealthy, commands.count < CommandLimits.shownPerPoll else { return nil }
    let shown = Set(commands.map(\.id))
    for (id, entry) in sent.sorted(by: { $0.key < $1.key }) where entry.order.device == device {
      guard entry.step < arrival.step, !entry.order.isDisruptive, !recalled.contains(id),
        !heard.contains(id), latest < entry.order.expiresAt, !shown.contains(id)
      else { continue }
      return "\(device) was not told command \(id), which waits for it"
    }
    return nil
  }

  /// A device does what an order says; returns what is wrong with that.
  mutating func runs(_ number: Int, on device: DeviceID) -> String? {
    ran.insert([device.text, "\(number)"]).inserted
      ? nil : "\(device) did order \(number) a second time"
  }

  /// A device's word about a command has reached the service.
  mutating func hears(_ id: CommandID) { heard.insert(id) }

  /// A device's word about a command was answered with success.
  mutating func answered(_ id: CommandID, _ word: CommandReport.Word) {
    // What was said first stands, and nothing follows an end.
    if let known = answered[id], known.isFinal { return }
    answered[id] = word
  }

  // MARK: The store

  /// Commands are forgotten some time after their end; what is older than this is not asked for.
  private static let memory = Interval.days(15)

  /// What the service has forgotten, in words; nil when it has everything.
  func loss(in life: ServiceLife) -> String? {
    for (id, entry) in sent.sorted(by: { $0.key < $1.key })
    where latest - entry.order.expiresAt < CommandWitness.memory {
      guard let command = command(id, life) else { return "command \(id) was sent and is gone" }
      let number = CommandWitness.number(in: command.arguments)
      if number != entry.order.number {
        return "command \(id) was order \(entry.order.number) and is \(number ?? 0)"
      }
      if withdrawn.contains(id), command.ending == nil {
        return "command \(id) was taken back and is \(command.state.word)"
      }
    }
    for (id, word) in answered.sorted(by: { $0.key < $1.key }) {
      guard let command = command(id, life) else { continue }
      let isKept = word.isFinal ? command.ending?.rawValue == word.rawValue : !command.isUndelivered
      if !isKept {
        return "that command \(id) is \(word.rawValue) was acknowledged; the store says that it is "
          + command.state.word
      }
    }
    return nil
  }

  /// A command that never came to its end, in words.
  func unrest(in life: ServiceLife) -> String? {
    for id in meanings.keys.sorted() {
      guard let command = command(id, life), !command.isEnded else { continue }
      return "command \(id) of \(command.device) never came to its end: \(command.state.word)"
    }
    let job = life.plane.jobs(in: life.room).first { !$0.job.isOver }
    return job.map { "job \($0.job.name) never came to its end: \($0.reason)" }
  }

  private func command(_ id: CommandID, _ life: ServiceLife) -> Command? {
    // One that is not there is told apart by the caller.
    meanings[id].flatMap { try? life.plane.command(id, of: $0.device, in: life.room) }
  }
}
