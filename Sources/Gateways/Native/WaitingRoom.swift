// WaitingRoom: polls that wait for news, looked at four times a second.
//
// A device that waits costs a hash lookup at each look. Its answer only says "come again": the poll
// that follows takes the usual way, so there is one place where decisions are told.

import Dispatch
import HTTPServer
import Orchestrator

/// Devices whose polls are held until there is something to tell.
final class WaitingRoom: Sendable {
  /// Polls that wait at once; others are answered at once. Half of the connections of a server, so
  /// that those who wait never keep others out.
  static let guestsMax = Limits().connections / 2
  private static let pause = DispatchTimeInterval.milliseconds(250)
  private static let looksPerSecond = 4

  /// One held poll.
  struct Guest: Sendable {
    let reply: PendingReply
    /// How long it would wait.
    let seconds: Int
    /// Whether there is still nothing to tell.
    let isQuiet: @Sendable () -> Bool
    /// Answers it.
    let answer: @Sendable (PendingReply) -> Void
  }

  private struct State {
    var guests: [(guest: Guest, looksLeft: Int)] = []
    var isTicking = false
  }

  private let queue = DispatchQueue(label: "waiting-room")
  private let state = Lock(State())

  /// Whether one more may wait.
  var hasPlace: Bool { state.withLock { $0.guests.count < WaitingRoom.guestsMax } }

  /// Takes a poll in; it is answered when its time is over or something is new.
  func enter(_ guest: Guest) {
    let isFirst = state.withLock { state -> Bool in
      state.guests.append((guest, max(1, guest.seconds * WaitingRoom.looksPerSecond)))
      defer { state.isTicking = true }
      return !state.isTicking
    }
    if isFirst { queue.asyncAfter(deadline: .now() + WaitingRoom.pause) { self.look() } }
  }

  private func look() {
    let guests = state.withLock { state in
      defer { state.guests = [] }
      return state.guests
    }
    var staying: [(guest: Guest, looksLeft: Int)] = []
    for (guest, looksLeft) in guests where guest.reply.isConnected {
      if looksLeft > 1, guest.isQuiet() {
        staying.append((guest, looksLeft - 1))
      } else {
        guest.answer(guest.reply)
      }
    }
    let goesOn = state.withLock { state -> Bool in
      state.guests += staying
      state.isTicking = !state.guests.isEmpty
      return state.isTicking
    }
    if goesOn { queue.asyncAfter(deadline: .now() + WaitingRoom.pause) { self.look() } }
  }
}
