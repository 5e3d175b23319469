// PlanApart: devices that a plan does not reach, not now, or could not bring back; and why.

import RolloutEngine
public import UpdateModel

/// Devices that something keeps from what the others get.
public struct DevicesApart: Equatable, Sendable {
  /// What it means for them.
  public let fate: Fate
  /// How many they are; above zero.
  public let count: Int
  /// One clause for people.
  public let reason: String

  /// What happens to devices apart.
  public enum Fate: String, Sendable, CaseIterable {
    /// They get nothing from the rollout.
    case leftOut = "left-out"
    /// They get it when they call, or when their window opens.
    case later
    /// They get it and could not be brought back.
    case noReturn = "no-return"
  }

  init(_ fate: Fate, count: Int, reason: String) {
    self.fate = fate
    self.count = count
    self.reason = reason
  }
}

/// When the devices of a plan were heard.
public struct Hearing: Equatable, Sendable {
  /// Heard within `Hearing.recently`.
  public private(set) var recent = 0
  /// Heard, but longer ago.
  public private(set) var silent = 0
  /// Never heard.
  public private(set) var never = 0

  /// A device that was not heard for so long may not call again.
  public static let recently = Interval.days(7)

  mutating func count(_ lastSeen: Instant, now: Instant) {
    if lastSeen == .epoch {
      never += 1
    } else if now - lastSeen > Hearing.recently {
      silent += 1
    } else {
      recent += 1
    }
  }

  /// The share of the devices that call; nil when none was ever heard.
  public var reach: Share? {
    let all = recent + silent + never
    return recent == 0 ? nil : Share(basisPoints: (recent * 10_000 + all / 2) / all)
  }
}

extension ControlPlane.Census {
  /// Devices apart, in the order in which they are told; no entry for none.
  var apart: [DevicesApart] {
    let days = Hearing.recently.wholeSeconds / 86_400
    let left: [(Int, String)] = [
      (outside, "outside the target"),
      (notFitting - unknownHardware, "no artifact of the release fits their hardware"),
      (unknownHardware, "their hardware model is unknown; they never described themselves"),
      (alreadyRunning, "they run the release already"),
      (safeguarded, "a safeguard keeps their kind from updates"),
    ]
    let later: [(Int, String)] = [
      (hearing.silent, "silent for more than \(days) days"),
      (hearing.never, "never heard"),
      (withoutWindow, "no maintenance window opens for them within a day"),
    ]
    let hindered = Hindrance.Kind.allCases.map { (self.hindered[$0] ?? 0, $0.ofSeveral) }
    func apart(_ fate: DevicesApart.Fate, _ found: [(Int, String)]) -> [DevicesApart] {
      found.filter { $0.0 > 0 }.map { DevicesApart(fate, count: $0.0, reason: $0.1) }
    }
    return apart(.leftOut, left) + ways.left + apart(.later, later + hindered)
      + apart(
        .noReturn, [(withoutFallback, "what they run now is not among the published releases")])
      + ways.stuck
  }
}

/// Whether devices are in a maintenance window before long, by time zone, as a fleet has few.
final class WindowOutlook {
  private let plane: ControlPlane
  private let room: Room
  private let schedule: MaintenanceSchedule?
  private let now: Instant
  private var known: [String?: Bool] = [:]

  private static let soon = Interval.days(1)
  // There are some 500 zones; what devices invent beyond that is looked at no more.
  private static let zonesMax = 1000

  init(_ plane: ControlPlane, _ room: Room, _ schedule: MaintenanceSchedule?, now: Instant) {
    self.plane = plane
    self.room = room
    self.schedule = schedule
    self.now = now
  }

  /// Loads the rules of zones it does not know: not to be called with a lock held.
  func isOpenSoon(_ device: Device) -> Bool {
    guard schedule != nil else { return true }
    let zone = device.timeZone
    if let answer = known[zone] { return answer }
    guard known.count < WindowOutlook.zonesMax else { return true }
    plane.loadZones(for: device, in: schedule, now: now)
    let state = plane.window(of: device, in: schedule, room, now: now).state
    let answer =
      switch state {
      case .open: true
      case .closed(let until, _): until.map { $0 - now <= WindowOutlook.soon } ?? false
      }
    known[zone] = answer
    return answer
  }
}
