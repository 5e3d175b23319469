// JobWatch: `groundswell job watch`, a job as it goes until it ends.

import UpdateModel

/// Follows a job.
enum JobWatch {
  static let command = Command(
    words: ["job", "watch"],
    summary: "Shows a job as it goes, a line per change, until it ends. Exit code 1 when it is "
      + "cancelled or paused, or a device did not do it. Ctrl-C stops watching; the job goes on.",
    operands: [JobCommands.job],
    options: [.value("timeout", "TIME", "give up after this time, such as 2h")],
    isRemote: true,
    examples: ["groundswell job watch night-logs", "groundswell job watch 3 --timeout 2h"],
    run: { (arguments) throws(Failure) in
      let timeout = try arguments.interval("timeout")
      return try watch(arguments[0], timeout: timeout, try Session(arguments))
    })

  private static let pauseMilliseconds = 1000

  private static func watch(
    _ name: String, timeout: Interval?, _ session: Session
  ) throws(Failure) -> ExitCode {
    let signals = SignalWait()
    let start = Instant.present
    var shown = ""
    while true {
      let job = try session.get(session.target("jobs", name))
      let line = "\(job.shown("status")): \(JobCommands.standing(job)); \(job.shown("reason"))"
      if line != shown {
        session.show(job) { _ in Table.printable(line) + "\n" }
        shown = line
      }
      switch job.text("status") {
      case "running": break
      case "finished":
        return JobCommands.failures(job["counts"] ?? .object([])) == 0 ? .success : .failed
      default: return .failed
      }
      if let timeout, Instant.present - start >= timeout {
        throw .failed(
          "job \(name) has not ended within \(timeout)", hint: "groundswell job show \(name)")
      }
      if signals.wait(milliseconds: pauseMilliseconds) == .interrupted {
        Terminal.note("stopped watching; the job goes on\n")
        return .interrupted
      }
    }
  }
}
