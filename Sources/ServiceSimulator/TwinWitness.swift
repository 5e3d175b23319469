// TwinWitness: what people and devices were told about twins, and whether all of it still holds.

import Orchestrator
import RolloutEngine
import UpdateModel

/// What was acknowledged and shown of the twins of all devices.
struct TwinWitness {
  /// What stood in a part of a twin at one version.
  struct Mark: Equatable {
    let version: UInt64
    /// The number that the change wrote into the part.
    let number: Int
  }

  private struct Change {
    let mark: Mark
    /// The step of the run in which it was acknowledged.
    let step: Int
  }

  private var changes: [Twin.Part: [DeviceID: Change]] = [:]
  /// What each version of the desired properties held, from people and from answers.
  private var desired: [DeviceID: [UInt64: Int]] = [:]

  /// The property that each change writes.
  static let property = "number"

  /// A change was acknowledged; returns what is wrong with it.
  mutating func acknowledged(
    _ part: Twin.Part, of device: DeviceID, _ mark: Mark, step: Int
  ) -> String? {
    let before = changes[part]?[device]?.mark
    // What devices report may be repeated, and then changes nothing.
    if let before,
      part == .reported ? mark.version < before.version : mark.version <= before.version
    {
      return part == .reported
        ? nil
        : "\(part.rawValue) of \(device) went from version \(before.version) to \(mark.version)"
    }
    changes[part, default: [:]][device] = Change(mark: mark, step: step)
    return part == .desired ? shown(mark, to: device) : nil
  }

  /// A device was shown desired properties; returns what is wrong with them.
  mutating func shown(_ mark: Mark, to device: DeviceID) -> String? {
    let known = desired[device, default: [:]].updateValue(mark.number, forKey: mark.version)
    guard let known, known != mark.number else { return nil }
    return
      "version \(mark.version) of desired of \(device) was change \(known) and is \(mark.number)"
  }

  /// What a device should have been told by an answer to a request that arrived at a step.
  ///
  /// `version` is that of the desired properties which the device has with this answer.
  func missing(of device: DeviceID, having version: UInt64, arrived step: Int) -> String? {
    guard let change = changes[.desired]?[device], change.step < step,
      version < change.mark.version
    else { return nil }
    return "\(device) has version \(version) of desired and was not told \(change.mark.version)"
  }

  /// What the service has forgotten, in words; nil when it has everything.
  func loss(in life: ServiceLife) -> String? {
    for part in Twin.Part.allCases {
      for (device, change) in (changes[part] ?? [:]).sorted(by: { $0.key < $1.key }) {
        let mark = change.mark
        guard let twin = life.plane.overview(of: device, in: life.room)?.device.twin else {
          return "\(device) is gone"
        }
        let section = twin[part]
        let number = section.properties[TwinWitness.property]?.integer.map { Int($0) }
        if section.version < mark.version
          || (section.version == mark.version && number != mark.number)
        {
          return "version \(mark.version) of \(part.rawValue) of \(device), change \(mark.number), "
            + "was acknowledged; the store has version \(section.version), change "
            + (number.map { "\($0)" } ?? "none")
        }
      }
    }
    return nil
  }
}

/// The service at the moment at which a request reached it.
struct Arrival {
  /// The step of the run.
  let step: Int
  /// The time as the service sees it.
  let at: Instant
  /// Whether its store took writes.
  let isStoreHealthy: Bool
  /// The action that the device works on and has to be shown; nil for none.
  let busyWith: ActionID?
  /// The action for which the device holds a lease, shown or not; nil for none.
  let lease: ActionID?
}

extension ServiceSimulation {
  /// Looks at the service when a request has just reached it.
  func arrival(of device: DeviceID, _ life: ServiceLife) -> Arrival {
    let part = witness.parts[device].flatMap { $0.isLeased ? $0 : nil }
    var busyWith: ActionID?
    if part != nil, let action = life.plane.overview(of: device, in: life.room)?.part?.action,
      action.phase == .downloading || action.phase == .installing
    {
      busyWith = action.id
    }
    return Arrival(
      step: stepCount, at: clock.now, isStoreHealthy: life.plane.isStoreHealthy,
      busyWith: busyWith, lease: part?.id)
  }

  /// Checks what a device of the native protocol was told about its twin and its update.
  func check(_ answer: DeviceAnswer, toPollOf device: DeviceID, _ exchange: Exchange) {
    guard let known = exchange.message.request.knowledge else { return }
    var version = known.desired
    var commands: [CommandWitness.Shown] = []
    if let briefing = NativeBriefing(answer) {
      commands = briefing.commands
      if let desired = briefing.desired {
        version = desired.version
        if let fault = twins.shown(desired, to: device) { witness.violate(fault) }
      }
    } else if answer.status == 304 {
      if let fault = stale(known, exchange.arrival) {
        witness.violate("\(device) was answered 304, but \(fault)")
      }
    } else {
      return
    }
    if let fault = twins.missing(of: device, having: version, arrived: exchange.arrival.step) {
      witness.violate(fault)
    }
    if let fault = commandPromises.told(commands, to: device, exchange.arrival) {
      witness.violate(fault)
    }
  }

  // What a device that is told "nothing new" would miss.
  private func stale(_ known: NativeKnowledge, _ arrival: Arrival) -> String? {
    guard let briefing = known.briefing else { return "it named nothing" }
    guard arrival.isStoreHealthy else { return nil }
    let told = briefing.action
    if let told, told != arrival.lease {
      return "it was last told of action \(told), which is over"
    }
    if let busy = arrival.busyWith, told != busy { return "it was never told of action \(busy)" }
    return nil
  }
}
