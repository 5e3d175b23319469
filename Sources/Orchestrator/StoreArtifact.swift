// StoreArtifact: an uploaded image becomes a signed artifact.

import Crypto
import Dispatch
import FleetStore
import ImagePipeline
public import UpdateModel
import UpdateTrust

/// What the uploader says about an image.
public struct ArtifactDescription: Equatable, Sendable {
  /// Product name.
  public let name: Name
  /// Version.
  public let version: FirmwareVersion
  /// Models it runs on, not empty.
  public let hardware: [Name]
  /// Part of the device it is for.
  public let component: Name
  /// File name that devices see.
  public let fileName: Name
  /// What the bytes must hash to; nil when the uploader does not say.
  public let sha256: Digest?
  /// Whether the format is not to be looked at.
  public let isRaw: Bool

  /// Checks that there is a model and not too many.
  public init(
    name: Name, version: FirmwareVersion, hardware: [Name], component: Name, fileName: Name,
    sha256: Digest?, isRaw: Bool = false
  ) throws(InvalidValue) {
    guard (1...64).contains(hardware.count), Set(hardware).count == hardware.count else {
      throw InvalidValue(
        field: "hardware", reason: "name 1 to 64 different hardware models, separated by commas")
    }
    self.name = name
    self.version = version
    self.hardware = hardware.sorted()
    self.component = component
    self.fileName = fileName
    self.sha256 = sha256
    self.isRaw = isRaw
  }
}

/// An upload under way. Bytes go to a queue of its own, so that the event loop never waits for the
/// disk; when the queue is long the sender is asked to wait.
public final class ArtifactUpload: Sendable {
  private let writer: ImageWriter
  private let queue: DispatchQueue
  private let progress = Lock(Progress())
  /// More waiting bytes than this make `append` ask for a pause.
  private static let waitingBytesMax = 4 << 20

  private struct Progress {
    var waiting = 0
    var failure: Problem?
    var resume: (@Sendable () -> Void)?
  }

  init(_ writer: ImageWriter) {
    self.writer = writer
    queue = DispatchQueue(label: "artifact-upload")
  }

  /// Why it cannot go on; nil while it can.
  public var failure: Problem? { progress.withLock { $0.failure } }

  /// Takes the next bytes; false asks the caller to wait until `resume` is called.
  public func append(
    _ bytes: UnsafeRawBufferPointer, resume: @escaping @Sendable () -> Void
  ) -> Bool {
    let chunk = Array(bytes)
    let goesOn = progress.withLock { progress in
      progress.waiting += chunk.count
      guard progress.waiting > ArtifactUpload.waitingBytesMax else { return true }
      progress.resume = resume
      return false
    }
    queue.async { self.write(chunk) }
    return goesOn
  }

  private func write(_ chunk: [UInt8]) {
    do throws(ImageError) {
      if progress.withLock({ $0.failure == nil }) { try writer.write(chunk) }
    } catch {
      let problem = Problem(error)
      progress.withLock { $0.failure = problem }
    }
    let resume = progress.withLock { progress -> (@Sendable () -> Void)? in
      progress.waiting -= chunk.count
      guard progress.waiting <= ArtifactUpload.waitingBytesMax / 2 else { return nil }
      defer { progress.resume = nil }
      return progress.resume
    }
    resume?()
  }

  /// Deletes what was received.
  public func abort() { queue.async { self.writer.abort() } }

  /// Runs `body` with the finished image, or with what went wrong, after the last byte is written.
  func finish(
    expecting sha256: Digest?, _ body: @escaping @Sendable (Result<UploadedImage, Problem>) -> Void
  ) {
    queue.async { body(self.result(expecting: sha256)) }
  }

  private func result(expecting sha256: Digest?) -> Result<UploadedImage, Problem> {
    if let failure = progress.withLock({ $0.failure }) {
      writer.abort()
      return .failure(failure)
    }
    do throws(ImageError) {
      let expected = sha256.flatMap { SHA256.Value($0.bytes) }
      return .success(try writer.finish(expectedSHA256: expected))
    } catch { return .failure(Problem(error)) }
  }
}

extension ControlPlane {
  /// Starts an upload.
  public func beginUpload() throws(Problem) -> ArtifactUpload {
    try requireStore()
    return ArtifactUpload(try images.makeWriter())
  }

  /// Ends an upload: hash, recognise, compress, sign, commit; then calls `completion` on a thread
  /// of its own with the artifact and whether it is new.
  public func finish(
    _ upload: ArtifactUpload, as description: ArtifactDescription, in room: Room,
    _ completion: @escaping @Sendable (Result<(artifact: Artifact, isNew: Bool), Problem>) -> Void
  ) {
    upload.finish(expecting: description.sha256) { result in
      do throws(Problem) {
        completion(.success(try self.store(try result.get(), as: description, in: room)))
      } catch { completion(.failure(error)) }
    }
  }

  private func store(
    _ upload: UploadedImage, as description: ArtifactDescription, in room: Room
  ) throws(Problem) -> (artifact: Artifact, isNew: Bool) {
    guard let sha256 = Digest(bytes: upload.digests.sha256.bytes) else {
      throw Problem(.internalError, "a digest of the wrong length")
    }
    if let (known, ticket) = try twin(of: description, sha256, in: room) {
      // Its own upload may still be on its way to the disk.
      try wait(for: ticket)
      return (known, false)
    }
    // Content that another artifact is about to leave must not vanish under this one.
    imagesInPreparation.withLock { $0[sha256, default: 0] += 1 }
    defer { release(sha256) }
    let prepared = try images.prepare(upload, isRaw: description.isRaw)
    let manifest = ArtifactManifest(
      name: description.name, version: description.version, hardware: description.hardware,
      component: description.component, size: prepared.image.size, sha256: sha256)
    let signature = try images.sign(manifest)
    let (artifact, ticket, isNew) = try insert(
      description, prepared, sha256, signature, in: room)
    try wait(for: ticket)
    return (artifact, isNew)
  }

  private func release(_ digest: Digest) {
    imagesInPreparation.withLock { counts in
      counts[digest] = counts[digest].flatMap { $0 > 1 ? $0 - 1 : nil }
    }
  }

  private func insert(
    _ description: ArtifactDescription, _ prepared: ImageShelf.Prepared, _ sha256: Digest,
    _ signature: String, in room: Room
  ) throws(Problem) -> (Artifact, UInt64, Bool) {
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      if let known = try same(description, sha256, ledger) {
        return (known, ledger.lastTicket, false)
      }
      let artifact = Artifact(
        id: ArtifactID((ledger.artifacts.keys.max()?.number ?? 0) + 1), name: description.name,
        version: description.version, hardware: description.hardware,
        component: description.component, fileName: description.fileName,
        size: prepared.image.size, sha256: sha256, sha1: Hex.encode(prepared.digests.sha1),
        md5: Hex.encode(prepared.digests.md5), format: prepared.format,
        compressed: prepared.compressed.flatMap { form in
          Digest(bytes: form.sha256.bytes).map { Artifact.StoredForm(size: form.size, sha256: $0) }
        },
        signature: signature, keyID: images.verifyingKey.keyID, createdAt: now)
      ledger.artifacts[artifact.id] = artifact
      ledger.lastTicket = store.enqueue(.artifact(room.tenant, artifact))
      return (artifact, ledger.lastTicket, true)
    }
  }

  private func twin(
    of description: ArtifactDescription, _ sha256: Digest, in room: Room
  ) throws(Problem) -> (artifact: Artifact, ticket: UInt64)? {
    try room.ledger.withLock { ledger throws(Problem) in
      try same(description, sha256, ledger).map { ($0, ledger.lastTicket) }
    }
  }

  // The same upload again is answered with what is there; other bytes under the same name and
  // version are refused, because devices could not tell them apart.
  private func same(
    _ description: ArtifactDescription, _ sha256: Digest, _ ledger: Ledger
  ) throws(Problem) -> Artifact? {
    for artifact in ledger.artifacts.values
    where artifact.name == description.name && artifact.version == description.version
      && artifact.component == description.component
      && !Set(artifact.hardware).isDisjoint(with: description.hardware)
    {
      if artifact.sha256 == sha256, artifact.hardware == description.hardware { return artifact }
      throw Problem(
        .conflict,
        "artifact \(artifact.id) is \(artifact.name) \(artifact.version) for "
          + "\(artifact.hardware.map(\.text).joined(separator: ",")) already, with other bytes or "
          + "models; give the new image another version")
    }
    return nil
  }

  /// Deletes an artifact that no release uses; its bytes go when no other artifact has them.
  public func deleteArtifact(_ id: ArtifactID, in room: Room) throws(Problem) {
    try requireStore()
    let (artifact, ticket) = try room.ledger.withLock { ledger throws(Problem) in
      guard let artifact = ledger.artifacts[id] else {
        throw Problem(.notFound, "there is no artifact \(id)")
      }
      if let user = ledger.releases.values.first(where: { $0.artifacts.contains(id) }) {
        throw Problem(
          .conflict, "release \(user.name):\(user.version) uses artifact \(id); it stays")
      }
      ledger.artifacts[id] = nil
      ledger.lastTicket = store.enqueue(.deleteArtifact(room.tenant, id))
      return (artifact, ledger.lastTicket)
    }
    try wait(for: ticket)
    // Uploads that are about to store something wait meanwhile, so that none of them finds bytes
    // which then go. A zstd form may also be an image of its own.
    try imagesInPreparation.withLock { preparing throws(Problem) in
      guard preparing[artifact.sha256] == nil else { return }
      let used = referredDigests()
      for digest in [artifact.sha256, artifact.compressed?.sha256] {
        guard let digest, preparing[digest] == nil, !used.contains(digest) else { continue }
        try images.delete(digest)
      }
    }
  }

  /// The digests of all images that artifacts of any tenant refer to or are about to.
  public func digestsInUse() -> Set<Digest> {
    referredDigests().union(imagesInPreparation.withLock { Array($0.keys) })
  }

  private func referredDigests() -> Set<Digest> {
    var used: Set<Digest> = []
    for room in allRooms {
      room.ledger.withLock { ledger in
        for artifact in ledger.artifacts.values {
          used.insert(artifact.sha256)
          if let form = artifact.compressed { used.insert(form.sha256) }
        }
      }
    }
    return used
  }

  /// Hashes an artifact's bytes again and checks its signature.
  public func verifyArtifact(_ id: ArtifactID, in room: Room) throws(Problem) -> ArtifactVerdict {
    guard let artifact = room.ledger.withLock({ $0.artifacts[id] }) else {
      throw Problem(.notFound, "there is no artifact \(id)")
    }
    let isSigned = ArtifactManifest(artifact).isSigned(artifact.signature, by: images.verifyingKey)
    return ArtifactVerdict(
      contentFault: images.fault(in: artifact.sha256), isSigned: isSigned,
      compressedFault: artifact.compressed.flatMap {
        images.fault(in: $0.sha256, unpackingTo: artifact.sha256, size: artifact.size)
      },
      hasCompressed: artifact.compressed != nil)
  }
}

/// The result of checking an artifact.
public struct ArtifactVerdict: Sendable {
  /// What is wrong with the bytes; nil when nothing is.
  public let contentFault: String?
  /// Whether the signature is right.
  public let isSigned: Bool
  /// What is wrong with the zstd form; nil when nothing is.
  public let compressedFault: String?
  /// Whether there is a zstd form.
  public let hasCompressed: Bool

  /// Whether everything is right.
  public var isGood: Bool { contentFault == nil && isSigned && compressedFault == nil }
}

extension ControlPlane {
  /// The signed statement about an artifact, as devices get it.
  public static func manifestText(of artifact: Artifact) -> String {
    String(decoding: ArtifactManifest(artifact).signedBytes, as: UTF8.self)
  }
}
