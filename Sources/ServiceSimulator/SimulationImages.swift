// SimulationImages: the few images that simulated services serve; real files, made once.

import Crypto
import Glibc
import ImagePipeline
import Orchestrator
import UpdateModel

/// A folder with one small image for each version; gone with its owner. Runs share it.
public final class SimulationImages: Sendable {
  /// Why there are no images.
  public struct Failure: Error, CustomStringConvertible {
    /// What happened.
    public let description: String
  }

  let shelf: ImageShelf
  private let root: String

  /// Makes the folder below `/tmp`.
  public init() throws(Failure) {
    var template = Array("/tmp/groundswell-simulation-XXXXXX\0".utf8CString)
    guard let made = mkdtemp(&template) else {
      throw Failure(description: "no folder below /tmp: \(String(cString: strerror(errno)))")
    }
    root = String(cString: made)
    do {
      shelf = ImageShelf(
        blobs: try BlobDirectory(root: root), key: try SigningKey.generate(),
        compressor: try ImageCompressor(level: 1, workerCount: 0), imageBytesMax: 1 << 20)
    } catch { throw Failure(description: "no place for images: \(error)") }
    for version in SimulationImages.versions {
      let bytes = SimulationImages.bytes(version)
      let name = "\(SimulationImages.digest(version))"
      let folder = "\(root)/\(name.prefix(2))"
      guard mkdir(folder, 0o700) == 0 || errno == EEXIST,
        let file = fopen("\(folder)/\(name)", "wb")
      else { throw Failure(description: "no image: \(String(cString: strerror(errno)))") }
      defer { fclose(file) }
      guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
        throw Failure(description: "no room for an image in \(root)")
      }
    }
  }

  deinit {
    for version in SimulationImages.versions {
      let name = "\(SimulationImages.digest(version))"
      unlink("\(root)/\(name.prefix(2))/\(name)")
      rmdir("\(root)/\(name.prefix(2))")
    }
    rmdir("\(root)/incoming")
    rmdir(root)
  }

  static let versions = [ServiceScenario.oldVersion] + ServiceScenario.newVersions

  static func bytes(_ version: String) -> [UInt8] { Array("firmware \(version)".utf8) }

  static func digest(_ version: String) -> Digest {
    guard let digest = Digest(bytes: SHA256.value(of: bytes(version)).bytes) else {
      preconditionFailure("a digest has the length of a digest")
    }
    return digest
  }

  /// The artifact and the published release of a version, numbered by its place.
  static func release(_ index: Int, at now: Instant) -> (artifact: Artifact, release: Release) {
    let version = versions[index]
    do throws(InvalidValue) {
      let artifact = Artifact(
        id: ArtifactID(UInt32(index + 1)), name: try Name("app"),
        version: try FirmwareVersion(version), hardware: [try Name("board-a")],
        component: try Name("os"), fileName: try Name("app-\(version).bin"),
        size: Int64(bytes(version).count), sha256: digest(version),
        sha1: String(repeating: "0", count: 40), md5: String(repeating: "0", count: 32),
        format: "raw", compressed: nil, signature: String(repeating: "0", count: 128),
        keyID: "simulated", createdAt: now)
      let release = Release(
        id: ReleaseID(UInt32(index + 1)), name: try Name("app"),
        version: try FirmwareVersion(version), notes: "", artifacts: [artifact.id],
        status: .published, createdAt: now)
      return (artifact, release)
    } catch {
      preconditionFailure("the names of the simulator are valid: \(error.reason)")
    }
  }
}
