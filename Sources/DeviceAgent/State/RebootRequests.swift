// RebootRequests: how often a device is asked to start again that does not do it: less and less,
// and the server is told.

public import UpdateModel

extension AgentMachine {
  /// Requests to start the device again that nothing came of, after which the server is told. With
  /// the pauses between them that is two minutes: a system may take 90 s to stop its services.
  public static let rebootsInVainMax = 7
  /// The pause after the first request to start the device again; it doubles after each.
  public static let rebootPauseLeast = Interval.seconds(1)
  /// The longest pause between two such requests.
  public static let rebootPauseMost = Interval.minutes(10)

  /// How long to wait before the next request to start the device again.
  ///
  /// - Parameter asked: how often it was asked and has not started since, 0 or more.
  /// - Returns: 0 at first, then `rebootPauseLeast`, doubling up to `rebootPauseMost`.
  public static func rebootPause(afterAsking asked: Int) -> Interval {
    guard asked > 0 else { return .zero }
    var pause = rebootPauseLeast.milliseconds
    // More doublings than any number of seconds has bits are never needed.
    for _ in 1..<min(asked, 32) where pause < rebootPauseMost.milliseconds { pause *= 2 }
    return min(Interval(milliseconds: pause), rebootPauseMost)
  }
}

extension AgentTurn {
  /// Counts a request before it is made, so that one that ends this process is counted too, and
  /// plans the next one in case nothing comes of it. The trial stays armed however often it is.
  mutating func askForReboot(_ hookFailure: String?) {
    guard let (update, place) = departing, case .slot = place else { return }
    if state.rebootsAsked == AgentMachine.rebootsInVainMax {
      let reason = hookFailure.map { ": \($0)" } ?? ", although its reboot hook ended well"
      let text =
        "the device was asked \(state.rebootsAsked) times to start again and did not\(reason); it "
        + "is asked on, at most every \(AgentMachine.rebootPauseMost)"
      report(update, .rebooting, UpdateFailure(.boot, text))
    }
    if state.rebootsAsked < Int.max { state.rebootsAsked += 1 }
    leave(to: place)
  }

  /// The update that waits for a start, when one does.
  private var departing: (update: Update, place: Place)? {
    switch state.phase {
    case .armed(let update, _, let place, _), .onTrial(let update, _, let place, _),
      .reverting(let update, _, let place, _, _):
      (update, place)
    case .idle, .downloading, .verified, .preparing, .writing, .written: nil
    }
  }
}
