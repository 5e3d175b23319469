// SimulateDocuments: the documents of DDI as a device reads and writes them.

public import UpdateModel

/// Instructions, reduced to what a virtual device needs.
public struct DeploymentDocument: Sendable {
  /// One file of the deployment.
  public struct Image: Sendable {
    /// File name.
    public let name: String
    /// Length in bytes.
    public let size: Int64
    /// Digest in hexadecimal.
    public let sha256: String
    /// Where it is fetched.
    public let link: String
    /// The signed statement about it; nil without one.
    public let manifest: String?
    /// Signature of the statement in hexadecimal; nil without one.
    public let signature: String?
  }

  /// The action the instructions belong to.
  public let action: String
  /// The version that the device reports when it has installed this.
  public let version: String
  /// What is to be fetched.
  public let images: [Image]

  /// Reads the answer of `deploymentBase`; nil when something a device needs is missing.
  public init?(_ document: JSON) {
    guard let action = document["id"]?.string,
      let chunks = document["deployment"]?["chunks"]?.array, let first = chunks.first,
      let chunkVersion = first["version"]?.string
    else { return nil }
    self.action = action
    // A release may have another version than the image in it.
    let release = DeploymentDocument.metadata("release", of: first)
    version = release?.split(separator: ":").last.map(String.init) ?? chunkVersion
    var images: [Image] = []
    for chunk in chunks {
      for artifact in chunk["artifacts"]?.array ?? [] {
        guard let image = Image(artifact, chunk: chunk) else { return nil }
        images.append(image)
      }
    }
    guard !images.isEmpty else { return nil }
    self.images = images
  }

  static func metadata(_ key: String, of chunk: JSON) -> String? {
    let entry = chunk["metadata"]?.array?.first { $0["key"]?.string == key }
    return entry?["value"]?.string
  }
}

extension DeploymentDocument.Image {
  init?(_ artifact: JSON, chunk: JSON) {
    guard let name = artifact["filename"]?.string, let size = artifact["size"]?.integer,
      let sha256 = artifact["hashes"]?["sha256"]?.string,
      let link = artifact["_links"]?["download"]?["href"]?.string
    else { return nil }
    self.init(
      name: name, size: size, sha256: sha256, link: link,
      manifest: DeploymentDocument.metadata("manifest", of: chunk),
      signature: DeploymentDocument.metadata("signature", of: chunk))
  }
}

extension PollAnswer {
  /// Reads the answer to a poll; the server's `sleep` counts when `followsServer`.
  public init(_ document: JSON, followsServer: Bool) {
    let links = document["_links"]
    func href(_ relation: String) -> String? { links?[relation]?["href"]?.string }
    let offer: Offer =
      if let link = href("cancelAction") {
        .cancel(action: PollAnswer.action(in: link), link: link)
      } else if let link = href("deploymentBase") {
        .deployment(action: PollAnswer.action(in: link), link: link)
      } else {
        .none
      }
    let sleep = document["config"]?["polling"]?["sleep"]?.string
    self.init(
      offer: offer, attributesLink: href("configData"),
      sleep: followsServer ? sleep.flatMap(PollAnswer.interval) : nil)
  }

  // The last segment of the path names the action.
  private static func action(in link: String) -> String {
    let path = link.prefix { $0 != "?" && $0 != "#" }
    return path.split(separator: "/").last.map(String.init) ?? ""
  }

  /// Reads `HH:mm:ss`.
  private static func interval(_ text: String) -> Interval? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) }
    guard parts.count == 3, let hours = parts[0], let minutes = parts[1], let seconds = parts[2],
      (0..<100).contains(hours), (0..<60).contains(minutes), (0..<60).contains(seconds)
    else { return nil }
    let total = hours * 3600 + minutes * 60 + seconds
    return total > 0 ? .seconds(total) : nil
  }
}

extension DeviceReport {
  /// Where the report goes: next to the instructions, without their query.
  public var feedbackLink: String { String(link.prefix { $0 != "?" && $0 != "#" }) + "/feedback" }

  /// The body of the feedback; a remark is added to the details.
  public func document(remark: String? = nil) -> JSON {
    let words = (details.isEmpty ? [] : [details]) + (remark.map { [$0] } ?? [])
    let steps = progress.map { JSON.members(["cnt": JSON($0.count), "of": JSON($0.of)]) }
    return [
      "id": .string(action),
      "status": [
        "execution": .string(execution.rawValue),
        "result": .members(["finished": .string(finished.rawValue), "progress": steps]),
        "details": .array(words.map { .string($0) }),
      ],
    ]
  }
}
