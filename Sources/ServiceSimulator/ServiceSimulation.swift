// ServiceSimulation: the real service, virtual devices and a bad world on one thread in virtual
// time; the seed decides all of it.
//
// One happening is taken after the other. Between two of them nothing moves: the store writes when
// `commit` says so, the server reads and answers when bytes arrive or a commit is done, and time is
// what the present happening says.

import FleetSimulator
import FleetStore
import Orchestrator
import RolloutEngine
import UpdateModel

/// One run.
public final class ServiceSimulation {
  /// What can happen next.
  enum Happening {
    /// The timer of a device rings.
    case device(Int)
    /// A device has been downloading for long enough.
    case downloaded(Int, action: String)
    /// A request reaches the service.
    case arrives(Message)
    /// An answer, or the news that there will be none, reaches a device.
    case answer(Int, number: Int, DeviceAnswer?)
    /// The service looks at the time.
    case tick
    /// The store writes what waits.
    case commit
    /// The service starts.
    case boot
    /// A person does something.
    case command(Move)
    /// Something goes wrong.
    case fault(Fault)
    /// The disk is as it should be again.
    case diskMended
    /// From now on nothing goes wrong any more.
    case peace
  }

  /// What goes wrong.
  enum Fault {
    case crash
    case crashAtWrite
    case restart
    case clockJump
    case diskTrouble
    case powerLoss
    case absence
  }

  let scenario: ServiceScenario
  let images: SimulationImages
  let disk: SimulatedDisk
  let clock = SimulatedClock()
  let randomness: SimulatedRandomness
  // Runs start some time after the epoch, which stands for "never".
  let start = Instant(milliseconds: 1_900_000_000_000)

  var now: Instant
  var clockOffset = Interval.zero
  var queue = TimedQueue<Happening>()
  var random: SeededRandom
  var fingerprint = Fingerprint()
  var witness = Witness()
  var acknowledgements = Acknowledgements()
  var twins = TwinWitness()
  var commandPromises = CommandWitness()
  var isPeace = false

  // The service; nil while it is down.
  var life: ServiceLife?
  var isCommitDue = false
  var exchanges: [Exchange] = []
  var restartCount = 0
  var answerCount = 0
  var tickCount = 0
  var expectedPicture: ServicePicture?

  var members: [Member] = []
  var messageCount = 0
  var commands: [PendingCommand] = []
  var wantsSecond = false
  var orderCount = 0

  private(set) var stepCount = 0
  private let keepsStory: Bool
  private var story: [String] = []

  private init(_ scenario: ServiceScenario, images: SimulationImages, keepsStory: Bool) {
    self.scenario = scenario
    self.images = images
    self.keepsStory = keepsStory
    disk = SimulatedDisk(seed: scenario.seed)
    randomness = SimulatedRandomness(seed: scenario.seed)
    random = SeededRandom(seed: scenario.seed, stream: 0x776f_726c)
    now = start
  }

  /// Runs a scenario to its end: until all is at rest, a violation, or the horizon.
  ///
  /// With `keepsStory` the report tells what happened around the service.
  public static func run(
    _ scenario: ServiceScenario, images: SimulationImages, keepsStory: Bool = false
  ) -> ServiceReport {
    let simulation = ServiceSimulation(scenario, images: images, keepsStory: keepsStory)
    return simulation.run()
  }

  private func run() -> ServiceReport {
    ServiceLife.prepare(disk, scenario: scenario, at: start)
    setTime(start)
    boot()
    registerFleet()
    plan()
    let horizon = start + scenario.network.lasting + scaled(.hours(72))
    var isAtRest = false
    while witness.first == nil, let (due, happening) = queue.removeFirst() {
      guard due <= horizon else { break }
      setTime(due)
      stepCount += 1
      take(happening)
      if case .tick = happening, isPeace, isResting {
        isAtRest = true
        break
      }
    }
    if witness.first == nil { finish(isAtRest: isAtRest) }
    return report()
  }

  private func finish(isAtRest: Bool) {
    guard isAtRest else {
      tellWhoWaits()
      return witness.violate(unrest)
    }
    restart()
    boot()
    if life == nil { witness.violate("the service did not come back from its last restart") }
  }

  private func setTime(_ now: Instant) {
    self.now = now
    clock.set(now + clockOffset)
    commandPromises.clockShows(clock.now)
    witness.trueNow = now
  }

  private func take(_ happening: Happening) {
    fingerprint.mix(UInt64(bitPattern: now.milliseconds))
    switch happening {
    case .device(let index): ring(index)
    case .downloaded(let index, let action): fetchImage(index, action)
    case .arrives(let message): arrive(message)
    case .answer(let index, let number, let answer): deliver(answer, to: index, number)
    case .tick: tick()
    case .commit: commit()
    case .boot: if life == nil { boot() }
    case .command(let move): perform(move)
    case .fault(let fault): if !isPeace { strike(fault) }
    case .diskMended: mendDisk()
    case .peace: makePeace()
    }
  }

  // MARK: What is planned from the start

  private func plan() {
    let lasting = scenario.network.lasting
    let world = scenario.world
    queue.add(.tick, due: start + tickInterval)
    queue.add(.peace, due: start + lasting)
    let rolloutStart = start + scaled(.minutes(8))
    queue.add(.command(.first), due: rolloutStart)
    func spread(_ count: Int, _ happening: @autoclosure () -> Happening) {
      for _ in 0..<count {
        let after = random.interval(below: lasting)
        queue.add(happening(), due: max(start + after, rolloutStart))
      }
    }
    spread(world.crashes, .fault(.crash))
    spread(world.crashesAtWrite, .fault(.crashAtWrite))
    spread(world.restarts, .fault(.restart))
    spread(world.clockJumps, .fault(.clockJump))
    spread(world.diskTroubles, .fault(.diskTrouble))
    spread(world.powerLosses, .fault(.powerLoss))
    spread(world.absences, .fault(.absence))
    spread(world.commands, .command(Move.drawn(&random)))
    spread(world.orders, .command(Move.drawnOrder(&random)))
  }

  var tickInterval: Interval { scaled(.seconds(60)) }

  func scaled(_ length: Interval) -> Interval { ServiceScenario.scaled(length, scenario.scale) }

  /// Something worth telling.
  func tell(_ sentence: @autoclosure () -> String) {
    guard keepsStory else { return }
    story.append("\(now - start): \(sentence())")
  }

  private func report() -> ServiceReport {
    let views = life.map { $0.plane.rollouts(in: $0.room) } ?? []
    fingerprint.mix(disk.operationCount)
    for view in views { fingerprint.mix(view.rollout.status.rawValue.utf8) }
    return ServiceReport(
      seed: scenario.seed, deviceCount: members.count,
      statuses: views.reversed().map(\.rollout.status.rawValue), stepCount: stepCount,
      answerCount: answerCount, grantCount: witness.grantCount, restartCount: restartCount,
      lasted: now - start, digest: fingerprint.value,
      violation: witness.first.map {
        Violation(seed: scenario.seed, after: $0.at - start, sentence: $0.sentence)
      }, story: story)
  }
}
