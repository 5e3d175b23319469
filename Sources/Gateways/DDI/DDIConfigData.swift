// DDIConfigData: a device describes itself.

import HTTPServer
import Orchestrator
import UpdateModel

extension DDIGateway {
  /// `PUT .../configData`: `{"mode":"merge|replace|remove","data":{key:value}}`.
  ///
  /// Members that SWUpdate and the RAUC updater send besides (`id`, `time`, `status`) are passed
  /// over. A null value removes its key.
  func configData(_ request: Request, _ visit: DDIVisit, _ reply: inout Reply) {
    let body: JSON
    do {
      body = try JSON.parse(Array(request.body), leniency: .rawControlCharacters)
    } catch {
      return DDIError.badRequest("the body cannot be read: \(error)").send(&reply)
    }
    guard let mode = DDIGateway.mode(body["mode"]) else {
      return DDIError.badRequest("mode: use merge, replace or remove").send(&reply)
    }
    guard let members = body["data"]?.members, !members.isEmpty else {
      return DDIError.badRequest("data: give an object with at least one attribute").send(&reply)
    }
    let values = members.map { member in (key: member.key, value: DDIGateway.text(member.value)) }
    do throws(Problem) {
      let ticket = try plane.updateAttributes(
        of: visit.device, in: visit.room, mode: mode, values: values)
      reply.send(status: 200, contentType: "application/json", after: ticket) { _ in }
    } catch {
      switch error.kind {
      case .storeUnavailable: DDIError.storeUnavailable.send(&reply)
      case .limitReached: DDIError.tooManyAttributes(error.detail).send(&reply)
      default: DDIError.badRequest(error.detail).send(&reply)
      }
    }
  }

  private static func mode(_ value: JSON?) -> AttributeMode? {
    switch value {
    case nil, .null: .merge
    case .string(let word): AttributeMode(rawValue: word)
    default: nil
    }
  }

  private static func text(_ value: JSON) -> String? {
    switch value {
    case .null: nil
    case .string(let text): text
    default: String(decoding: value.text, as: UTF8.self)
    }
  }
}
