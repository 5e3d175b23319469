// StatusBoard: what the agent would tell a person at the device, with or without a server.

import Glibc
import Synchronization
public import UpdateModel

/// The latest status; written by the agent's thread, read by that of the status page.
public final class StatusBoard: Sendable {
  /// The file in the state directory that `groundswell-agent status` reads.
  public static let fileName = "status.json"

  private let document = Mutex<JSON>(.object([]))
  private let state: StateDirectory

  /// Starts empty.
  public init(_ state: StateDirectory) { self.state = state }

  /// The latest status.
  public var latest: JSON { document.withLock { $0 } }

  /// Takes a new status and leaves it in a file for other processes.
  ///
  /// The file is not forced to the disk, to spare flash memory: it is a copy of what is known
  /// elsewhere, and after a power cut it is written anew.
  func show(_ status: JSON) {
    document.withLock { $0 = status }
    let temporary = state.file(StatusBoard.fileName + ".new")
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    // A full disk must not stop the agent; the page has the status anyway.
    guard (try? StateDirectory.append(status.prettyText, to: descriptor, named: temporary)) != nil
    else { return }
    rename(temporary, state.file(StatusBoard.fileName))
  }
}
