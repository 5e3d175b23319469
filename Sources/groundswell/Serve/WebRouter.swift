// WebRouter: which part of the server answers a path.

import Console
import Gateways
import HTTPServer
import Orchestrator
import Synchronization

/// Gives devices to the DDI gateway, programs to the management gateway and people to the console.
final class WebRouter: RequestHandler {
  private let ddi: DDIGateway

  init(plane: ControlPlane, publicURL: String?) {
    ddi = DDIGateway(plane: plane, publicURL: publicURL)
  }

  /// Lets the status page see the server's counters.
  func watch(_ server: Server) {}

  func plan(_ head: Request) -> BodyPlan { ddi.plan(head) }

  func handle(_ request: Request, _ reply: inout Reply) { ddi.handle(request, &reply) }
}
