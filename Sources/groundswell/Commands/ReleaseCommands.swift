// ReleaseCommands: `groundswell release ...`, named versions made of artifacts.

import UpdateModel

/// Commands about releases.
enum ReleaseCommands {
  /// In the order that help lists them.
  static let all = [create, list, show, publish, revoke]

  private static let release = Operand("RELEASE", "the release as NAME:VERSION or by number")

  private static let create = Command.remote(
    "release create", "Creates a release as a draft, or publishes it at once.",
    operands: [
      Operand("NAME", "name of the release"), Operand("VERSION", "version of the release"),
    ],
    options: [
      .value(
        "artifact", "ID", "number of an artifact that belongs to it", required: true,
        repeats: true),
      .value("notes", "TEXT", "what is new, for people"),
      .value("notes-file", "FILE", "what is new, from a file; - is standard input"),
      .value(
        "floor", "NAME:VERSION",
        "an earlier release that devices must run, or have passed, before they get this one"),
      .value(
        "no-rollback-below", "NAME:VERSION",
        "the oldest release that devices which ran this one may be given again; self for this one"),
      .flag("security", "it closes a hole: policies may pass over comfort and wishes for it"),
      .value(
        "conditions", "JSON",
        "what must hold on a device, such as '{\"install\": {\"batteryAtLeast\": \"30%\"}}'"),
      .value("prepare", "NAME", "what devices that offer it do before they install"),
      .value("resume", "NAME", "what they do after they installed"),
      .flag("publish", "publish it at once, so that rollouts can deliver it"),
    ],
    examples: [
      "groundswell release create gateway 2.4.0 --artifact 3 --artifact 4",
      "groundswell release create gateway 2.4.0 --artifact 3 --notes-file NEWS.md --publish",
      "groundswell release create gateway 3.0.0 --artifact 5 --floor gateway:2.4.0 "
        + "--no-rollback-below self",
    ]
  ) { (arguments, session) throws(Failure) in
    var ids: [JSON] = []
    for text in arguments.values("artifact") {
      guard let id = Int(text), id > 0 else {
        throw arguments.refuse("option --artifact: '\(text)' is no number of an artifact")
      }
      ids.append(JSON(id))
    }
    let release = try session.post(
      session.target("releases"),
      .members([
        "name": .string(arguments[0]), "version": .string(arguments[1]),
        "notes": try notes(arguments).map { .string($0) }, "artifacts": .array(ids),
        "floor": arguments.value("floor").map { .string($0) },
        "rollbackFloor": arguments.value("no-rollback-below").map { .string($0) },
        "security": arguments.has("security") ? true : nil,
        "conditions": try conditions(arguments),
        "prepare": arguments.value("prepare").map { .string($0) },
        "resume": arguments.value("resume").map { .string($0) },
      ]))
    guard arguments.has("publish") else { return session.show(release, facts) }
    let id = release.text("id") ?? "\(arguments[0]):\(arguments[1])"
    session.show(try session.post(session.target("releases", id, "publish")), facts)
  }

  private static func conditions(_ arguments: Arguments) throws(Failure) -> JSON? {
    guard let text = arguments.value("conditions") else { return nil }
    do throws(JSONError) { return try JSON.parse(Array(text.utf8)) } catch {
      throw arguments.refuse("option --conditions: \(error)")
    }
  }

  private static func notes(_ arguments: Arguments) throws(Failure) -> String? {
    guard let file = arguments.value("notes-file") else { return arguments.value("notes") }
    guard !arguments.has("notes") else {
      throw arguments.refuse("give --notes or --notes-file, not both")
    }
    let bytes = try LocalFile.read(file, atMost: 1 << 20)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .failed("\(file) is not UTF-8 text")
    }
    return text
  }

  private static let list = Command.remote(
    "release list", "Lists the releases.",
    options: [.value("limit", "N", "show at most so many", default: "1000")],
    examples: ["groundswell release list", "groundswell release list --json"]
  ) { (arguments, session) throws(Failure) in
    let limit = try arguments.integer("limit", default: 1000, in: 1...1_000_000)
    let listing = try session.list(session.target("releases"), limit: limit)
    session.show(listing, empty: "no releases; make one with: groundswell release create --help") {
      Table(">id", "name", "version", "status", ">artifacts", "created", rows: $0) { release in
        [
          release.shown("id"), release.shown("name"), release.shown("version"),
          release.shown("status"), String(release.items("artifacts").count),
          release.ago("createdAt", now: session.now),
        ]
      }
    }
  }

  private static let show = Command.remote(
    "release show", "Shows a release with its artifacts.", operands: [release],
    examples: ["groundswell release show gateway:2.4.0", "groundswell release show 7 --json"]
  ) { (arguments, session) throws(Failure) in
    session.show(try session.get(session.target("releases", arguments[0]))) {
      facts($0) + "\n" + ArtifactCommands.table($0.items("artifacts"), now: session.now).text
    }
  }

  private static let publish = Command.remote(
    "release publish", "Publishes a draft, so that rollouts can deliver it.", operands: [release],
    examples: ["groundswell release publish gateway:2.4.0"]
  ) { (arguments, session) throws(Failure) in
    session.show(try session.post(session.target("releases", arguments[0], "publish")), facts)
  }

  private static let revoke = Command.remote(
    "release revoke", "Revokes a release, so that no rollout delivers it any more.",
    operands: [release], examples: ["groundswell release revoke gateway:2.4.0"]
  ) { (arguments, session) throws(Failure) in
    session.show(try session.post(session.target("releases", arguments[0], "revoke")), facts)
  }

  private static func facts(_ release: JSON) -> String {
    let artifacts = release.items("artifacts").map { artifact in
      "\(artifact.shown("id")) (\(artifact.shown("name")) \(artifact.shown("version")) for "
        + "\(artifact.joined("hardware")))"
    }
    let notes = release.text("notes").flatMap { $0.isEmpty ? nil : $0 }
    return Table.facts([
      "release": "\(release.shown("name")):\(release.shown("version"))", "id": release.text("id"),
      "status": release.text("status"), "artifacts": artifacts.joined(separator: ", "),
      "floor": release.text("floor").map { "release \($0)" },
      "no rollback below": release.text("rollbackFloor").map { "release \($0)" },
      "security": release["security"]?.bool == true ? "yes" : nil,
      "conditions": release["conditions"].map { String(decoding: $0.text, as: UTF8.self) },
      "prepare": release.text("prepare"), "resume": release.text("resume"),
      "created": release.text("createdAt"),
      "notes": notes.map { $0.split(separator: "\n").joined(separator: " / ") },
    ])
  }
}
