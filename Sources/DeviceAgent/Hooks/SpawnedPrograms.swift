// SpawnedPrograms: runs programs of the device by posix_spawn: no shell, a time limit, bounded
// output.

internal import Glibc
internal import UpdateModel

/// The programs of the operating system. They get a fixed environment and no input.
public struct SpawnedPrograms: ProgramRunner {
  private static let environment = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C",
  ]
  /// How long one look at the output waits, so that the end of a program is seen although one of
  /// its children keeps the output open.
  private static let lookMilliseconds: Int64 = 20

  private let clock: DeviceClock

  /// Programs whose time is told by a clock.
  public init(clock: DeviceClock = .system) { self.clock = clock }

  /// Runs a program in a process group of its own, which is killed when the time is over.
  public func run(_ call: ProgramCall) -> ProgramResult {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return ProgramResult(.notStarted(errno)) }
    let (reading, writing) = (ends[0], ends[1])
    defer { close(reading) }
    // A program that another thread starts just now may inherit them; it only holds them open.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(reading, F_SETFL, O_NONBLOCK)
    var process: pid_t = 0
    let code = Self.spawn(call.words, output: writing, &process)
    close(writing)
    guard code == 0 else { return ProgramResult(.notStarted(code)) }
    return wait(for: process, reading, until: clock.now() + call.timeout)
  }

  private static func spawn(_ words: [String], output: Int32, _ process: inout pid_t) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The agent ignores or blocks signals for itself only.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    let arguments = words.map { strdup($0) } + [nil]
    let variables = environment.map { strdup($0) } + [nil]
    defer { for text in arguments + variables { free(text) } }
    return posix_spawn(&process, words[0], &actions, &attributes, arguments, variables)
  }

  private func wait(
    for process: pid_t, _ reading: Int32, until deadline: Interval
  ) -> ProgramResult {
    var output: [UInt8] = []
    while true {
      let left = (deadline - clock.now()).milliseconds
      guard left > 0 else {
        kill(-process, SIGKILL)
        _ = Self.ending(of: process, flags: 0)
        return ProgramResult(.timedOut, output: output)
      }
      var interest = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
      poll(&interest, 1, Int32(min(left, Self.lookMilliseconds)))
      let isAtEnd = Self.drain(reading, into: &output)
      if let ending = Self.ending(of: process, flags: WNOHANG) {
        _ = Self.drain(reading, into: &output)
        return ProgramResult(ending, output: output)
      }
      // Closed output does not mean that the program has ended.
      if isAtEnd { clock.wait(Interval(milliseconds: min(left, Self.lookMilliseconds))) }
    }
  }

  /// Reads what is there; true when the output is closed.
  private static func drain(_ reading: Int32, into output: inout [UInt8]) -> Bool {
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(reading, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return count == 0 }
      let room = ProgramResult.outputBytesMax - output.count
      output += piece.prefix(min(count, room))
    }
  }

  private static func ending(of process: pid_t, flags: Int32) -> ProgramResult.Ending? {
    var status: Int32 = 0
    var result = waitpid(process, &status, flags)
    while result < 0, errno == EINTR { result = waitpid(process, &status, flags) }
    guard result == process else {
      // Nobody else waits for it; without a status there is no success.
      return result == 0 ? nil : .killed(signal: 0)
    }
    let signal = status & 0x7F
    return signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal)
  }
}

extension Interval {
  /// A shorter length of time; negative when `right` is longer.
  static func - (left: Interval, right: Interval) -> Interval {
    Interval(milliseconds: left.milliseconds - right.milliseconds)
  }

  /// Both one after the other.
  static func + (left: Interval, right: Interval) -> Interval {
    Interval(milliseconds: left.milliseconds + right.milliseconds)
  }
}
