// SignalWait: waits that Ctrl-C ends in an orderly way.

import Glibc

/// Waits on the main thread, during which SIGINT, SIGTERM and a change of the window are noticed.
struct SignalWait {
  /// What ended a wait.
  enum Outcome { case timePassed, interrupted, windowChanged }

  private var signals = sigset_t()

  /// Takes the signals out of the ordinary; threads that start later inherit that.
  init() {
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGWINCH] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// Waits for a signal, at most so long.
  func wait(milliseconds: Int) -> Outcome {
    var signals = signals
    var length = timespec(
      tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
    switch sigtimedwait(&signals, nil, &length) {
    case SIGINT, SIGTERM, SIGHUP: return .interrupted
    case SIGWINCH: return .windowChanged
    default: return .timePassed
    }
  }
}
