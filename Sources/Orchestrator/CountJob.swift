// CountJob: for how many devices a job is, some thousand at a time, so that nobody waits for it.
//
// A device costs about two microseconds: its id, what the target asks about it, and what it says it
// can do. Devices of a kind advertise the same, so that is read once and remembered by its bytes.

import UpdateModel

/// A walk over the devices of a job's target that know its command.
///
/// It goes through the fleet once, shard by shard; what changes behind it is not seen.
struct JobWalk {
  private let target: JobTarget
  private let command: Name
  private let arguments: JSON
  /// Of a target that lists its devices; empty for others.
  private let list: [DeviceID]
  private var shard = 0
  private var position = 0
  private var answers: [[UInt8]: Answer] = [:]
  /// Whether there is nothing more to come.
  private(set) var isThrough = false
  /// Devices of the target that do not know the command, or not with these arguments.
  private(set) var unable = 0
  /// Why the first of them is not able.
  private(set) var reason: String?

  /// Devices looked at in one go: some milliseconds.
  static let devicesPerTurn = 5000
  /// Different lists of capabilities that are remembered.
  static let answersMax = 1000
  // Finding the next shard costs something even when nobody is in it.
  private static let shardCost = 4

  // What a list of capabilities says about the command.
  private enum Answer {
    case able
    case unknown
    case refused(String)
  }

  init(_ target: JobTarget, _ command: Name, _ arguments: JSON) {
    self.target = target
    self.command = command
    self.arguments = arguments
    list = if case .devices(let ids) = target { ids.sorted() } else { [] }
  }

  init(_ job: Job) { self.init(job.target, job.command, job.arguments) }

  /// Walks on over at most `budget` devices, which it uses up; returns those that are able.
  ///
  /// `ledger` is a copy, of which the groups count.
  mutating func next(
    _ budget: inout Int, in room: Room, _ ledger: Ledger, now: Instant
  ) -> [DeviceID] {
    var able: [DeviceID] = []
    let reader = MemberReader(target, ledger, room)
    while budget > 0, !isThrough {
      let rows = self.rows(&budget, room.fleet)
      for (id, record) in rows {
        guard let member = reader.device(id, record),
          ledger.isMember(member, of: target, lastSeen: record.lastSeen, now: now)
        else { continue }
        if knows(record.details, member.key.device) { able.append(member.key.device) }
      }
    }
    return able
  }

  // The next devices, from one shard.
  private mutating func rows(_ budget: inout Int, _ fleet: Fleet) -> [(String, DeviceRecord)] {
    if case .devices = target {
      let ids = list[position...].prefix(budget)
      position += ids.count
      budget -= ids.count
      isThrough = position == list.count
      return ids.compactMap { id in fleet.record(id).map { (id.text, $0) } }
    }
    let found = fleet.rows(inShard: shard, from: position, limit: budget)
    position += found.looked
    budget -= found.looked + JobWalk.shardCost
    if found.isLast { (shard, position) = (shard + 1, 0) }
    isThrough = shard == fleet.shards.count
    return found.rows
  }

  private mutating func knows(_ details: [UInt8]?, _ id: DeviceID) -> Bool {
    let text = JobWalk.capabilities(details)
    let answer: Answer
    if let known = answers[text] {
      answer = known
    } else {
      answer = self.answer(text)
      if answers.count >= JobWalk.answersMax { answers = [:] }
      answers[text] = answer
    }
    switch answer {
    case .able: return true
    case .unknown: reason = reason ?? "device \(id) does not say that it can \(command)"
    case .refused(let why): reason = reason ?? why
    }
    unable += 1
    return false
  }

  private func answer(_ text: [UInt8]) -> Answer {
    // The text is a part of what our own writer wrote, so it parses.
    let reported = text.isEmpty ? nil : try? JSON.parse(text)
    guard let capability = CapabilityList(reported: reported)[command] else { return .unknown }
    guard let fault = capability.arguments?.faults(of: arguments).first else { return .able }
    return .refused("\(fault.field) \(fault.reason)")
  }

  private static let property = QueryField.reported(QueryPath(members: "capabilities"))
  private static let ways = [TwinWay(property)].compactMap(\.self)

  // What a device advertises, as it is kept; empty when it advertises nothing.
  private static func capabilities(_ details: [UInt8]?) -> [UInt8] {
    guard let details else { return [] }
    let found = details.withUnsafeBufferPointer { text -> [UInt8]? in
      var scanner = TwinScanner(text)
      return scanner.find(ways)?.first.map { $0.map { Array(text[$0]) } ?? [] }
    }
    // For a text that is not as compact as expected.
    return found ?? DeviceDetails(details).twin.reported.properties["capabilities"]?.text ?? []
  }
}

/// Makes devices with what a target asks about them, and no more.
private struct MemberReader {
  private let room: Room
  /// Nil when nothing but the id and the state is asked.
  private let selection: DetailSelection?
  private let hardware: [String]

  init(_ target: JobTarget, _ ledger: Ledger, _ room: Room) {
    self.room = room
    selection = DetailSelection(target, ledger)
    hardware = selection == nil ? [] : room.fleet.texts.withLock { $0.hardware.all }
  }

  func device(_ text: String, _ record: DeviceRecord) -> Device? {
    // Ids in the table were checked when they were put there.
    guard let id = try? DeviceID(text) else { return nil }
    let key = DeviceKey(tenant: room.tenant, device: id)
    guard let selection else {
      return Device(
        key: key, hardware: nil, tokenDigest: nil, twin: Twin(), createdAt: record.createdAt,
        enrolment: Enrolment(state: record.flags.state))
    }
    let number = Int(record.hardware)
    // A model that came since the list was read is looked up.
    let model: String? =
      number < hardware.count
      ? hardware[number] : room.fleet.texts.withLock { $0.hardware.text(record.hardware) }
    // It was a name when it was interned; the text for no model is none.
    return selection.device(record, key, hardware: model.flatMap { try? Name($0) })
  }
}

/// A count of a job's devices that is under way.
struct JobRecount {
  var walk: JobWalk
  /// Devices that had their command when it began.
  private let granted: Int
  private var able = 0
  private var done = 0

  init(_ job: Job, granted: Int) {
    walk = JobWalk(job)
    self.granted = granted
  }

  /// Devices of the target that have no command yet, as each was when it was looked at.
  var waiting: Int { able - done }

  /// Devices of the target, and those that were of it when they were given their command.
  var size: Int { able + max(0, granted - done) }

  /// Counts devices that are able, of which so many were given their command.
  mutating func add(_ able: Int, done: Int) {
    self.able += able
    self.done += done
  }
}

extension Fleet {
  /// Devices of a shard from a record number on: at most so many records are looked at.
  func rows(
    inShard number: Int, from start: Int, limit: Int
  ) -> (rows: [(String, DeviceRecord)], looked: Int, isLast: Bool) {
    shards[number].withLock { table in
      let end = min(table.records.count, start + limit)
      let rows = (min(start, end)..<end).compactMap { index -> (String, DeviceRecord)? in
        let record = table.records[index]
        return record.flags.contains(.live) ? (table.id(index), record) : nil
      }
      return (rows, max(0, end - start), end == table.records.count)
    }
  }
}

extension DetailSelection {
  /// What tells who belongs to the target of a job; nil when that takes no more than an id.
  init?(_ target: JobTarget, _ ledger: Ledger) {
    switch target {
    case .everyone, .devices: return nil
    case .group(let name):
      if case .explicit? = ledger.groups[name]?.group.membership { return nil }
      self.init()
      add(group: name, ledger)
    case .query(let query):
      self.init()
      for field in query.fields { add(field) }
      guard query.fields.contains(.group) else { return }
      for name in ledger.groups.keys { add(group: name, ledger) }
    }
  }
}
