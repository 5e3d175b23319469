// Acknowledgements: what devices and people were told is done, and whether the store still has it.

import Orchestrator
import RolloutEngine
import UpdateModel

/// Everything that was acknowledged to devices.
struct Acknowledgements {
  private struct Device {
    var isRegistered = false
    /// Numbers of reports that were answered with success.
    var remarks: [Int] = []
    /// Versions that the store may hold: the last acknowledged one and any sent since.
    var versions: Set<String> = []
    var hasVersion = false
    /// The last action that was offered in an answer.
    var offer: UInt32?
  }

  private var devices: [DeviceID: Device] = [:]

  mutating func registered(_ device: DeviceID) {
    devices[device, default: Device()].isRegistered = true
  }

  mutating func reported(_ device: DeviceID, remark: Int) {
    devices[device, default: Device()].remarks.append(remark)
  }

  /// A device is about to say what it runs.
  mutating func describes(_ device: DeviceID, version: String) {
    devices[device, default: Device()].versions.insert(version)
  }

  /// What a device said it runs was acknowledged; what others say later may still come.
  mutating func described(_ device: DeviceID) {
    devices[device, default: Device()].hasVersion = true
  }

  mutating func offered(_ device: DeviceID, action: UInt32) {
    devices[device, default: Device()].offer = action
  }

  /// The remark of a report in the words that are stored.
  static func remark(_ number: Int) -> String { "message \(number)" }

  /// What the service has forgotten, in words; nil when it has everything.
  func loss(in life: ServiceLife, parts: [DeviceID: Witness.Part]) -> String? {
    for (id, device) in devices.sorted(by: { $0.key < $1.key }) {
      guard let overview = life.plane.overview(of: id, in: life.room) else {
        if device.isRegistered { return "device \(id) was registered and is gone" }
        continue
      }
      if device.hasVersion, !device.versions.contains(overview.device.reportedVersion ?? "") {
        return "\(id) said that it runs one of \(device.versions.sorted()), the store has "
          + (overview.device.reportedVersion ?? "nothing")
      }
      if let offer = device.offer, let part = parts[id], part.id.number < offer {
        return "\(id) was offered action \(offer), the store has \(part.id)"
      }
      if let lost = lostReport(of: id, device.remarks, life) { return lost }
    }
    return nil
  }

  private func lostReport(
    of id: DeviceID, _ remarks: [Int], _ life: ServiceLife
  ) -> String? {
    guard !remarks.isEmpty else { return nil }
    var stored: Set<String> = []
    var before: Int64?
    repeat {
      do throws(Problem) {
        let page = try life.plane.moments(of: id, in: life.room, before: before, limit: 1000)
        for moment in page.moments {
          if let line = moment.text.split(separator: "\n").last { stored.insert(String(line)) }
        }
        before = page.next
      } catch { return "the history of \(id) cannot be read: \(error.detail)" }
    } while before != nil
    let lost = remarks.first { !stored.contains(Acknowledgements.remark($0)) }
    return lost.map { "report \($0) of \(id) was acknowledged and is gone" }
  }
}

/// How rollouts and actions stand, to be compared before and after an orderly restart.
struct ServicePicture: Equatable {
  let lines: [String]

  init(_ life: ServiceLife) {
    var lines: [String] = []
    for view in life.plane.rollouts(in: life.room) {
      let rollout = view.rollout
      lines.append(
        "\(rollout.specification.name) \(rollout.status.rawValue) \(rollout.openStage ?? -1)")
      // A rollout that is shown can be asked for.
      let parts = try? life.plane.participants(
        of: String(rollout.specification.id.number), in: life.room, standing: nil, after: nil,
        limit: 1000)
      for part in parts ?? [] {
        let action = part.part.action
        lines.append(
          "\(action.device) \(action.id) \(action.standing.label) \(action.attempt) "
            + "\(action.stage) \(action.changedAt)")
      }
    }
    self.lines = lines
  }

  /// The first line that differs; nil when none does.
  func difference(from other: ServicePicture) -> String? {
    if self == other { return nil }
    for (left, right) in zip(lines, other.lines) where left != right {
      return "'\(right)' became '\(left)'"
    }
    return "\(other.lines.count) things became \(lines.count)"
  }
}
