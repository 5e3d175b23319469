// ServiceLife: one life of the service, from its start to an orderly end or a crash.

import FleetSimulator
import FleetStore
import Gateways
import HTTPServer
import Orchestrator
import Synchronization
import UpdateModel

/// The real parts, wired as the server wires them, without a thread among them.
final class ServiceLife {
  /// Why the service could not start.
  struct Failure: Error {
    let sentence: String
  }

  let store: Store
  let plane: ControlPlane
  let room: Room
  let server: SteppedServer
  private var idleConnections: [SteppedConnection] = []

  static let tenant = "DEFAULT"

  /// Devices' requests go to the gateway of their protocol, as they do in the server.
  private struct Router: RequestHandler {
    let ddi: DDIGateway
    let native: NativeGateway

    func plan(_ head: Request) -> BodyPlan {
      NativeGateway.serves(head.path) ? native.plan(head) : ddi.plan(head)
    }

    func handle(_ request: Request, _ reply: inout Reply) {
      if NativeGateway.serves(request.path) {
        native.handle(request, &reply)
      } else {
        ddi.handle(request, &reply)
      }
    }
  }

  init(
    disk: SimulatedDisk, scenario: ServiceScenario, images: SimulationImages,
    clock: SimulatedClock, randomness: SimulatedRandomness
  ) throws(Failure) {
    let barrier = Barrier()
    do throws(StoreError) {
      store = try Store(
        disk: disk, pendingLimit: 10_000, logPagesDue: scenario.world.logPagesDue,
        onCommit: { barrier.advance(to: $0) },
        onFailure: { ticket, _ in barrier.fail(through: ticket) })
    } catch { throw Failure(sentence: "the store cannot be opened: \(error)") }
    plane = ControlPlane(
      store: store, images: images.shelf, policies: PolicyShelf(texts: ["drawn": scenario.policy]),
      clock: clock, randomness: randomness)
    do throws(Problem) { try plane.load(.manual) } catch {
      throw Failure(sentence: "the store cannot be loaded: \(error.detail)")
    }
    // The name is a constant and valid.
    guard let room = plane.room(try? Name(ServiceLife.tenant)) else {
      throw Failure(sentence: "the tenant is not in the store any more")
    }
    self.room = room
    do throws(ServerError) {
      let router = Router(ddi: DDIGateway(plane: plane), native: NativeGateway(plane: plane))
      server = try SteppedServer(handler: router, barrier: barrier)
    } catch { throw Failure(sentence: "no event loop: \(error)") }
  }

  /// Writes what was there before the run: a tenant, images and releases.
  static func prepare(_ disk: SimulatedDisk, scenario: ServiceScenario, at now: Instant) {
    var settings = TenantSettings()
    settings.pollInterval = scenario.traits.poll
    do {
      let store = try Store(disk: disk, pendingLimit: 1000, logPagesDue: 1000)
      let tenant = try Name(ServiceLife.tenant)
      var changes = [Change.tenant(TenantRecord(name: tenant, document: settings.document))]
      for index in SimulationImages.versions.indices {
        let (artifact, release) = SimulationImages.release(index, at: now)
        changes += [.artifact(tenant, artifact), .release(tenant, release)]
      }
      _ = store.enqueue(changes)
      store.start(.manual)
      let fault = store.stop()
      precondition(fault == nil, "a disk without faults takes everything")
    } catch {
      preconditionFailure("an empty disk without faults can be used: \(error)")
    }
  }

  /// A connection that nobody uses.
  func connect() throws(Failure) -> SteppedConnection {
    if let idle = idleConnections.popLast() { return idle }
    do throws(ServerError) { return try server.connect() } catch {
      throw Failure(sentence: "no connection: \(error)")
    }
  }

  func giveBack(_ connection: SteppedConnection) { idleConnections.append(connection) }
}
