// JobShelf: the jobs of a tenant in memory: who has a command of which, and how they stand.

import FleetStore
import RolloutEngine
import UpdateModel

/// A job and its devices; shared by nobody but the ledger it lies in.
final class JobBook {
  fileprivate(set) var job: Job
  fileprivate(set) var progress = JobProgress()
  /// How each device stands that was given its command; empty once the job is settled.
  private(set) var parts: [DeviceID: JobPart] = [:]
  /// The devices whose command is not over.
  private(set) var open: Set<DeviceID> = []
  /// The devices whose command is to be taken back because the job was cancelled.
  fileprivate(set) var withdrawing: [DeviceID] = []
  /// Devices of the target when they were last counted, and when that was.
  fileprivate(set) var census: (size: Int, at: Instant)?
  /// The count that is under way; nil for none.
  fileprivate(set) var recount: JobRecount?

  init(_ job: Job) { self.job = job }

  /// How its devices stand.
  var counts: JobCounts { job.settled ?? progress.counts }

  fileprivate func move(_ device: DeviceID, to part: JobPart) {
    progress.move(from: parts[device], to: part)
    note(device, part)
  }

  fileprivate func note(_ device: DeviceID, _ part: JobPart) {
    parts[device] = part
    if part == .open { open.insert(device) } else { open.remove(device) }
  }

  /// When the job is over and nobody is under way, its counts are kept and its parts let go;
  /// returns the devices whose parts are no longer needed.
  fileprivate func settleIfThrough() -> [DeviceID] {
    guard job.isOver, job.settled == nil, open.isEmpty else { return [] }
    job.settled = progress.counts
    defer { parts = [:] }
    return Array(parts.keys)
  }
}

/// All jobs.
struct JobShelf {
  private(set) var books: [JobID: JobBook] = [:]
  /// Jobs that may give out commands, the oldest first: few, and asked for at polls.
  private(set) var live: [JobID] = []
  /// Stored parts of jobs that are settled, to be removed little by little.
  private var leftovers: [(id: String, devices: [DeviceID])] = []

  /// Jobs of a tenant that are not over at the same time: each is asked at polls.
  static let liveMax = 20
  /// Jobs that are over and can still be read.
  static let overMax = 200

  subscript(id: JobID) -> JobBook? { books[id] }

  /// All jobs, the newest first.
  var all: [JobBook] { books.keys.sorted(by: >).compactMap { books[$0] } }

  /// Jobs that may give out commands, the one that was counted longest ago first.
  var liveByCount: [JobID] {
    live.map { (books[$0]?.census?.at ?? .epoch, $0) }.sorted { $0 < $1 }.map(\.1)
  }

  /// A number that no job of the tenant has had; the newest job is never forgotten.
  var nextID: JobID { JobID((books.keys.max()?.number ?? 0) + 1) }

  // MARK: Changing

  /// Takes over a job that is new or was steered; returns what is to be stored.
  mutating func put(_ job: Job, tenant: Name, now: Instant) -> [Change] {
    let book = books[job.id] ?? JobBook(job)
    if book.job.status != job.status, case .cancelled = job.status {
      book.withdrawing = Array(book.open)
    }
    book.job = job
    if job.isOver { book.recount = nil }
    let devices = book.settleIfThrough()
    if !devices.isEmpty { leftovers.append(("\(job.id)/", devices)) }
    books[job.id] = book
    refreshLive()
    return [.document(tenant, StoredDocument(.job, id: "\(job.id)", book.job.stored))]
      + forget(tenant)
  }

  /// Notes that a device was given its command.
  mutating func grant(_ job: JobID, to device: DeviceID, now: Instant) {
    books[job]?.progress.grant(at: now)
    books[job]?.note(device, .open)
  }

  /// Notes how many devices a job is for.
  mutating func note(_ census: Int, of job: JobID, now: Instant) {
    books[job]?.census = (census, now)
  }

  /// Takes over how far a count has come, which found these devices to be able since the last time.
  /// Returns how many devices have no command yet when that was all; nil before.
  mutating func note(
    _ recount: JobRecount, able: [DeviceID], of job: JobID, now: Instant
  ) -> Int? {
    guard let book = books[job], !book.job.isOver else { return nil }
    var recount = recount
    recount.add(able.count, done: able.count { book.parts[$0] != nil })
    book.recount = recount.walk.isThrough ? nil : recount
    guard recount.walk.isThrough else { return nil }
    book.census = (recount.size, now)
    return recount.waiting
  }

  /// Follows a command of a job; returns what is to be stored.
  mutating func note(
    _ command: Command, of id: JobID, tenant: Name, now: Instant
  ) -> [Change] {
    guard let ending = command.ending, let book = books[id], book.job.settled == nil,
      book.parts[command.device] != .ended(ending)
    else { return [] }
    book.move(command.device, to: .ended(ending))
    var changes = [
      Change.document(
        tenant,
        StoredDocument(
          .jobPart, id: "\(id)/\(command.device)", ["state": .string(ending.rawValue)]))
    ]
    var job = book.job
    if let reason = JobPlanner.stop(job, book.counts) {
      job.status = .paused(reason: reason)
      changes += put(job, tenant: tenant, now: now)
    } else if job.isOver || isDone(book, now: now) {
      if !job.isOver {
        job.status = .finished
        job.endedAt = now
      }
      changes += put(job, tenant: tenant, now: now)
    }
    return changes
  }

  // Without a walk over the fleet this is known only of a list.
  private func isDone(_ book: JobBook, now: Instant) -> Bool {
    guard case .devices(let ids) = book.job.target else { return false }
    return JobPlanner.isFinished(
      book.job, book.counts, waiting: ids.count - book.counts.granted, at: now)
  }

  private mutating func refreshLive() {
    live = books.values.filter { !$0.job.isOver }.map(\.job.id).sorted()
  }

  private mutating func forget(_ tenant: Name) -> [Change] {
    let over = books.values.filter { $0.job.settled != nil }.map(\.job.id).sorted()
    let newest = books.keys.max()
    let old = over.dropLast(JobShelf.overMax).filter { $0 != newest }
    for id in old { books[id] = nil }
    return old.map { .deleteDocument(tenant, .job, "\($0)") }
  }

  /// Takes stored parts that nobody needs any more, at most `limit`.
  mutating func takeLeftovers(limit: Int) -> [String] {
    guard let last = leftovers.indices.last else { return [] }
    let id = leftovers[last].id
    let taken = leftovers[last].devices.suffix(limit).map { id + $0.text }
    leftovers[last].devices.removeLast(taken.count)
    if leftovers[last].devices.isEmpty { leftovers.removeLast() }
    return taken
  }

  /// Takes devices whose command of a cancelled job is to be taken back, at most `limit`.
  func takeWithdrawing(limit: Int) -> [DeviceID] {
    var taken: [DeviceID] = []
    for id in books.keys.sorted() {
      guard let book = books[id], taken.count < limit else { continue }
      let some = book.withdrawing.suffix(limit - taken.count)
      taken += some
      book.withdrawing.removeLast(some.count)
    }
    return taken
  }

  // MARK: Start

  /// Takes over a job that was read from the store.
  mutating func restore(_ job: Job) {
    books[job.id] = JobBook(job)
    refreshLive()
  }

  /// Takes over how a device stands in a job, as read from the store; its job was read before.
  mutating func restore(part id: String, _ content: JSON) {
    let pieces = id.split(separator: "/", maxSplits: 1)
    // Ids were checked before they were stored.
    guard pieces.count == 2, let device = try? DeviceID(String(pieces[1])) else { return }
    let book = UInt32(pieces[0]).flatMap { books[JobID($0)] }
    guard let book, book.job.settled == nil,
      let part = content["state"]?.string.flatMap(JobPart.init(word:))
    else {
      let start = "\(pieces[0])/"
      if leftovers.last?.id != start { leftovers.append((start, [])) }
      leftovers[leftovers.count - 1].devices.append(device)
      return
    }
    book.move(device, to: part)
  }

  /// Takes over the commands of jobs that were read from the store, in the order of their numbers.
  mutating func restore(_ commands: [Command], now: Instant) {
    for command in commands {
      guard let id = command.job, let book = books[id], book.job.settled == nil else { continue }
      book.progress.restore(grantedAt: command.createdAt, now: now)
      if !command.isEnded { book.move(command.device, to: .open) }
    }
    for book in books.values {
      if case .cancelled = book.job.status { book.withdrawing = Array(book.open) }
    }
  }
}
