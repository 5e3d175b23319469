// ImageReply: the bytes of an image for a device, whole or in ranges, plain or compressed.

import HTTPServer
import Orchestrator
import UpdateModel

/// One image on its way to one device.
struct ImageReply {
  let plane: ControlPlane
  let image: ServedImage
  let device: DeviceID
  let room: Room

  /// Why the bytes cannot be sent.
  enum Refusal {
    /// The file cannot be opened now.
    case unavailable
    /// The image is another one than `If-Match` names.
    case otherImage
  }

  /// Answers with the bytes; a refusal is answered in the way of the protocol.
  func send(for request: Request, _ reply: inout Reply, refused: (Refusal, inout Reply) -> Void) {
    guard let body = fileBody(for: request) else { return refused(.unavailable, &reply) }
    guard ImageReply.isMatch(request, body) else { return refused(.otherImage, &reply) }
    reply.send(
      Response(
        status: 200,
        headers: [("X-Content-Type-Options", "nosniff"), ("Vary", "Accept-Encoding")],
        body: .file(body)))
  }

  // If-Match (RFC 9110 section 13.1.1). hawkBit compares the bare SHA-1, so a tag without quotes
  // is taken too.
  private static func isMatch(_ request: Request, _ body: FileBody) -> Bool {
    guard let wanted = request.header("If-Match"), let etag = body.etag else { return true }
    return String(decoding: wanted, as: UTF8.self).split(separator: ",").contains { element in
      let tag = element.filter { $0 != " " && $0 != "\"" }
      return tag == "*" || tag == etag.filter { $0 != "\"" }
    }
  }

  // A client that reads zstd gets the smaller form under its own tag. A range counts bytes of the
  // form that the client began with; unless it names the tag of the smaller one, that is the plain
  // one: libraries that decode by themselves let their callers count decoded bytes.
  private func fileBody(for request: Request) -> FileBody? {
    let artifact = image.artifact
    let served: @Sendable () -> Void = { [plane, device, room] in
      plane.served(artifact.id, to: device, in: room)
    }
    let access = plane.access(of: device, in: room)
    let disposition = "attachment;filename=\(artifact.fileName)"
    if let path = image.compressedPath, let form = artifact.compressed,
      ImageReply.acceptsZstd(request), ImageReply.mayUse(form, request),
      let file = OpenFile(path: path)
    {
      return FileBody(
        file: file, contentType: "application/octet-stream", etag: "\"\(form.sha256)\"",
        contentEncoding: "zstd", disposition: disposition, onSent: served,
        mayGoOn: access)
    }
    guard let file = OpenFile(path: image.path) else { return nil }
    return FileBody(
      file: file, contentType: "application/octet-stream", etag: "\"\(artifact.sha1)\"",
      disposition: disposition, onSent: served, mayGoOn: access)
  }

  private static func acceptsZstd(_ request: Request) -> Bool {
    guard let accepted = request.header("Accept-Encoding") else { return false }
    return String(decoding: accepted, as: UTF8.self).split(separator: ",").contains { coding in
      let parts = coding.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
      return parts.first == "zstd" && !parts.contains(where: isZeroWeight)
    }
  }

  // A weight of zero refuses (RFC 9110 section 12.4.2).
  private static func isZeroWeight(_ parameter: String) -> Bool {
    parameter.hasPrefix("q=0") && parameter.dropFirst(2).allSatisfy { $0 == "0" || $0 == "." }
  }

  private static func mayUse(_ form: Artifact.StoredForm, _ request: Request) -> Bool {
    guard request.header("Range") != nil else { return true }
    return request.header("If-Range").map { Array($0) } == Array("\"\(form.sha256)\"".utf8)
  }
}
