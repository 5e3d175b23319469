// SimulateCommand: the place of `groundswell simulate` in the command table.

/// Rehearses a rollout without devices.
enum SimulateCommand {
  static let command = Command.local(
    "simulate", "Rehearses a rollout on a simulated fleet.",
    examples: ["groundswell simulate --help"],
    run: { (_) throws(Failure) in throw .failed("this build has no simulator") })
}
