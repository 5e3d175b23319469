// SimulationDevices: devices in the simulation: what they want, one errand after the other, over a
// network that loses, delays and repeats.

import FleetSimulator
import HTTPServer
import UpdateModel

/// A device with its credentials and what it is busy with.
struct Member {
  let id: DeviceID
  let token: String
  var device: VirtualDevice
  /// The one time at which it is woken; entries of the queue with another time are stale.
  var wakeAt: Instant?
  var errands: [Errand] = []
  var waiting: (number: Int, errand: Errand)?
  var instructions: Instructions?
  /// What it keeps of the native protocol; nil for a device that speaks DDI.
  var native: NativeMemory?
  var absentUntil: Instant?
  var isRegistered = false
}

/// What an offer says that matters to a virtual device.
struct Instructions: Sendable {
  let action: String
  let version: String
  /// Where its one image is fetched.
  let imageLink: String
}

/// Something to be done over the network.
enum Errand {
  case intent(DeviceIntent)
  case image(action: String, tries: Int)
  /// Only of devices that speak the native protocol.
  case command(CommandID, CommandReport.Word)
}

extension Errand {
  /// Whether the network may deliver it long after the device has gone on.
  ///
  /// Nothing in DDI orders two descriptions of a device, so one that is overtaken by a later one
  /// is believed; no service can tell.
  var mayBeLate: Bool { if case .intent(.describe) = self { false } else { true } }

  /// A few words for the story.
  var word: String {
    switch self {
    case .image: "reads an image"
    case .command(let id, let word): "says that command \(id) is \(word.rawValue)"
    case .intent(.poll): "polls"
    case .intent(.describe(_, let version)): "says that it runs \(version ?? "something")"
    case .intent(.fetch): "reads instructions"
    case .intent(.download): "downloads"
    case .intent(.report(let report)):
      "reports on \(report.action): \(report.execution.rawValue), \(report.finished.rawValue)"
    case .intent(.answerCancel(_, let action, let accepted)):
      accepted ? "stops \(action)" : "does not stop \(action)"
    }
  }
}

/// A request on its way; `isCopy` when the network made it from another one.
struct Message {
  let number: Int
  let device: Int
  let errand: Errand
  let request: DeviceRequest
  let isCopy: Bool
}

/// A request that has reached the service and has no answer yet.
struct Exchange {
  let message: Message
  let connection: SteppedConnection
  let arrival: Arrival
  var received: [UInt8] = []
}

extension ServiceSimulation {
  /// What clients of the field wait for an answer.
  static let patience = Interval.seconds(30)
  private static let imageTriesMax = 5

  private var isNetworkFaulty: Bool { !isPeace }

  /// The timer of a device rang.
  func ring(_ index: Int) {
    guard members[index].wakeAt == now else { return }
    members[index].wakeAt = nil
    if let until = members[index].absentUntil {
      if until > now { return wake(index) }
      members[index].absentUntil = nil
    }
    happen(.due, to: index)
  }

  /// Lets a device take an event and do what it wants then.
  func happen(_ event: DeviceEvent, to index: Int) {
    members[index].errands += members[index].device.handle(event, now: now).map(Errand.intent)
    goOn(index)
    wake(index)
  }

  /// Sees to it that the timer of a device rings when it is to.
  func wake(_ index: Int) {
    guard let due = members[index].device.dueAt else { return }
    let wanted = max(due, now, members[index].absentUntil ?? now)
    guard members[index].wakeAt != wanted else { return }
    members[index].wakeAt = wanted
    queue.add(.device(index), due: wanted)
  }

  /// Starts the next errand when the one before is done.
  func goOn(_ index: Int) {
    while members[index].waiting == nil, !members[index].errands.isEmpty {
      let errand = members[index].errands.removeFirst()
      if case .intent(.download(let action)) = errand {
        let due = now + members[index].device.personality.download
        queue.add(.downloaded(index, action: action), due: due)
        continue
      }
      if case .intent(.fetch(let link)) = errand, let native = members[index].native {
        // The poll brought the instructions along.
        members[index].instructions = native.briefing?.instructions
        let event = native.event(reading: link)
        members[index].errands += members[index].device.handle(event, now: now).map(Errand.intent)
        wake(index)
        continue
      }
      let number = messageCount
      messageCount += 1
      guard let request = request(for: errand, of: index, number) else { continue }
      members[index].waiting = (number, errand)
      queue.add(.answer(index, number: number, nil), due: now + ServiceSimulation.patience)
      send(Message(number: number, device: index, errand: errand, request: request, isCopy: false))
    }
  }

  private func request(for errand: Errand, of index: Int, _ number: Int) -> DeviceRequest? {
    let member = members[index]
    if member.native != nil { return nativeRequest(for: errand, of: index, number) }
    let token = member.token
    let remark = Acknowledgements.remark(number)
    switch errand {
    case .image(let action, _):
      guard let instructions = member.instructions, instructions.action == action else {
        return nil
      }
      return .link("GET", instructions.imageLink, token: token)
    case .intent(.poll): return .poll(member.id.text, token: token)
    case .intent(.fetch(let link)): return .link("GET", link, token: token)
    case .intent(.describe(let link, let version)):
      if let version { acknowledgements.describes(member.id, version: version) }
      let data = JSON.members(["version": version.map { .string($0) }, "serial": "7"])
      return .link("PUT", link, token: token, body: ["mode": "merge", "data": data])
    case .intent(.report(let report)):
      return .link(
        "POST", report.feedbackLink, token: token, body: report.document(remark: remark))
    case .intent(.answerCancel(let link, let action, let accepted)):
      let execution: JSON = accepted ? "closed" : "rejected"
      return .link(
        "POST", String(link.prefix { $0 != "?" }) + "/feedback", token: token,
        body: [
          "id": .string(action),
          "status": [
            "execution": execution, "result": ["finished": "success"],
            "details": [.string(remark)],
          ],
        ])
    case .intent(.download), .command: return nil
    }
  }

  private func send(_ message: Message) {
    let usual = Interval(milliseconds: Int64(random.within(1...400)))
    guard isNetworkFaulty else { return queue.add(.arrives(message), due: now + usual) }
    let network = scenario.network
    if !random.chance(network.lostReports) {
      let isLate = random.chance(network.lateReports) && message.errand.mayBeLate
      let delay = isLate ? random.interval(below: network.lateness) : usual
      queue.add(.arrives(message), due: now + delay)
    }
    if random.chance(network.duplicatedReports) {
      let copy = Message(
        number: message.number, device: message.device, errand: message.errand,
        request: message.request, isCopy: true)
      let isLate = random.below(2) == 0 && message.errand.mayBeLate
      let delay = isLate ? random.interval(below: network.lateness) : usual
      queue.add(.arrives(copy), due: now + usual + delay)
    }
  }

  /// An answer is on its way back to the device.
  func sendBack(_ answer: DeviceAnswer?, for message: Message) {
    guard !message.isCopy else { return }
    if isNetworkFaulty, random.chance(scenario.network.lostAnswers) { return }
    let delay = Interval(milliseconds: Int64(random.within(1...400)))
    queue.add(.answer(message.device, number: message.number, answer), due: now + delay)
  }

  /// An answer reached a device, or its patience is over.
  func deliver(_ answer: DeviceAnswer?, to index: Int, _ number: Int) {
    guard let waiting = members[index].waiting, waiting.number == number else { return }
    members[index].waiting = nil
    let isAway = members[index].absentUntil.map { $0 > now } ?? false
    let event = event(of: waiting.errand, isAway ? nil : answer, index)
    if let event { happen(event, to: index) } else { goOn(index) }
  }

  private func event(of errand: Errand, _ answer: DeviceAnswer?, _ index: Int) -> DeviceEvent? {
    switch errand {
    case .intent(.poll):
      if members[index].native != nil { return answer.flatMap { briefed($0, index) } }
      return answer?.document.map { .answered(PollAnswer($0, followsServer: true)) }
    case .intent(.fetch):
      guard let deployment = answer?.document.flatMap(DeploymentDocument.init),
        let image = deployment.images.first
      else { return .refused }
      members[index].instructions = Instructions(
        action: deployment.action, version: deployment.version, imageLink: image.link)
      return .instructed(action: deployment.action, version: deployment.version)
    case .intent(.report(let report)):
      // Any other answer than "not now" tells that there is no use in saying it again.
      return (answer?.status ?? 500) >= 500 ? .reportLost(report) : nil
    case .intent(.describe), .intent(.answerCancel), .intent(.download): return nil
    case .command(let id, let word):
      confirm(id, word, answer, index)
      return nil
    case .image(let action, let tries):
      if (answer?.status ?? 500) >= 500, tries < ServiceSimulation.imageTriesMax {
        members[index].errands.append(.image(action: action, tries: tries + 1))
        return nil
      }
      let version = members[index].instructions?.version ?? ""
      let isCorrupt = isNetworkFaulty && random.chance(scenario.network.corruptDownloads)
      let isWhole = answer?.status == 200 && answer?.body == SimulationImages.bytes(version)
      if answer?.status == 200, !isWhole {
        witness.violate("\(members[index].id) was sent other bytes than those of \(version)")
      }
      return .downloaded(action: action, verified: isWhole && !isCorrupt)
    }
  }

  /// The time that a download takes is over: the bytes are read in one go.
  func fetchImage(_ index: Int, _ action: String) {
    members[index].errands.append(.image(action: action, tries: 0))
    goOn(index)
  }
}
