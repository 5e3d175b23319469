// PolicyResource: the policies on the shelf, and a check for those that are not there yet.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/policies`.
enum PolicyResource {
  static let routes = [
    Route(.get, "T/policies", query: Page.parameters, pace: .slow, .tenant(list)),
    Route(.get, "T/policies/{name}", pace: .slow, .tenant(show)),
    Route(.post, "T/policies/check", pace: .slow, .tenant(check)),
  ]

  private static func list(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let shelf = call.plane.policyShelf
    var good: [(name: String, document: JSON)] = []
    var broken: [JSON] = []
    for name in shelf.names {
      let file = "\(name).json"
      do throws(Problem) {
        let policy = try shelf.policy(name, overrides: []).policy
        good.append(
          (
            name,
            .members([
              "name": .string(name), "summary": .string(policy.summary), "file": .string(file),
            ])
          ))
      } catch {
        broken.append(.members(["file": .string(file), "detail": .string(error.detail)]))
      }
    }
    let listed = page.cut(
      good, key: \.name, isAfter: { $0.name > (page.cursor ?? "") }, document: \.document)
    return Answer(.object((listed.members ?? []) + [JSON.Member("broken", .array(broken))]))
  }

  private static func show(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let name = call["name"]
    let shelf = call.plane.policyShelf
    guard shelf.names.contains(name) else {
      throw Problem(.notFound, "there is no policy \(name.prefix(64))")
    }
    do throws(Problem) { return Answer(try shelf.policy(name, overrides: []).document) } catch {
      // The request was right; it is the file that cannot be read as a policy.
      throw Problem(.unprocessable, error.detail, faults: error.faults)
    }
  }

  private static func check(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    _ = try Policy.readDocument(call.body, file: "in the body", overrides: [])
    return Answer(["ok": true])
  }
}
