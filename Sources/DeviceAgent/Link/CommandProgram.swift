// CommandProgram: runs a program of the product with input and environment, within limits.

import Glibc
import UpdateModel

/// One run of a program: its words, what it reads, and how long and how much it may.
struct CommandProgram: Equatable, Sendable {
  /// The path and its arguments, at least the path.
  var words: [String]
  /// More `NAME=value` of the environment.
  var environment: [String] = []
  /// Standard input.
  var input: [UInt8] = []
  /// After this it is ended, with all it started.
  var timeout: Interval
  /// Bytes of output that are kept; the rest is read and dropped.
  var outputBytesMax = 64 << 10

  /// How long output is waited for after the program has ended: what it started may hold it open.
  private static let graceMilliseconds: Int64 = 1000
  /// How often the program's end is looked for.
  private static let lookMilliseconds: Int64 = 100

  /// Runs it to its end, or until the leash is cut. Output and error output come together.
  func run(_ leash: ProgramLeash = ProgramLeash()) -> ProgramResult {
    // A program may end without reading its input; the pipe then gives EPIPE, and must not end the
    // agent by a signal. Programs get the signal as usual, see `start`.
    signal(SIGPIPE, SIG_IGN)
    var input: [Int32] = [-1, -1]
    var output: [Int32] = [-1, -1]
    guard pipe(&input) == 0 else { return ProgramResult(.notStarted(errno)) }
    guard pipe(&output) == 0 else {
      let code = errno
      for end in input { close(end) }
      return ProgramResult(.notStarted(code))
    }
    for end in input + output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let (child, code) = leash.start { start(reading: input[0], writing: output[1]) }
    close(input[0])
    close(output[1])
    defer { close(output[0]) }
    guard code == 0 else {
      close(input[1])
      return ProgramResult(.notStarted(code))
    }
    let (bytes, stop) = exchange(to: input[1], from: output[0], of: child)
    return ProgramResult(CommandProgram.end(child, after: stop, leash), output: bytes)
  }

  /// Why the output is not read any more.
  private enum Stop {
    case outputEnded
    case programEnded
    case timeOver
  }

  private func start(reading input: Int32, writing output: Int32) -> (pid_t, Int32) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own, so that what it starts ends with it; signals as after login, since the
    // agent blocks and ignores some.
    var none = sigset_t()
    sigemptyset(&none)
    var usual = sigset_t()
    sigemptyset(&usual)
    for signal in [SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGUSR1] { sigaddset(&usual, signal) }
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &usual)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    var envp: [UnsafeMutablePointer<CChar>?] = []
    var entry = environ
    while let variable = entry.pointee {
      envp.append(strdup(variable))
      entry += 1
    }
    envp += environment.map { strdup($0) }
    argv.append(nil)
    envp.append(nil)
    defer { for word in argv + envp { free(word) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, words[0], &actions, &attributes, argv, envp)
    return (child, code)
  }

  /// Feeds the input and reads the output until it ends, the program has ended, or the time is up.
  ///
  /// A program that another thread starts at the same instant may inherit an end of a pipe, so the
  /// end of the output alone says nothing certain.
  private func exchange(
    to input: Int32, from output: Int32, of child: pid_t
  ) -> ([UInt8], Stop) {
    var kept: [UInt8] = []
    var sent = 0
    var isFeeding = true
    _ = fcntl(input, F_SETFL, O_NONBLOCK)
    defer { if isFeeding { close(input) } }
    let end = DeviceClock.system.now().milliseconds + timeout.milliseconds
    var graceEnd: Int64?
    var piece = [UInt8](repeating: 0, count: 16_384)
    while true {
      if isFeeding, sent == self.input.count {
        close(input)
        isFeeding = false
      }
      let now = DeviceClock.system.now().milliseconds
      let left = end - now
      guard left > 0 else { return (kept, .timeOver) }
      if let graceEnd {
        if graceEnd <= now { return (kept, .programEnded) }
      } else if CommandProgram.hasEnded(child) {
        graceEnd = now + CommandProgram.graceMilliseconds
      }
      var entries = [pollfd(fd: output, events: Int16(POLLIN), revents: 0)]
      if isFeeding { entries.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0)) }
      let count = poll(
        &entries, nfds_t(entries.count), Int32(min(left, CommandProgram.lookMilliseconds)))
      guard count > 0 else { continue }
      if isFeeding, entries[1].revents != 0 {
        let rest = Array(self.input[sent...])
        let written = write(input, rest, rest.count)
        if written > 0 { sent += written }
        // A program that closed its input does not want the rest.
        if written < 0, errno != EAGAIN, errno != EINTR { sent = self.input.count }
      }
      if entries[0].revents != 0 {
        let got = read(output, &piece, piece.count)
        if got == 0 { return (kept, .outputEnded) }
        if got > 0 { kept += piece[..<min(got, outputBytesMax - kept.count)] }
        if got < 0, errno != EINTR { return (kept, .outputEnded) }
      }
    }
  }

  /// Whether a program has ended; it stays to be waited for, so that its number is not given away.
  private static func hasEnded(_ child: pid_t) -> Bool {
    var info = siginfo_t()
    return waitid(P_PID, id_t(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0
      && info.si_signo == SIGCHLD
  }

  private static func end(
    _ child: pid_t, after stop: Stop, _ leash: ProgramLeash
  ) -> ProgramResult.Ending {
    var isTimedOut = stop == .timeOver
    // What it started and left behind ends with it.
    if stop != .outputEnded { kill(-child, SIGKILL) }
    var status: Int32 = 0
    var looks = 0
    while true {
      let ended = leash.reap(child, &status)
      if ended == child { return isTimedOut ? .timedOut : ending(status) }
      if ended < 0, errno != EINTR { return .notStarted(errno) }
      usleep(10_000)
      looks += 1
      // A program may close its output and run on: it gets five seconds, and ends then.
      if looks == 500, !isTimedOut {
        isTimedOut = true
        kill(-child, SIGKILL)
      }
    }
  }

  private static func ending(_ status: Int32) -> ProgramResult.Ending {
    let signal = status & 0x7F
    return signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal)
  }
}
