// WebRouter: which part of the server answers a path.

import Console
import Gateways
import HTTPServer
import Orchestrator
import Synchronization

/// Gives devices to the gateway of their protocol, programs to the management gateway and people to
/// the console.
final class WebRouter: RequestHandler {
  private let ddi: DDIGateway
  private let native: NativeGateway
  private let management: ManagementGateway
  private let counters = Counters()

  init(plane: ControlPlane, publicURL: String?) {
    ddi = DDIGateway(plane: plane, publicURL: publicURL)
    native = NativeGateway(plane: plane)
    let counters = counters
    management = ManagementGateway(plane: plane, jobs: Jobs(), statistics: { counters.read() })
  }

  /// Lets the status page see the server's counters.
  func watch(_ server: Server) { counters.watch(server) }

  func plan(_ head: Request) -> BodyPlan {
    if DDIGateway.serves(head.path) { return ddi.plan(head) }
    return NativeGateway.serves(head.path) ? native.plan(head) : management.plan(head)
  }

  func handle(_ request: Request, _ reply: inout Reply) {
    if DDIGateway.serves(request.path) {
      ddi.handle(request, &reply)
    } else if NativeGateway.serves(request.path) {
      native.handle(request, &reply)
    } else if let asset = asset(request) {
      reply.send(asset)
    } else {
      management.handle(request, &reply)
    }
  }

  // The console's files change only with the binary, so a browser asks once per build.
  private func asset(_ request: Request) -> Response? {
    guard request.method == .get || request.method == .head, request.path.count <= 32 else {
      return nil
    }
    let path = String(decoding: request.path, as: UTF8.self)
    guard let asset = ConsolePage.asset(path: path) else { return nil }
    var headers = ConsolePage.securityHeaders
    headers.append(("Cache-Control", "no-cache"))
    headers.append(("ETag", asset.etag))
    if let known = request.header("If-None-Match"), known.elementsEqual(asset.etag.utf8) {
      return Response(status: 304, headers: headers)
    }
    headers.append(("Content-Type", asset.contentType))
    return Response(status: 200, headers: headers, body: .bytes(asset.bytes))
  }
}

/// The server's counters, for the part of the server that is made before the server.
private final class Counters: Sendable {
  private let server = Mutex<Server?>(nil)

  func watch(_ server: Server) { self.server.withLock { $0 = server } }

  func read() -> (connections: Int, requests: Int) {
    let statistics = server.withLock { $0 }?.statistics
    return (statistics?.openConnections ?? 0, statistics?.requestsServed ?? 0)
  }
}
