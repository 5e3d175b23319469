// CommandQueue: the commands of a tenant in memory: what waits, what is under way, what is over.

import FleetStore
import RolloutEngine
import UpdateModel

/// The commands and jobs behind a tenant's ledger. Devices without a command are not in it.
struct CommandQueue {
  /// Commands that are not over, the oldest first.
  private var open: [DeviceID: [Command]] = [:]
  /// Commands that are over, in the order of their end.
  private var finished: [DeviceID: [Command]] = [:]
  /// All that are over, the first to be forgotten first; some were forgotten already.
  private var endings: [Ending] = []
  private var forgottenEndings = 0
  private var finishedBytes = 0
  private var deadlines = TimeHeap<(DeviceID, CommandID)>()
  private var lastNumber: UInt32 = 0
  /// Commands that are not over.
  private(set) var openCount = 0
  /// Commands that are over and still known.
  private(set) var finishedCount = 0
  /// Jobs, those included that are over.
  var jobs = JobShelf()

  private struct Ending {
    let device: DeviceID
    let command: CommandID
    let at: Instant
  }

  /// Commands of a tenant that are not over at the same time.
  static let openMax = 200_000
  /// Commands of one device that are over and can still be read.
  static let finishedPerDevice = 100
  /// Commands of a tenant that are over and can still be read.
  static let finishedMax = 100_000
  /// Bytes, about, that these take; results of devices are the large part.
  static let finishedBytesMax = 64 << 20
  /// Commands that are forgotten in one go.
  private static let forgottenAtOnce = 500
  /// For how long a command can be read after its end.
  static let finishedAge = Interval.days(30)

  // MARK: Reading

  /// A command of a device; nil for one that it never had or that is forgotten.
  subscript(id: CommandID, of device: DeviceID) -> Command? {
    open[device]?.first { $0.id == id } ?? finished[device]?.last { $0.id == id }
  }

  /// The commands of a device that are not over, the oldest first.
  func open(of device: DeviceID) -> [Command] { open[device] ?? [] }

  /// All commands of a device, the newest first.
  func all(of device: DeviceID) -> [Command] {
    ((finished[device] ?? []) + open(of: device)).sorted { $0.id > $1.id }
  }

  /// A number that no command of the tenant has had.
  mutating func nextID() -> CommandID {
    // The newest command is never forgotten, so that its number is known after a restart.
    lastNumber += 1
    return CommandID(lastNumber)
  }

  // MARK: Changing

  /// Takes over a command that is new or moved; returns what is to be stored.
  mutating func put(_ command: Command, of tenant: Name, now: Instant) -> [Change] {
    let old = self[command.id, of: command.device]
    keep(command, instead: old)
    var changes = [
      Change.document(
        tenant, StoredDocument(.command, id: "\(command.id)", command.stored))
    ]
    if let ending = command.ending, ending != old?.ending {
      changes.append(.report(CommandQueue.report(command, ending, of: tenant, now: now)))
    }
    if let job = command.job {
      changes += jobs.note(command, of: job, tenant: tenant, now: now)
    }
    changes += forget(of: tenant, now: now)
    return changes
  }

  /// Takes over what need not survive a restart: how often a command was shown, when its device was
  /// heard.
  mutating func refresh(_ command: Command) {
    guard let index = open[command.device]?.firstIndex(where: { $0.id == command.id }) else {
      return
    }
    open[command.device]?[index] = command
  }

  private static func report(
    _ command: Command, _ ending: Command.Ending, of tenant: Name, now: Instant
  ) -> Report {
    let late = command.isLate ? ", late" : ""
    let words = command.text.map { ": \($0)" } ?? ""
    return Report(
      device: DeviceKey(tenant: tenant, device: command.device), rollout: nil, action: nil,
      at: now, kind: "command", text: "\(command.title) \(ending.rawValue)\(late)\(words)",
      code: nil)
  }

  private mutating func keep(_ command: Command, instead old: Command?) {
    let device = command.device
    lastNumber = max(lastNumber, command.id.number)
    if let old, !old.isEnded {
      guard let index = open[device]?.firstIndex(where: { $0.id == command.id }) else { return }
      guard command.isEnded else {
        open[device]?[index] = command
        return
      }
      open[device]?.remove(at: index)
      if open[device]?.isEmpty ?? false { open[device] = nil }
      openCount -= 1
    } else if old != nil {
      guard let index = finished[device]?.lastIndex(where: { $0.id == command.id }) else { return }
      finishedBytes += command.weight - (finished[device]?[index].weight ?? 0)
      finished[device]?[index] = command
      return
    }
    guard let ended = command.endedAt else {
      open[device, default: []].append(command)
      openCount += 1
      if let deadline = command.deadline { deadlines.insert((device, command.id), at: deadline) }
      return
    }
    finished[device, default: []].append(command)
    endings.append(Ending(device: device, command: command.id, at: ended))
    finishedCount += 1
    finishedBytes += command.weight
  }

  // MARK: Time

  /// Takes commands whose time may be over, at most `limit`; each is given up or looked at again.
  mutating func takeDue(until now: Instant, limit: Int) -> (due: [Command], looked: Int) {
    let taken = deadlines.take(until: now, limit: limit)
    var due: [Command] = []
    for (device, id) in taken {
      guard let command = open[device]?.first(where: { $0.id == id }),
        let deadline = command.deadline
      else { continue }
      if deadline <= now {
        due.append(command)
      } else {
        deadlines.insert((device, id), at: deadline)
      }
    }
    return (due, taken.count)
  }

  /// Forgets what is old, or more than is kept; returns what is to be stored.
  mutating func forget(of tenant: Name, now: Instant) -> [Change] {
    var changes: [Change] = []
    if let last = endings.last,
      (finished[last.device]?.count ?? 0) > CommandQueue.finishedPerDevice,
      let oldest = finished[last.device]?.first(where: { $0.id.number != lastNumber })
    {
      changes += drop(oldest.id, of: last.device, tenant)
    }
    // Not all of a large job in one go.
    while forgottenEndings < endings.count, changes.count < CommandQueue.forgottenAtOnce {
      let first = endings[forgottenEndings]
      let isOld = now - first.at > CommandQueue.finishedAge
      let isOver =
        finishedCount > CommandQueue.finishedMax || finishedBytes > CommandQueue.finishedBytesMax
      guard isOld || isOver, first.command.number != lastNumber else { break }
      forgottenEndings += 1
      changes += drop(first.command, of: first.device, tenant)
    }
    compact()
    return changes
  }

  private mutating func drop(
    _ id: CommandID, of device: DeviceID, _ tenant: Name
  ) -> [Change] {
    guard let index = finished[device]?.firstIndex(where: { $0.id == id }),
      let command = finished[device]?.remove(at: index)
    else { return [] }
    if finished[device]?.isEmpty ?? false { finished[device] = nil }
    finishedCount -= 1
    finishedBytes -= command.weight
    return [.deleteDocument(tenant, .command, "\(id)")]
  }

  // Without this, what one busy device forgets would stay in the list for as long as anything.
  private mutating func compact() {
    guard endings.count > 2 * finishedCount + 1000 else { return }
    endings = endings.dropFirst(forgottenEndings).filter { ending in
      finished[ending.device]?.contains { $0.id == ending.command } ?? false
    }
    forgottenEndings = 0
  }

  // MARK: Start

  /// Takes over a command that was read from the store.
  mutating func restore(_ command: Command) { keep(command, instead: nil) }

  /// Puts in order what was read from the store, and tells the jobs.
  mutating func finishLoading(of tenant: Name, now: Instant) {
    for device in open.keys { open[device]?.sort { $0.id < $1.id } }
    for device in finished.keys {
      finished[device]?.sort { ($0.endedAt ?? .epoch, $0.id) < ($1.endedAt ?? .epoch, $1.id) }
    }
    endings.sort { ($0.at, $0.command) < ($1.at, $1.command) }
    let known = (open.values.flatMap { $0 } + finished.values.flatMap { $0 })
      .filter { $0.job != nil }.sorted { $0.id < $1.id }
    jobs.restore(known, now: now)
  }
}

extension Ledger {
  /// Takes over a command, a job or a part of one that was read from the store; false when it is
  /// not complete.
  mutating func restore(_ document: StoredDocument) -> Bool {
    let number = UInt32(document.id)
    switch document.kind {
    case .command:
      guard
        let command = number.flatMap({ Command(id: CommandID($0), stored: document.content) })
      else { return false }
      commands.restore(command)
    case .job:
      guard let job = number.flatMap({ Job(id: JobID($0), stored: document.content) }) else {
        return false
      }
      commands.jobs.restore(job)
    case .jobPart: commands.jobs.restore(part: document.id, document.content)
    case .batch, .alert, .enrolment, .pending: return false
    }
    return true
  }
}

extension Command {
  /// About how many bytes it takes in memory.
  fileprivate var weight: Int {
    400 + arguments.text.count + (result?.text.count ?? 0) + (text?.utf8.count ?? 0)
  }
}
