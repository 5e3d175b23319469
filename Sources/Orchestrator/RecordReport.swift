// RecordReport: a device says how its update goes.

import FleetStore
import RolloutEngine
public import UpdateModel

/// What a device reports about an action, whatever its protocol.
public struct DeviceReport: Sendable {
  /// What it means for the action.
  public enum Meaning: Sendable {
    /// It goes on; percent when the device says.
    case progress(percent: Int?)
    /// All bytes are there.
    case downloaded
    /// It installs.
    case installing(percent: Int?)
    /// Installed.
    case installed
    /// Failed.
    case failed
    /// Put off.
    case rejected
    /// Stopped as asked.
    case cancelAccepted
    /// Not stopped.
    case cancelRefused
  }

  /// What it means.
  public let meaning: Meaning
  /// A short word for the history, such as DDI's `execution`.
  public let word: String
  /// The device's own words; cut to `textBytesMax`.
  public let text: String
  /// The device's own code.
  public let code: Int?
  /// Bytes that it has, when it says.
  public let bytes: Int64?
  /// The kind of failure in the device's words, such as `hash`.
  public let errorClass: String?
  /// Until when the device puts it off; nil when it does not say.
  public let until: Instant?

  /// Longer texts are cut: hawkBit keeps 512 characters per message, SWUpdate sends up to 48.
  public static let textBytesMax = 8192

  /// Joins what a gateway understood.
  public init(
    meaning: Meaning, word: String, text: String, code: Int?, bytes: Int64? = nil,
    errorClass: String? = nil, until: Instant? = nil
  ) {
    self.until = until
    self.meaning = meaning
    self.word = word
    self.bytes = bytes
    self.errorClass = errorClass
    let isLong = text.utf8.count > DeviceReport.textBytesMax
    self.text =
      isLong ? String(decoding: text.utf8.prefix(DeviceReport.textBytesMax), as: UTF8.self) : text
    self.code = code
  }
}

/// What became of a report.
public enum ReportOutcome: Sendable {
  /// It counts; answer when the ticket is durable.
  case accepted(ticket: UInt64)
  /// No such action for this device.
  case unknownAction
  /// The action is closed and this does not repeat its end.
  case closed
  /// The device answers a request to stop that was never made.
  case notCancelling
  /// The device has sent as many reports for this action as are kept.
  case tooMany
  /// The store cannot take it; the device should repeat it.
  case storeUnavailable
}

extension ControlPlane {
  /// Reports kept per attempt, as in hawkBit; final ones are taken beyond it.
  public static let reportsPerActionMax = 1000

  /// Records a report: history, action, counters and gate in one commit.
  ///
  /// `answersCancel` tells whether the device answers a request to stop rather than an offer.
  public func record(
    _ report: DeviceReport, of device: DeviceID, action id: ActionID, answersCancel: Bool = false,
    in room: Room
  ) -> ReportOutcome {
    guard isStoreHealthy else { return .storeUnavailable }
    let now = clock.now
    return room.ledger.withLock { ledger in
      guard let (book, action) = ledger.book(of: device, action: id) else { return .unknownAction }
      let count = book.spoken[device]?.count ?? 0
      guard count < ControlPlane.reportsPerActionMax || report.isFinal else { return .tooMany }
      let entry = Change.report(
        Report(
          device: DeviceKey(tenant: room.tenant, device: device), rollout: action.rollout,
          action: id, at: now, kind: report.word, text: report.text, code: report.code))
      if !answersCancel, report.isJustProgress(of: action, id) {
        // The usual report by far: it is history and moves nothing.
        book.note(report, of: device)
        room.noteChange()
        ledger.lastTicket = store.enqueue(entry)
        return .accepted(ticket: ledger.lastTicket)
      }
      var draft = Draft(room, now: now)
      var isNews = false
      // A word about the attempt before says nothing about the present one; but a device that says
      // that it installed may run the release, so it is asked.
      if action.id != id, case .installed = report.meaning {
        room.fleet.askForAttributes(device, true)
        room.fleet.wake(device)
      }
      if action.id == id {
        if answersCancel, !isAboutToStop(action, book) { return .notCancelling }
        // There is one refusal: the action is closed.
        guard let next = try? advance(action, by: report, in: book, ledger, room, now: now)
        else {
          return .closed
        }
        // A late word would make the action a lease again. While the device holds another one it is
        // only noted: what the device runs will tell.
        let isBarred = next.isLeased && !action.isLeased && ledger.lease(of: device) != nil
        isNews = next != action && !isBarred
        if isNews {
          draft.record(next, in: book, &ledger)
          // It may have been found to have nothing to do when its action had ended.
          room.fleet.wake(device)
          if case .installed = report.meaning { room.fleet.askForAttributes(device, true) }
          draft.judge(book)
        }
      }
      // Final reports are taken without end, but only kept while they say something.
      guard isNews || count < ControlPlane.reportsPerActionMax else {
        return .accepted(ticket: ledger.lastTicket)
      }
      book.note(report, of: device)
      draft.add(entry)
      return .accepted(ticket: commit(draft, &ledger))
    }
  }

  // A closed action judges for itself whether an answer repeats how it closed.
  private func isAboutToStop(_ action: Action, _ book: RolloutBook) -> Bool {
    if case .ended = action.state { return true }
    return action.cancel != .none || book.isToStop(action)
  }

  private func advance(
    _ action: Action, by report: DeviceReport, in book: RolloutBook, _ ledger: Ledger, _ room: Room,
    now: Instant
  ) throws(ActionRefusal) -> Action {
    func apply(_ input: ActionInput, to action: Action) throws(ActionRefusal) -> Action {
      try ActionMachine.apply(
        input, to: action, policy: book.rollout.policy, salt: book.rollout.specification.salt,
        now: now)
    }
    switch report.meaning {
    case .progress:
      guard action.isLeased else { throw .closed }
      return try apply(.taken, to: action)
    case .downloaded:
      let hindrance = installation(of: action, in: book, ledger, room, now: now)
      guard let hindrance else { return try apply(.downloaded, to: action) }
      return try apply(.held(hindrance, hasImage: true), to: action)
    case .installing:
      if action.isLeased { return try apply(.downloaded, to: action) }
      // Its user let it begin; only what protects the device would have forbidden that.
      guard let standby = action.standby, standby.hasImage, book.rollout.status.grantsUpdates,
        installation(of: action, in: book, ledger, room, now: now)?.kind.isComfort ?? true
      else { throw .closed }
      return ActionMachine.readmit(
        action, fallback: action.fallback, installs: true, policy: book.rollout.policy, now: now)
    case .installed: return try apply(.installed, to: action)
    case .failed:
      return try apply(.failed(report.text.isEmpty ? "no reason given" : report.text), to: action)
    case .rejected: return try apply(.rejected(report.text, until: report.until), to: action)
    case .cancelAccepted: return try apply(.cancelAccepted, to: action)
    case .cancelRefused: return try apply(.cancelRefused, to: action)
    }
  }
}

extension ControlPlane {
  // What keeps a device that can wait from installing what it has now.
  private func installation(
    of action: Action, in book: RolloutBook, _ ledger: Ledger, _ room: Room, now: Instant
  ) -> Hindrance? {
    guard action.kind == .update, action.phase.map({ $0 < .installing }) ?? true,
      let (device, _) = room.fleet.device(DeviceKey(tenant: room.tenant, device: action.device))
    else { return nil }
    let outlook = outlook(of: device, action, in: book, ledger, room, now: now)
    return outlook.isPatient ? outlook.installation : nil
  }
}

extension DeviceReport {
  /// Whether the report only says that the present attempt, already under way, goes on.
  func isJustProgress(of action: Action, _ id: ActionID) -> Bool {
    guard action.id == id else { return false }
    switch meaning {
    case .progress: break
    case .installing: return action.phase == .installing || action.phase == .verifying
    case .downloaded, .installed, .failed, .rejected, .cancelAccepted, .cancelRefused:
      return false
    }
    return switch action.phase {
    case .downloading, .installing, .verifying: true
    case .offered, nil: false
    }
  }

  /// Whether the report ends an attempt.
  var isFinal: Bool {
    switch meaning {
    case .installed, .failed, .cancelAccepted: true
    case .progress, .downloaded, .installing, .rejected, .cancelRefused: false
    }
  }
}
