// ArtifactDownload: `groundswell artifact download`, an image from the server to this machine.

import UpdateModel

/// Fetches an image piece by piece.
enum ArtifactDownload {
  static let command = Command.remote(
    "artifact download", "Fetches an artifact's image into a new file.",
    operands: [Operand("ID", "number of the artifact, as in artifact list")],
    options: [
      .value("output", "FILE", "where to put it", default: "the artifact's file name, here")
    ],
    examples: [
      "groundswell artifact download 3",
      "groundswell artifact download 3 --output old-gateway.swu",
    ]
  ) { (arguments, session) throws(Failure) in
    let artifact = try session.get(session.target("artifacts", arguments[0]))
    // Only the last part of the server's name is used, so that nothing lands elsewhere.
    let name = LocalFile.name(of: artifact.text("fileName") ?? "artifact-\(arguments[0])")
    let path = arguments.value("output") ?? name
    guard path != "..", path != "." else { throw .failed("'\(path)' is no file name") }
    let file = try LocalFile.Creation(path, isPrivate: false)
    do throws(Failure) {
      try fetch(artifact, into: file, session)
    } catch {
      file.remove()
      throw error
    }
    session.show(artifact) { artifact in
      "\(path): \(Wording.size(artifact.count("size"))), sha256 \(artifact.shown("sha256"))\n"
    }
  }

  private static func fetch(
    _ artifact: JSON, into file: borrowing LocalFile.Creation, _ session: Session
  ) throws(Failure) {
    let size = artifact.count("size")
    let target = session.target("artifacts", artifact.shown("id"), "content")
    var meter = ProgressMeter(
      LocalFile.name(of: file.path), total: size, isQuiet: session.wantsJSON)
    var done = 0
    let digest = try FileDigest()
    var trouble: Failure?
    do throws(Failure) {
      try session.client.download(target) { piece in
        do throws(Failure) {
          try file.append(piece)
        } catch {
          trouble = error
          return false
        }
        digest.update(piece)
        done += piece.count
        meter.reached(done)
        return true
      }
      if let trouble { throw trouble }
      try file.sync()
    } catch {
      meter.abandon()
      throw error
    }
    meter.finish(done)
    guard done == size else { throw .failed("the server sent \(done) of \(size) bytes") }
    let found = try digest.finish()
    guard found == artifact.text("sha256") else {
      throw .failed(
        "what arrived has SHA-256 \(found), not \(artifact.shown("sha256"))",
        hint: "groundswell artifact verify \(artifact.shown("id"))")
    }
  }
}
