// DDIPoll: the poll document, written straight into the connection's buffer.

import HTTPServer
import Orchestrator
import RolloutEngine
import UpdateModel

extension DDIGateway {
  /// `GET /{tenant}/controller/v1/{controllerId}`.
  func poll(_ request: Request, _ path: DDIPath, _ room: Room, _ reply: inout Reply) {
    guard request.method == .get || request.method == .head else {
      return DDIError.methodNotAllowed("Allow: GET, HEAD\r\n").send(&reply)
    }
    let token = DDIGateway.token(of: request)
    let key = NativeGateway.peerKey(of: request)
    let answer = path.withController { plane.poll(room, device: $0, token: token, key: key) }
    let contentType = DDIGateway.contentType(for: request)
    switch answer {
    case .refused: DDIError.unauthorized.send(&reply)
    case .idle(let terms):
      guard terms.wantsAttributes else {
        return reply.send(status: 200, contentType: contentType, after: terms.ticket) { output in
          DDIGateway.writeHead(terms, &output)
          output.append("}}}")
        }
      }
      send(terms, contentType, &reply, link: nil, configData: base(request, path))
    case .deployment(let id, let terms):
      let base = base(request, path)
      // rauc-hawkbit wants the `?c=`; the number changes with the attempt, as the id does.
      send(
        terms, contentType, &reply, link: ("deploymentBase", "\(base)/deploymentBase/\(id)?c=1"),
        configData: terms.wantsAttributes ? base : nil)
    case .cancel(let id, let terms):
      let base = base(request, path)
      // No query here: clients append `/feedback` to this link.
      send(
        terms, contentType, &reply, link: ("cancelAction", "\(base)/cancelAction/\(id)"),
        configData: terms.wantsAttributes ? base : nil)
    }
  }

  private func send(
    _ terms: PollTerms, _ contentType: StaticString, _ reply: inout Reply,
    link: (relation: StaticString, href: String)?, configData base: String?
  ) {
    var href: [UInt8] = []
    if let link { href.append(jsonString: link.href) }
    var attributes: [UInt8] = []
    if let base { attributes.append(jsonString: "\(base)/configData") }
    reply.send(status: 200, contentType: contentType, after: terms.ticket) { output in
      DDIGateway.writeHead(terms, &output)
      output.append("}},\"_links\":{")
      if let link {
        output.append("\"")
        output.append(link.relation)
        output.append("\":{\"href\":")
        output.append(href)
        output.append("}")
      }
      if base != nil {
        output.append(link == nil ? "\"configData\":{\"href\":" : ",\"configData\":{\"href\":")
        output.append(attributes)
        output.append("}")
      }
      output.append("}}")
    }
  }

  // The time as exactly eight characters, which Zephyr's parser demands.
  private static func writeHead(_ terms: PollTerms, _ output: inout OutputBuffer) {
    output.append("{\"config\":{\"polling\":{\"sleep\":\"")
    let seconds = Int(min(max(terms.sleep.wholeSeconds, 1), 86_399))
    writeTwo(seconds / 3600, &output)
    output.append(":")
    writeTwo(seconds / 60 % 60, &output)
    output.append(":")
    writeTwo(seconds % 60, &output)
    output.append("\"")
  }

  private static func writeTwo(_ number: Int, _ output: inout OutputBuffer) {
    output.append(byte: UInt8(ascii: "0") + UInt8(number / 10))
    output.append(byte: UInt8(ascii: "0") + UInt8(number % 10))
  }

  /// hawkBit answers `application/hal+json` unless plain JSON is asked for.
  static func contentType(for request: Request) -> StaticString {
    guard let accept = request.header("Accept"), accept.count >= 16 else {
      return "application/hal+json"
    }
    let json: StaticString = "application/json"
    for index in 0..<json.utf8CodeUnitCount where accept[index] != json.utf8Start[index] {
      return "application/hal+json"
    }
    return "application/json"
  }
}
