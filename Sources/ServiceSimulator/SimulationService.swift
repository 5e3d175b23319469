// SimulationService: the service in the simulation: requests, commits, time, crashes and restarts.

import FleetSimulator
import FleetStore
import HTTPServer
import Orchestrator
import UpdateModel

extension ServiceSimulation {
  private static let statuses: Set<Int> = [200, 401, 404, 405, 410, 429, 503]
  // A poll that brings nothing new, and a late answer to a request to stop.
  private static let nativeStatuses: Set<Int> = statuses.union([304, 409])
  private static let ticksPerSave = 20

  // MARK: Requests

  /// A request reaches the service, or the place where it would be.
  func arrive(_ message: Message) {
    guard let life else {
      fingerprint.mix(message.number)
      return sendBack(nil, for: message)
    }
    let connection: SteppedConnection
    do throws(ServiceLife.Failure) { connection = try life.connect() } catch {
      return witness.violate(error.sentence)
    }
    guard connection.send(message.request.bytes) else {
      return witness.violate("a request did not fit the connection")
    }
    life.server.step()
    let device = members[message.device].id
    if case .intent(.poll) = message.errand {
      witness.polled(device, life)
    } else {
      witness.reported(device, life)
      if case .command(let id, _) = message.errand { commandPromises.hears(id) }
    }
    exchanges.append(
      Exchange(message: message, connection: connection, arrival: arrival(of: device, life)))
    collect()
    expectCommit(within: .milliseconds(60))
  }

  /// Takes the answers that have left the service.
  private func collect() {
    guard let life else { return }
    var open: [Exchange] = []
    var answered: [(exchange: Exchange, answer: DeviceAnswer)] = []
    for var exchange in exchanges {
      exchange.received += exchange.connection.receive()
      if let answer = DeviceAnswer(exchange.received) {
        if answer.status == 200 || answer.status == 304 { life.giveBack(exchange.connection) }
        answered.append((exchange, answer))
      } else {
        open.append(exchange)
      }
    }
    exchanges = open
    for (exchange, answer) in answered {
      let message = exchange.message
      answerCount += 1
      fingerprint.mix(message.number)
      fingerprint.mix(answer.status)
      fingerprint.mix(answer.body)
      tell(
        "\(members[message.device].id) \(message.errand.word) #\(message.number): "
          + "\(answer.status) \(String(decoding: answer.body.prefix(300), as: UTF8.self))")
      note(answer, to: exchange)
      sendBack(answer, for: message)
    }
  }

  // What has left the service is acknowledged, whether or not it arrives.
  private func note(_ answer: DeviceAnswer, to exchange: Exchange) {
    let message = exchange.message
    let device = members[message.device].id
    let isNative = members[message.device].native != nil
    let expected = isNative ? ServiceSimulation.nativeStatuses : ServiceSimulation.statuses
    guard expected.contains(answer.status) else {
      return witness.violate("\(device) was answered with status \(answer.status)")
    }
    if answer.status == 401 { witness.violate("\(device) is registered and was not let in") }
    check(answer, toPollOf: device, exchange)
    guard answer.status == 200 else { return }
    switch message.errand {
    case .intent(.report), .intent(.answerCancel):
      acknowledgements.reported(device, remark: message.number)
    case .intent(.describe(_, let version)):
      if version != nil { acknowledgements.described(device) }
      if let version = answer.document?["reported"]?["version"]?.integer {
        let mark = TwinWitness.Mark(version: UInt64(clamping: version), number: message.number)
        // A repeated one changes nothing, so it promises nothing.
        _ = twins.acknowledged(.reported, of: device, mark, step: stepCount)
      }
    case .intent(.poll):
      guard let document = answer.document else { return }
      let offer =
        isNative
        ? NativeBriefing(answer)?.offer : PollAnswer(document, followsServer: true).offer
      guard case .deployment(let action, _) = offer, let number = UInt32(action) else { return }
      acknowledgements.offered(device, action: number)
    case .command(let id, let word): commandPromises.answered(id, word)
    case .intent(.fetch), .intent(.download), .image: break
    }
  }

  // MARK: The store

  /// The store's writer has its turn soon.
  func expectCommit(within time: Interval) {
    guard !isCommitDue else { return }
    isCommitDue = true
    queue.add(.commit, due: now + random.interval(below: time))
  }

  /// The store's writer has its turn.
  func commit() {
    isCommitDue = false
    guard let life else { return }
    life.store.commitPending()
    if disk.isDown { return crash() }
    life.server.step()
    collect()
    acknowledge(through: life.store.committedTicket)
    if !life.store.isHealthy {
      // As often as the writer's thread tries again.
      isCommitDue = true
      queue.add(.commit, due: now + .milliseconds(500 * scenario.scale))
    }
  }

  // MARK: Time

  /// The service looks at the time.
  func tick() {
    queue.add(.tick, due: now + tickInterval)
    guard let life else { return }
    tickCount += 1
    life.plane.advance()
    if tickCount % ServiceSimulation.ticksPerSave == 0 { life.plane.saveLastSeen(all: false) }
    witness.recount(life, after: clock.now)
    if isPeace { settle(life) }
    expectCommit(within: .milliseconds(60))
  }

  // MARK: The end and the beginning of a life

  /// The power fails, here and now.
  func crash() {
    tell("the power fails")
    // First the disk, so that nothing of the old life reaches it.
    disk.crash(draw: { self.random.below($0) })
    end()
    expectedPicture = nil
    queue.add(.boot, due: now + .milliseconds(1) + random.interval(below: scenario.world.downtime))
  }

  private func end() {
    life = nil
    restartCount += 1
    commands = []
    let broken = exchanges
    exchanges = []
    for exchange in broken { sendBack(nil, for: exchange.message) }
  }

  /// An orderly stop; the service has to be booted again.
  func restart() {
    guard let life else { return }
    tell("an orderly restart")
    life.plane.saveLastSeen(all: true)
    commit()
    guard self.life != nil else { return }
    let picture = ServicePicture(life)
    let fault = life.store.stop()
    if disk.isDown { return crash() }
    if let fault, disk.trouble == .none {
      witness.violate("the store does not close: \(fault)")
    }
    end()
    expectedPicture = fault == nil ? picture : nil
  }

  /// The service starts.
  func boot() {
    do throws(ServiceLife.Failure) {
      life = try ServiceLife(
        disk: disk, scenario: scenario, images: images, clock: clock, randomness: randomness)
    } catch {
      tell("no start: \(error.sentence)")
      if disk.isDown { return crash() }
      guard disk.trouble != .none else { return witness.violate(error.sentence) }
      return queue.add(.boot, due: now + scaled(.seconds(10)))
    }
    guard let life else { return }
    tell("the service is up")
    witness.restarted(life)
    if let loss = acknowledgements.loss(in: life, parts: witness.parts) { witness.violate(loss) }
    if let loss = twins.loss(in: life) { witness.violate(loss) }
    if let loss = commandPromises.loss(in: life) { witness.violate(loss) }
    if let difference = expectedPicture.flatMap({ ServicePicture(life).difference(from: $0) }) {
      witness.violate("an orderly restart changed something: \(difference)")
    }
    expectedPicture = nil
  }
}

extension Interval {
  /// A number of milliseconds.
  static func milliseconds(_ count: Int64) -> Interval { Interval(milliseconds: count) }
}
