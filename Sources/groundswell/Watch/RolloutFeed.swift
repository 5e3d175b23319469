// RolloutFeed: follows a rollout by the server's event stream, and by asking when there is none.

import Glibc
import Synchronization
import Threads
import UpdateModel

/// Fetches a rollout again and again on a thread of its own and keeps the latest picture.
final class RolloutFeed: Sendable {
  /// What is known at this moment.
  struct Latest: Sendable {
    var document: JSON
    /// Grows with every document.
    var number = 0
    /// What is wrong with the connection, and since when; nil while all is well.
    var trouble: (failure: Failure, since: Instant)?
  }

  private let session: Session
  private let name: String
  private let state: Mutex<Latest>

  /// Between two questions when the stream does not work.
  private static let pause: UInt32 = 2
  /// Questions before the stream is tried again.
  private static let questions = 5

  /// Fetches the rollout once, so that a wrong name is told at once.
  init(_ name: String, _ session: Session) throws(Failure) {
    self.session = session
    self.name = name
    state = Mutex(Latest(document: try session.get(session.target("rollouts", name))))
  }

  /// What is known at this moment.
  var latest: Latest { state.withLock { $0 } }

  /// Follows the rollout from now on; false when the system has no thread to give.
  func start() -> Bool {
    DetachedThread.start { [self] in
      while true {
        listen()
        for _ in 0..<RolloutFeed.questions {
          ask()
          sleep(RolloutFeed.pause)
        }
      }
    }
  }

  /// Takes rollouts from the stream until it ends, for whatever reason.
  private func listen() {
    let id = latest.document.text("id")
    do throws(Failure) {
      try session.client.events(session.target("events")) { name, summary in
        guard name == "summary" else { return true }
        let mine = summary.items("rollouts").first { $0.text("id") == id }
        // A summary holds the newest rollouts only; an older one has to be asked for.
        guard let mine else { return ask() }
        note(mine)
        return true
      }
    } catch {
      // A stream that fails is no news yet: the questions that follow find out what is wrong.
    }
  }

  /// Asks for the rollout; false when that failed.
  @discardableResult
  private func ask() -> Bool {
    do {
      note(try session.get(session.target("rollouts", name)))
      return true
    } catch {
      note(error)
      return false
    }
  }

  private func note(_ document: JSON) {
    state.withLock { state in
      state.document = document
      state.number += 1
      state.trouble = nil
    }
  }

  private func note(_ failure: Failure) {
    state.withLock { state in
      state.trouble = (failure, state.trouble?.since ?? .present)
    }
  }
}
