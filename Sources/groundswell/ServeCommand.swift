// ServeCommand: the place of `groundswell serve` in the command table.

/// Runs the server.
enum ServeCommand {
  static let command = Command.local(
    "serve", "Runs the server.",
    examples: ["groundswell serve"],
    run: { (_) throws(Failure) in throw .failed("this build has no server") })
}
