// RolloutWatch: `groundswell rollout watch`, a rollout live until it ends.

import UpdateModel

/// Follows a rollout.
enum RolloutWatch {
  static let command = Command(
    words: ["rollout", "watch"],
    summary: "Shows a rollout as it proceeds until it ends: a picture redrawn in place on a "
      + "terminal, elsewhere lines, at most one in two seconds unless stage, status or reason "
      + "change. Ctrl-C stops watching; the rollout goes on.",
    operands: [RolloutCommands.rollout],
    options: [.value("timeout", "TIME", "give up after this time, such as 2h")],
    isRemote: true,
    examples: [
      "groundswell rollout watch gateway-2.4",
      "groundswell rollout watch gateway-2.4 --timeout 2h > rollout.log",
      "groundswell rollout watch gateway-2.4 --json | jq .exposed",
    ],
    run: { (arguments) throws(Failure) in
      let timeout = try arguments.interval("timeout")
      return try watch(arguments[0], timeout: timeout, try Session(arguments))
    })

  /// Between two looks at what the feed has brought; the server sends at most four a second.
  private static let lookMilliseconds = 200
  /// A server that was away for so long is given up.
  private static let patience = Interval.minutes(10)

  /// Follows a rollout until it ends, and says how it did.
  static func watch(
    _ name: String, timeout: Interval?, _ session: Session
  ) throws(Failure) -> ExitCode {
    let feed = try RolloutFeed(name, session)
    let signals = SignalWait()
    guard feed.start() else { throw .failed("the system has no thread to give") }
    var screen = RolloutScreen(wantsJSON: session.wantsJSON)
    let start = Instant.present
    while true {
      let latest = feed.latest
      let now = Instant.present
      screen.show(latest, now: now)
      if let ending = RolloutPicture(latest.document).ending { return ending }
      if let trouble = latest.trouble { try judge(trouble.failure, now - trouble.since) }
      if let timeout, now - start >= timeout {
        throw .failed(
          "rollout \(name) has not ended within \(timeout)",
          hint: "groundswell rollout show \(name)")
      }
      switch signals.wait(milliseconds: lookMilliseconds) {
      case .timePassed: break
      case .windowChanged: screen.windowChanged()
      case .interrupted:
        Terminal.note(
          "\nstopped watching; the rollout goes on. Watch it again with: "
            + "groundswell rollout watch \(name)\n")
        return .interrupted
      }
    }
  }

  /// A server that went away may come back; one that refuses will go on refusing.
  private static func judge(_ failure: Failure, _ length: Interval) throws(Failure) {
    switch failure.kind {
    case .notFound, .unauthorized, .forbidden: throw failure
    default: break
    }
    if length >= patience { throw failure }
  }
}
