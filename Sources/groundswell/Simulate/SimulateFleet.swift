// SimulateFleet: a queue of devices by due time, and worker threads that let them take their turns.

import FleetSimulator
import Glibc
import HTTPClient
import Synchronization
import Threads
import UpdateModel

/// The fleet and everything that is counted while it runs; shared by all threads.
final class FleetBoard: Sendable {
  struct State: Sendable {
    var queue = TimedQueue<Int>()
    var members: [FleetMember]
    var counts = FleetCounts()
    var isOver = false
  }

  private let state: Mutex<State>
  private let workersLeft: Mutex<Int>

  init(_ members: [FleetMember], workerCount: Int) {
    var start = State(members: members)
    for (index, member) in members.enumerated() {
      if let due = member.device.dueAt { start.queue.add(index, due: due) }
    }
    state = Mutex(start)
    workersLeft = Mutex(workerCount)
  }

  /// What the next device that is due is, or how long to wait, or that all is over.
  enum Turn {
    case visit(Int, FleetMember)
    case wait(milliseconds: Int)
    case over
  }

  func nextTurn() -> Turn {
    state.withLock { state in
      if state.isOver { return .over }
      let now = Instant.present
      if let index = state.queue.removeFirst(dueBy: now) {
        return .visit(index, state.members[index])
      }
      // Short enough for a device that another worker gives back soon.
      let wait = state.queue.firstDue.map { ($0 - now).milliseconds } ?? 20
      return .wait(milliseconds: Int(min(max(wait, 1), 20)))
    }
  }

  func finish(_ index: Int, _ member: FleetMember, _ tally: TurnTally) {
    state.withLock { state in
      state.members[index] = member
      state.counts.add(tally)
      if let due = member.device.dueAt { state.queue.add(index, due: due) }
    }
  }

  func end() { state.withLock { $0.isOver = true } }
  func workerEnded() { workersLeft.withLock { $0 -= 1 } }
  var isQuiet: Bool { workersLeft.withLock { $0 == 0 } }

  /// The present picture of the fleet.
  func picture() -> FleetPicture {
    state.withLock { FleetPicture($0.members.map(\.device), $0.counts) }
  }
}

/// Runs a fleet.
struct Fleet {
  let plan: FleetPlan
  let session: Session
  let tokens: [String: String]

  /// Seconds between two lines of summary.
  private static let lineSeconds: Int64 = 3

  func run() throws(Failure) -> ExitCode {
    let start = Instant.present
    let members = (0..<plan.deviceCount).map { number in
      FleetMember(
        id: plan.id(number), token: tokens[plan.id(number)],
        device: VirtualDevice(
          number: number, seed: plan.seed, traits: plan.traits,
          version: plan.initialVersion.text, now: start))
    }
    let board = FleetBoard(members, workerCount: plan.workerCount)
    let waiting = SignalWait()
    try startWorkers(board)
    let outcome = watch(board, waiting, since: start)
    board.end()
    // Workers finish the request they are in; a server that hangs is not waited for.
    for _ in 0..<100 where !board.isQuiet { usleep(50_000) }
    let picture = board.picture()
    picture.show(asJSON: session.wantsJSON, plan: plan, after: .present - start)
    if outcome == .interrupted { return .interrupted }
    guard let wanted = plan.untilVersion else { return .success }
    return picture.hasReached(wanted) ? .success : .failed
  }

  private func startWorkers(_ board: FleetBoard) throws(Failure) {
    for _ in 0..<plan.workerCount {
      let plan = plan
      let client = session.client
      // A wrong certificate file or address is found here, before any thread runs.
      do {
        _ = try FleetLink(client.server, authorities: client.authorities)
      } catch {
        throw .unreachable("\(error)")
      }
      let isRunning = DetachedThread.start {
        defer { board.workerEnded() }
        // A worker without a link leaves its devices to the others.
        guard let link = try? FleetLink(client.server, authorities: client.authorities) else {
          return
        }
        Fleet.work(board, DeviceVisitor(link: link, plan: plan))
      }
      guard isRunning else { throw .failed("the system has no thread for another worker") }
    }
  }

  private static func work(_ board: FleetBoard, _ visitor: DeviceVisitor) {
    while true {
      switch board.nextTurn() {
      case .over: return
      case .wait(let milliseconds): usleep(UInt32(milliseconds) * 1000)
      case .visit(let index, var member):
        let tally = visitor.visit(&member)
        board.finish(index, member, tally)
      }
    }
  }

  private enum Outcome { case ended, interrupted }

  private func watch(
    _ board: FleetBoard, _ waiting: SignalWait, since start: Instant
  ) -> Outcome {
    var nextLine = start + .seconds(Fleet.lineSeconds)
    while true {
      if waiting.wait(milliseconds: 200) == .interrupted { return .interrupted }
      let now = Instant.present
      let picture = board.picture()
      if now >= nextLine {
        Terminal.note(picture.line(after: now - start) + "\n")
        nextLine = now + .seconds(Fleet.lineSeconds)
      }
      if let wanted = plan.untilVersion, picture.hasReached(wanted), !picture.isWorking {
        return .ended
      }
      if now - start >= plan.duration { return .ended }
    }
  }
}
