// An answer that is given later, from any thread.
import Synchronization

/// Whether the connection of a pending reply still stands.
final class Presence: Sendable {
  private let isPresent = Atomic<Bool>(true)

  var holds: Bool { isPresent.load(ordering: .acquiring) }

  func end() { isPresent.store(false, ordering: .releasing) }
}

/// The right to answer one request later, from any thread.
///
/// Dropped without completion it answers 500.
public final class PendingReply: Sendable {
  private let token: ConnectionToken
  private let mailbox: Mailbox
  private let isCompleted = Atomic<Bool>(false)
  private let presence: Presence

  init(token: ConnectionToken, mailbox: Mailbox, presence: Presence) {
    self.token = token
    self.mailbox = mailbox
    self.presence = presence
  }

  deinit {
    if !isCompleted.load(ordering: .acquiring), presence.holds {
      mailbox.post(.dropped(token))
    }
  }

  /// Answers the request; only the first call counts.
  ///
  /// - Parameters:
  ///   - response: what to send.
  ///   - ticket: hold it back until the server's barrier has reached this ticket; 0 sends it now.
  public func complete(_ response: Response, after ticket: UInt64 = 0) {
    guard !isCompleted.exchange(true, ordering: .acquiringAndReleasing) else { return }
    mailbox.post(.complete(self, response, ticket: ticket))
  }

  /// Lets a body flow again after its sink returned `false` from `receive`.
  public func resume() {
    mailbox.post(.resume(token))
  }

  /// Whether the connection still stood when the loop last looked at it.
  public var isConnected: Bool { presence.holds }

  var connectionToken: ConnectionToken { token }
}
