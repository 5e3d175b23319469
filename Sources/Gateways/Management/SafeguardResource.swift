// SafeguardResource: kinds of devices that a release broke: look at what is kept from updates, lift
// it.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/safeguards`.
enum SafeguardResource {
  static let routes = [
    Route(.get, "T/safeguards", query: Page.parameters, .tenant(list)),
    Route(.delete, "T/safeguards/{id}", .tenant(lift)),
  ]

  private static func list(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let last = try page.number(Int.self)
    return Answer(
      page.cut(
        call.plane.safeguardViews(in: room), key: { String($0.id) },
        isAfter: { $0.id > (last ?? 0) }, document: Documents.safeguard))
  }

  private static func lift(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try call.expectNoFields()
    guard let id = Int(call["id"]) else {
      throw Problem(.notFound, "there is no safeguard \(call["id"].prefix(80))")
    }
    return .nothing(after: try call.plane.liftSafeguard(id, by: call.caller.label, in: room))
  }
}
