// ArtifactUpload: `groundswell artifact upload`, an image from this machine to the server.

import UpdateModel

/// Uploads an image and shows how far it is.
enum ArtifactUpload {
  static let command = Command.remote(
    "artifact upload",
    "Uploads a firmware image; the server inspects, digests and signs it. Uploading the very same "
      + "artifact again changes nothing.",
    operands: [Operand("FILE", "the image")],
    options: [
      .value("name", "NAME", "what the image is called", required: true),
      .value("version", "VERSION", "the version that a device reports with it", required: true),
      .value(
        "hardware", "MODEL[,MODEL]", "hardware models that it fits", required: true, repeats: true),
      .value("component", "NAME", "the part of the device that it updates", default: "os"),
      .value("file-name", "NAME", "the name that devices see", default: "the name of FILE"),
      .value(
        "sha256", "HEX", "refuse the upload unless its SHA-256 is this",
        default: "that of FILE"),
    ],
    examples: [
      "groundswell artifact upload build/image.swu --name gateway --version 2.4.0 "
        + "--hardware board-a",
      "groundswell artifact upload app.raucb --name app --version 1.7 --hardware board-a,board-b "
        + "--component app",
    ]
  ) { (arguments, session) throws(Failure) in
    let file = arguments[0]
    let size = try LocalFile.size(file)
    guard size > 0 else { throw .failed("\(file) is empty") }
    let name = arguments.value("file-name") ?? LocalFile.name(of: file)
    let target = session.target("artifacts")
      .with("name", arguments.required("name")).with("version", arguments.required("version"))
      .with("hardware", arguments.values("hardware").joined(separator: ","))
      .with("component", arguments.value("component")).with("fileName", name)
      .with("sha256", try digest(of: file, expected: arguments.value("sha256")))
    let artifact = try send(file, size: size, to: target, session)
    session.show(artifact) { artifact in
      let line =
        "artifact \(artifact.shown("id")): \(artifact.shown("name")) \(artifact.shown("version")) "
        + "for \(artifact.joined("hardware")), \(Wording.size(artifact.count("size"))), "
        + "sha256 \(artifact.shown("sha256"))\n"
      return Table.printable(String(line.dropLast())) + "\n"
    }
  }

  /// The file's digest, which the server checks; a wrong file is noticed before it is sent.
  private static func digest(of file: String, expected: String?) throws(Failure) -> String {
    let found = try FileDigest.sha256(of: file)
    if let expected = expected?.lowercased(), expected != found {
      throw .failed("\(file) has SHA-256 \(found), not \(expected)")
    }
    return found
  }

  private static func send(
    _ file: String, size: Int, to target: APITarget, _ session: Session
  ) throws(Failure) -> JSON {
    let meter = MeterBox(
      ProgressMeter(LocalFile.name(of: file), total: size, isQuiet: session.wantsJSON))
    do {
      let artifact = try session.client.upload(target, file: file) { meter.meter.reached($0) }
      meter.meter.finish(size)
      return artifact
    } catch {
      meter.meter.abandon()
      throw error
    }
  }

  /// Holds the meter where the transfer's closure can change it.
  private final class MeterBox {
    var meter: ProgressMeter
    init(_ meter: ProgressMeter) { self.meter = meter }
  }
}
