// DataDirectory: what lies where in the data directory, and what its first start puts there.

import Crypto
import Glibc
import ImagePipeline
import Orchestrator
import UpdateModel

/// The server's own directory. Nobody else may read it: it holds a signing key and a token.
struct DataDirectory {
  let path: String

  /// Opens the directory and makes it if only its last part is missing.
  init(_ path: String) throws(Failure) {
    self.path = path
    umask(0o077)
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw .failed("cannot make the data directory \(path): \(String(cString: strerror(errno)))")
    }
  }

  /// Where the administrator's token is saved at the first start.
  var tokenPath: String { "\(path)/admin.token" }
  private var keyPath: String { "\(path)/signing-key.pem" }
  private var imagesPath: String { "\(path)/images" }

  /// The key that signs artifacts; made at the first start.
  func signingKey() throws(Failure) -> SigningKey {
    do throws(CryptoError) {
      if access(keyPath, F_OK) != 0 {
        try SigningKey.generate().save(to: keyPath)
      }
      return try SigningKey.load(from: keyPath)
    } catch { throw .failed("signing key \(keyPath): \(error)") }
  }

  /// The certificate of the authority that issues to devices, for those who check them.
  var authorityPath: String { "\(path)/device-ca.pem" }

  /// The authority that issues certificates to devices; made at the first start.
  func authority(at now: Instant) throws(Failure) -> CertificateAuthority {
    do throws(CryptoError) {
      return try CertificateAuthority.loadOrCreate(
        certificatePath: authorityPath, keyPath: "\(path)/device-ca.key",
        name: "Groundswell devices", at: now.milliseconds / 1000)
    } catch { throw .failed("authority for devices \(authorityPath): \(error)") }
  }

  /// The stored images.
  func images(
    key: SigningKey, compressionLevel: Int, imageBytesMax: Int
  ) throws(Failure) -> ImageShelf {
    do throws(ImageError) {
      return ImageShelf(
        blobs: try BlobDirectory(root: imagesPath), key: key,
        compressor: try ImageCompressor(level: compressionLevel),
        imageBytesMax: Int64(imageBytesMax))
    } catch { throw .failed("images in \(imagesPath): \(error)") }
  }

  /// The logs of devices.
  func logs() throws(Failure) -> LogShelf {
    do throws(Problem) { return try LogShelf(root: "\(path)/logs") } catch {
      throw .failed(error.detail)
    }
  }

  /// Makes the first tenant and the administrator's token; true when there were none.
  func prepareFirstStart(_ plane: ControlPlane) throws(Failure) -> Bool {
    guard plane.allRooms.isEmpty else { return false }
    do throws(Problem) {
      let tenant: Name
      do throws(InvalidValue) { tenant = try Name("DEFAULT") } catch { throw Problem(error) }
      let (token, _, tokenTicket) = try plane.issueToken(label: "admin", tenant: nil)
      // The file comes first: a token that nobody can read would lock everybody out.
      try plane.wait(for: tokenTicket)
      try save(token)
      let (_, ticket) = try plane.createTenant(tenant, settings: .object([]))
      try plane.wait(for: ticket)
      return true
    } catch { throw .failed(error.detail) }
  }

  private func save(_ token: String) throws(Problem) {
    let temporary = "\(tokenPath).new"
    unlink(temporary)
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      throw Problem(
        .internalError, "cannot write \(temporary): \(String(cString: strerror(errno)))")
    }
    defer { close(file) }
    let line = Array((token + "\n").utf8)
    guard write(file, line, line.count) == line.count, fsync(file) == 0,
      rename(temporary, tokenPath) == 0
    else {
      throw Problem(.internalError, "cannot save \(tokenPath): \(String(cString: strerror(errno)))")
    }
    // The new name is durable with the directory, and it has to be before there is a tenant: from
    // then on no token is made by itself.
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(folder) }
    guard folder >= 0, fsync(folder) == 0 else {
      throw Problem(.internalError, "cannot save \(tokenPath): \(String(cString: strerror(errno)))")
    }
  }
}
