// ArtifactCommands: `groundswell artifact ...` apart from the transfers of images.

import UpdateModel

/// Commands about firmware images.
enum ArtifactCommands {
  /// In the order that help lists them.
  static let all = [ArtifactUpload.command, list, show, verify, ArtifactDownload.command, delete]

  private static let id = Operand("ID", "number of the artifact, as in artifact list")

  private static let list = Command.remote(
    "artifact list", "Lists the artifacts, newest last.",
    options: [.value("limit", "N", "show at most so many", default: "1000")],
    examples: ["groundswell artifact list", "groundswell artifact list --json"]
  ) { (arguments, session) throws(Failure) in
    let limit = try arguments.integer("limit", default: 1000, in: 1...1_000_000)
    let listing = try session.list(session.target("artifacts"), limit: limit)
    session.show(listing, empty: "no artifacts; add one with: groundswell artifact upload --help") {
      table($0, now: session.now)
    }
  }

  private static let show = Command.remote(
    "artifact show", "Shows an artifact with its digests and signature.", operands: [id],
    examples: ["groundswell artifact show 3", "groundswell artifact show 3 --json"]
  ) { (arguments, session) throws(Failure) in
    let artifact = try session.get(session.target("artifacts", arguments[0]))
    session.show(artifact, facts)
  }

  private static let verify = Command.remote(
    "artifact verify",
    "Reads an artifact from the server's disk again and checks digest and signature.",
    operands: [id],
    examples: ["groundswell artifact verify 3", "groundswell artifact verify 3 --json"]
  ) { (arguments, session) throws(Failure) in
    let result = try session.post(session.target("artifacts", arguments[0], "verify"))
    session.show(result) { result in
      Table.facts([
        "artifact": arguments[0], "sha256": verdict(result["sha256"]),
        "signature": verdict(result["signature"]), "compressed": verdict(result["compressed"]),
        "result": result.text("detail"),
      ])
    }
    guard result["ok"]?.bool == true else {
      throw .failed("artifact \(arguments[0]) is damaged; do not roll it out")
    }
  }

  private static let delete = Command.remote(
    "artifact delete", "Deletes an artifact that no release uses.", operands: [id],
    examples: ["groundswell artifact delete 3"]
  ) { (arguments, session) throws(Failure) in
    let answer = try session.client.document("DELETE", session.target("artifacts", arguments[0]))
    session.show(answer) { _ in "artifact \(arguments[0]) deleted\n" }
  }

  private static func verdict(_ value: JSON?) -> String? {
    value?.bool.map { $0 ? "good" : "WRONG" }
  }

  /// Artifacts as a table.
  static func table(_ artifacts: [JSON], now: Instant) -> Table {
    Table(
      ">id", "name", "version", "hardware", "component", ">size", ">compressed", "created",
      rows: artifacts
    ) { artifact in
      [
        artifact.shown("id"), artifact.shown("name"), artifact.shown("version"),
        artifact.joined("hardware"), artifact.shown("component"),
        Wording.size(artifact.count("size")), compressed(artifact) ?? "-",
        artifact.ago("createdAt", now: now),
      ]
    }
  }

  private static func compressed(_ artifact: JSON) -> String? {
    artifact["compressedSize"].map { _ in Wording.size(artifact.count("compressedSize")) }
  }

  /// Everything about one artifact.
  static func facts(_ artifact: JSON) -> String {
    let size = artifact.count("size")
    return Table.facts([
      "id": artifact.text("id"), "name": artifact.text("name"),
      "version": artifact.text("version"), "hardware": artifact.joined("hardware"),
      "component": artifact.text("component"), "file": artifact.text("fileName"),
      "format": artifact.text("format"),
      "size": "\(Wording.size(size)) (\(Wording.count(size)) bytes)",
      "compressed": compressed(artifact), "sha256": artifact.text("sha256"),
      "sha1": artifact.text("sha1"), "md5": artifact.text("md5"),
      "signature": artifact.text("signature"), "key": artifact.text("keyId"),
      "created": artifact.text("createdAt"),
    ])
  }
}
