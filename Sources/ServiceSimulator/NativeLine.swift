// NativeLine: what a device of the native protocol is told, what it keeps of it, and what it says.

import FleetSimulator
import UpdateModel

/// The answer to a poll, reduced to what a virtual device needs.
struct NativeBriefing: Sendable {
  /// Names the answer; sent back with the next poll.
  let tag: String
  /// What is offered, in the words of a virtual device.
  let offer: PollAnswer.Offer
  /// The instructions of the offer; nil without one.
  let instructions: Instructions?
  /// Whether the device is to describe itself.
  let asksForReport: Bool

  /// The desired properties, when the answer shows them.
  let desired: TwinWitness.Mark?
  /// What it is to do, the oldest first.
  let commands: [CommandWitness.Shown]

  /// Where a device describes itself; only the gateway's routes have links of their own.
  static let twinLink = "twin"

  /// Reads the answer; nil for anything but a success with all that must be in it.
  init?(_ answer: DeviceAnswer) {
    guard answer.status == 200, let tag = answer.tag, let document = answer.document else {
      return nil
    }
    self.tag = tag
    asksForReport = document["ask"]?.array?.contains("reported") ?? false
    instructions = document["offer"].flatMap(NativeBriefing.instructions)
    desired = document["desired"].flatMap(NativeBriefing.desired)
    commands = (document["commands"]?.array ?? []).compactMap(CommandWitness.Shown.init)
    offer =
      if let action = document["cancel"]?["action"]?.string {
        .cancel(action: action, link: action)
      } else if let instructions, document["offer"]?["download"]?["allowed"]?.bool == true {
        .deployment(action: instructions.action, link: instructions.action)
      } else { .none }
  }

  private static func instructions(_ offer: JSON) -> Instructions? {
    guard let action = offer["action"]?.string, let version = offer["release"]?["version"]?.string,
      let link = offer["images"]?.array?.first?["url"]?.string
    else { return nil }
    return Instructions(action: action, version: version, imageLink: link)
  }

  private static func desired(_ section: JSON) -> TwinWitness.Mark? {
    guard let version = section["version"]?.integer.flatMap(UInt64.init(exactly:)) else {
      return nil
    }
    let number = section["properties"]?[TwinWitness.property]?.integer ?? 0
    return TwinWitness.Mark(version: version, number: Int(number))
  }

  /// The action that it tells of; nil for none.
  var action: ActionID? {
    switch offer {
    case .none: nil
    case .deployment(let action, _), .cancel(let action, _): ActionID(decimal: action)
    }
  }

  /// The answer as a virtual device understands it.
  func answer(pollAfter: Interval?) -> PollAnswer {
    PollAnswer(
      offer: offer, attributesLink: asksForReport ? NativeBriefing.twinLink : nil,
      sleep: pollAfter)
  }
}

/// What a device says that it knows when it polls.
struct NativeKnowledge: Sendable {
  /// The last answer that it was given.
  var briefing: NativeBriefing?
  /// The version of its desired properties; 0 for none.
  var desired: UInt64 = 0
}

/// What a device of the native protocol keeps.
struct NativeMemory {
  var knowledge = NativeKnowledge()
  var commands = CommandMemory()

  var briefing: NativeBriefing? { knowledge.briefing }

  /// What was only in memory is gone.
  mutating func losePower() { knowledge.briefing = nil }

  /// A virtual device reads the instructions of an offer.
  func event(reading link: String) -> DeviceEvent {
    guard let instructions = briefing?.instructions, instructions.action == link else {
      return .refused
    }
    return .instructed(action: link, version: instructions.version)
  }
}

extension ServiceSimulation {
  /// What a device of the native protocol sends; nil when there is nothing to be sent any more.
  func nativeRequest(for errand: Errand, of index: Int, _ number: Int) -> DeviceRequest? {
    let member = members[index]
    let token = member.token
    let remark = Acknowledgements.remark(number)
    let base = "/device/v1/\(ServiceLife.tenant)/\(member.id)"
    switch errand {
    case .intent(.poll):
      let known = member.native?.knowledge ?? NativeKnowledge()
      return .nativePoll(member.id.text, token: token, knowing: known)
    case .image(let action, _):
      guard let instructions = member.instructions, instructions.action == action else {
        return nil
      }
      return .native("GET", instructions.imageLink, token: token)
    case .intent(.describe(_, let version)):
      if let version { acknowledgements.describes(member.id, version: version) }
      let properties = JSON.members([
        "version": version.map { .string($0) }, "serial": "7", TwinWitness.property: JSON(number),
      ])
      return .native("PATCH", "\(base)/twin", token: token, body: ["reported": properties])
    case .intent(.report(let report)):
      return .native("POST", "\(base)/reports", token: token, body: report.native(remark))
    case .intent(.answerCancel(_, let action, let accepted)):
      let phase: JSON = accepted ? "cancelled" : "cancel-refused"
      return .native(
        "POST", "\(base)/reports", token: token,
        body: ["action": .string(action), "phase": phase, "text": .string(remark)])
    case .command(let id, let word):
      return .native(
        "POST", "\(base)/commands/\(id)", token: token, body: ["state": .string(word.rawValue)])
    case .intent(.fetch), .intent(.download): return nil
    }
  }

  /// A device of the native protocol reads the answer to its poll; nil when it says nothing.
  func briefed(_ answer: DeviceAnswer, _ index: Int) -> DeviceEvent? {
    if let briefing = NativeBriefing(answer) {
      members[index].native?.knowledge.briefing = briefing
      if let desired = briefing.desired {
        members[index].native?.knowledge.desired = desired.version
      }
      obey(briefing.commands, index)
    } else if answer.status != 304 {
      return nil
    } else {
      obey([], index)
    }
    // What was told before stands.
    let briefing = members[index].native?.briefing
    return briefing.map { .answered($0.answer(pollAfter: answer.pollAfter)) }
  }
}

extension DeviceReport {
  /// The body of a report on an update; the remark becomes the last line of its text.
  fileprivate func native(_ remark: String) -> JSON {
    let words = details.isEmpty ? remark : "\(details)\n\(remark)"
    let percent = progress.map { JSON($0.count * 100 / max(1, $0.of)) }
    return .members([
      "action": .string(action), "phase": .string(phase), "percent": percent,
      "text": .string(words), "error": phase == "failed" ? ["class": "install"] : nil,
    ])
  }

  private var phase: String {
    switch execution {
    case .proceeding: progress == nil ? "downloading" : "installing"
    case .download: "downloading"
    case .downloaded: "downloaded"
    case .rejected: "postponed"
    case .closed:
      switch finished {
      case .success: "installed"
      case .failure: details.hasPrefix("fell back") ? "reverted" : "failed"
      case .none: "installing"
      }
    }
  }
}
