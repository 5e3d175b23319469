// Wakes a loop that sleeps in epoll_wait, at most once per turn.
internal import CLinux
import Glibc
import Synchronization

/// An eventfd and whether it is already signalled.
final class Waker: Sendable {
  let descriptor: Int32
  /// Whether the loop has replies that wait for a barrier; set before the loop looks at it again,
  /// so that either the loop sees the new ticket or the writer sees this flag.
  let holdsReplies = Atomic<Bool>(false)
  private let isSignalled = Atomic<Bool>(false)

  /// Makes an eventfd; `nil` when descriptors are exhausted.
  init?() {
    descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    guard descriptor >= 0 else { return nil }
  }

  deinit { close(descriptor) }

  /// Makes the descriptor readable.
  func wake() {
    guard !isSignalled.exchange(true, ordering: .acquiringAndReleasing) else { return }
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }

  /// Takes the signal back, before the loop looks at what it was woken for.
  func clear() {
    var count: UInt64 = 0
    _ = read(descriptor, &count, 8)
    isSignalled.store(false, ordering: .sequentiallyConsistent)
  }
}
