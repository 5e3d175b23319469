// Commit: the tail of every command that touches a rollout: let the gate act, hand all to the
// store.

import FleetStore
import RolloutEngine
import UpdateModel

/// What a command wants to be durable, gathered while it decides.
struct Draft {
  let room: Room
  let now: Instant
  private(set) var changes: [Change] = []
  /// Strata that were quarantined; their kinds are kept from other rollouts too.
  private(set) var quarantined: [(book: RolloutBook, stratum: Int)] = []
  /// Whether the device that polls is being asked for its attributes for the first time.
  var isFirstQuestion = false

  init(_ room: Room, now: Instant) {
    self.room = room
    self.now = now
  }

  mutating func add(_ change: Change) { changes.append(change) }

  /// Stores an action in its book and for the store, with its next deadline.
  mutating func record(_ action: Action, in book: RolloutBook, _ ledger: inout Ledger) {
    let wasWatched = book.actions[action.device].map(\.isWatched) ?? false
    book.record(action, now: now) {
      room.fleet.device(DeviceKey(tenant: room.tenant, device: action.device))?.device
    }
    if action.isWatched, !wasWatched, let silence = book.rollout.silence {
      ledger.silences.insert(
        DeadlineQueue.Entry(
          deadline: now + silence, rollout: action.rollout, device: action.device))
    }
    if let deadline = action.due(under: book.rollout.policy) {
      ledger.deadlines.insert(
        DeadlineQueue.Entry(deadline: deadline, rollout: action.rollout, device: action.device))
    }
    changes.append(.action(room.tenant, action))
  }

  /// Stores what happened to a rollout and tells those who may be affected.
  mutating func happened(_ events: [RolloutEvent], in book: RolloutBook) {
    guard !events.isEmpty else { return }
    let id = book.rollout.specification.id
    for event in events {
      record(event, in: book)
      guard let sentence = event.sentence(in: book.rollout) else { continue }
      changes.append(.rolloutEvent(room.tenant, id, at: now, sentence: sentence))
    }
    changes.append(.rollout(room.tenant, book.rollout))
    book.isUnsaved = false
    room.wakeFleet()
  }

  // Decisions of the gate are kept with all that they were taken from.
  private mutating func record(_ event: RolloutEvent, in book: RolloutBook) {
    let id = book.rollout.specification.id
    switch event {
    case .stepOpened(_, _, let judgement), .held(_, let judgement), .outage(_, let judgement):
      changes.append(.decision(room.tenant, id, judgement))
    case .quarantined(let strata, let judgement):
      changes.append(.decision(room.tenant, id, judgement))
      quarantined += strata.map { (book, $0) }
    case .completed, .stopped(.evidence, _):
      guard let judgement = Gate.judgement(book.rollout, now: now) else { return }
      changes.append(.decision(room.tenant, id, judgement))
    default: break
    }
  }

  /// Lets the gates of several rollouts act, once each, in order.
  mutating func judge(_ rollouts: Set<RolloutID>, _ ledger: Ledger) {
    for id in rollouts.sorted() { if let book = ledger.books[id] { judge(book) } }
  }

  /// Lets the gate of a rollout act on counters that have just changed.
  mutating func judge(_ book: RolloutBook) { happened(book.advance(now: now), in: book) }
}

extension ControlPlane {
  /// Hands a draft to the store; to be called with the ledger's lock held, so that the order of
  /// changes is the order of decisions. Returns the ticket to wait for.
  func commit(_ draft: Draft, _ ledger: inout Ledger) -> UInt64 {
    guard !draft.changes.isEmpty else { return ledger.lastTicket }
    var draft = draft
    for (book, stratum) in draft.quarantined {
      guard let safeguard = ledger.guardKind(stratum, of: book, now: draft.now) else { continue }
      draft.add(.safeguard(draft.room.tenant, safeguard))
    }
    draft.room.noteChange()
    ledger.lastTicket = store.enqueue(draft.changes)
    return ledger.lastTicket
  }
}
