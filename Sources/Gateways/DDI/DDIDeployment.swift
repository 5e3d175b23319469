// DDIDeployment: the instructions of an action, the question to stop it, and the images themselves.

import HTTPServer
import Orchestrator
import RolloutEngine
import UpdateModel

extension DDIGateway {
  /// `GET .../deploymentBase/{actionId}`; 404 for anything but a lease of this device.
  func deploymentBase(
    _ request: Request, _ text: Substring, _ visit: DDIVisit, _ reply: inout Reply
  ) {
    guard let id = ActionID(decimal: text),
      let deployment = plane.deployment(id, for: visit.device, in: visit.room)
    else { return DDIError.notFound.send(&reply) }
    let base = base(request, visit.path)
    let document = DDIGateway.document(deployment, base: base).text
    reply.send(
      status: 200, contentType: DDIGateway.contentType(for: request), after: deployment.ticket
    ) { $0.append(document) }
  }

  private static func document(_ deployment: Deployment, base: String) -> JSON {
    [
      "id": .string("\(deployment.action)"),
      "deployment": [
        "download": "forced", "update": "forced",
        "chunks": .array(
          deployment.artifacts.map { chunk($0, of: deployment.release, base: base) }),
      ],
    ]
  }

  // Each client asks for another digest, and each for another link; all get all of them.
  private static func chunk(_ artifact: Artifact, of release: Release, base: String) -> JSON {
    let file = PercentEncoding.encode(artifact.fileName.text)
    let href = "\(base)/softwaremodules/\(artifact.id)/artifacts/\(file)"
    return [
      "part": .string(part(of: artifact.component)),
      "version": .string(artifact.version.text),
      "name": .string(artifact.name.text),
      "artifacts": [
        [
          "filename": .string(artifact.fileName.text),
          "hashes": [
            "sha1": .string(artifact.sha1), "md5": .string(artifact.md5),
            "sha256": .string("\(artifact.sha256)"),
          ],
          "size": .integer(artifact.size),
          "_links": [
            "download": ["href": .string(href)],
            "download-http": ["href": .string(href)],
            "md5sum": ["href": .string("\(href).MD5SUM")],
            "md5sum-http": ["href": .string("\(href).MD5SUM")],
          ],
        ]
      ],
      "metadata": metadata(artifact, of: release),
    ]
  }

  // What a device needs to check the signature without trusting this server's word.
  private static func metadata(_ artifact: Artifact, of release: Release) -> JSON {
    [
      ["key": "release", "value": .string("\(release.name):\(release.version)")],
      ["key": "manifest", "value": .string(ControlPlane.manifestText(of: artifact))],
      ["key": "signature", "value": .string(artifact.signature)],
      ["key": "keyid", "value": .string(artifact.keyID)],
    ]
  }

  // The names under which hawkBit's clients know two kinds of software module.
  private static func part(of component: Name) -> String {
    switch component.text {
    case "application": "bApp"
    case "runtime": "jvm"
    default: component.text
    }
  }

  /// `GET .../cancelAction/{actionId}`.
  func cancelAction(
    _ request: Request, _ text: Substring, _ visit: DDIVisit, _ reply: inout Reply
  ) {
    guard let id = ActionID(decimal: text),
      plane.isCancelling(id, for: visit.device, in: visit.room)
    else { return DDIError.notFound.send(&reply) }
    // Clients answer to either number, so both are the action's.
    let document: JSON = [
      "id": .string("\(id)"), "cancelAction": ["stopId": .string("\(id)")],
    ]
    let text = document.text
    reply.send(status: 200, contentType: DDIGateway.contentType(for: request)) { $0.append(text) }
  }

  /// `GET|HEAD .../softwaremodules/{moduleId}/artifacts/{fileName}[.MD5SUM]`.
  func artifact(
    _ request: Request, module: Substring, file: Substring, _ visit: DDIVisit,
    _ reply: inout Reply
  ) {
    guard let number = UInt32(module), String(number) == module else {
      return DDIError.notFound.send(&reply)
    }
    let id = ArtifactID(number)
    func find(_ name: Substring) -> ServedImage? {
      plane.image(id, named: String(name), for: visit.device, in: visit.room)
    }
    guard let image = find(file) else {
      guard file.hasSuffix(".MD5SUM"), let image = find(file.dropLast(7)) else {
        return DDIError.notFound.send(&reply)
      }
      let line = "\(image.artifact.md5)  \(image.artifact.fileName)"
      return reply.send(status: 200, contentType: "text/plain") { $0.append(utf8: line) }
    }
    ImageReply(plane: plane, image: image, device: visit.device, room: visit.room)
      .send(for: request, &reply) { refusal, reply in
        switch refusal {
        case .unavailable: DDIError.storeUnavailable.send(&reply)
        case .otherImage: DDIError.preconditionFailed.send(&reply)
        }
      }
  }
}
