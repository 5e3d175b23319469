// ProgramLeash: holds the program of a command, so that it ends with the agent and never after it.

import Glibc
import Synchronization

/// The process group of a program that another thread waits for; one at a time.
final class ProgramLeash: Sendable {
  private struct State {
    var group: pid_t?
    var isCut = false
  }

  private let state = Mutex(State())

  /// Starts a program by `spawn`, unless the leash was cut; the code of the system when it failed.
  func start(_ spawn: () -> (child: pid_t, code: Int32)) -> (child: pid_t, code: Int32) {
    // The lock is kept meanwhile, so that no program is started beside a cut.
    state.withLock { state in
      guard !state.isCut else { return (0, ECANCELED) }
      let started = spawn()
      if started.code == 0 { state.group = started.child }
      return started
    }
  }

  /// Looks whether a program has ended, as `waitpid` with `WNOHANG`.
  func reap(_ child: pid_t, _ status: inout Int32) -> pid_t {
    state.withLock { state in
      let ended = waitpid(child, &status, WNOHANG)
      // Its number may be somebody else's from now on.
      if ended != 0, state.group == child { state.group = nil }
      return ended
    }
  }

  /// Ends the program that runs with all that it started, and lets none start any more.
  func cut() {
    state.withLock { state in
      state.isCut = true
      if let group = state.group { kill(-group, SIGKILL) }
    }
  }
}
