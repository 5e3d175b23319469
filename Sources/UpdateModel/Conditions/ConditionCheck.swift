// ConditionCheck: whether a condition holds for what a device reports, and if not, why.

/// A device at one moment, as conditions look at it.
public struct ConditionSubject {
  /// The device.
  public let device: Device
  /// Bytes that it would download; 0 when nobody asks.
  public let imageBytes: Int64
  /// The present time.
  public let now: Instant

  /// Joins the facts.
  public init(_ device: Device, imageBytes: Int64, now: Instant) {
    self.device = device
    self.imageBytes = imageBytes
    self.now = now
  }

  fileprivate func text(_ key: String) -> String? { device.twin.reported.text(key) }

  fileprivate func number(_ key: String) -> ExactDecimal? {
    text(key).flatMap { ExactDecimal(literal: $0) }
  }

  // Clients that know only texts send truth values as texts.
  fileprivate func flag(_ key: String) -> Bool? {
    switch text(key) {
    case "true": true
    case "false": false
    default: nil
    }
  }

  /// Whether it names no battery at all and runs on mains power, so that nothing can run down.
  fileprivate var hasNoBattery: Bool {
    let reported = device.twin.reported
    return text("power") == "mains" && reported.properties["battery"] == nil
      && reported.text("battery.percent") == nil
  }
}

extension Condition {
  /// What came of one check.
  public enum Verdict: Equatable, Sendable {
    /// It holds.
    case holds
    /// It does not; why.
    case fails(String)
    /// The device does not say; what it leaves out.
    case unknown(String)
  }

  /// Looks at a device.
  public func check(_ subject: ConditionSubject) -> Verdict {
    switch self {
    case .notInUse:
      guard let inUse = subject.flag("inUse") else {
        return .unknown("it does not say whether it is in use")
      }
      return inUse ? .fails("it is in use") : .holds
    case .battery(let least): return Condition.battery(subject, least)
    case .chargingOrBattery(let least):
      if subject.flag("battery.charging") == true { return .holds }
      return Condition.battery(subject, least)
    case .mainsPower:
      switch subject.text("power") {
      case "mains": return .holds
      case "battery": return .fails("it runs on its battery")
      default: return .unknown("it does not say what it runs on")
      }
    case .network(let wanted):
      guard let type = subject.text("network.type"), !type.isEmpty else {
        return .unknown("it does not say how it is connected")
      }
      return wanted.contains(type)
        ? .holds
        : .fails("it is connected by \(type.prefix(40)), which is not one of \(list(wanted))")
    case .unmetered:
      guard let metered = subject.flag("network.metered") else {
        return .unknown("it does not say whether its connection is metered")
      }
      return metered ? .fails("its connection is metered") : .holds
    case .freeStorage(let need): return Condition.storage(subject, need)
    case .temperature(let min, let max): return Condition.temperature(subject, min, max)
    case .country(let wanted):
      return Condition.place(subject.text("location.country"), "the country", wanted)
    case .site(let wanted):
      return Condition.place(subject.text("location.site"), "the site", wanted)
    case .query(let query):
      switch query.explain(DeviceSubject(subject.device), at: subject.now) {
      case .holds: return .holds
      case .fails(let reason): return .fails(reason)
      case .unknown(let reason): return .unknown(reason)
      }
    }
  }

  private static func battery(_ subject: ConditionSubject, _ least: Share) -> Verdict {
    guard !subject.hasNoBattery else { return .holds }
    guard let percent = subject.number("battery.percent"), percent >= ExactDecimal(0),
      percent <= ExactDecimal(100)
    else { return .unknown("it does not say how full its battery is") }
    guard let bound = ExactDecimal(literal: least.description.dropLast()), percent < bound else {
      return .holds
    }
    return .fails("its battery is at \(percent)%, at least \(least) is needed")
  }

  private static func storage(_ subject: ConditionSubject, _ need: StorageNeed) -> Verdict {
    guard let free = subject.number("storage.freeBytes"), free >= ExactDecimal(0) else {
      return .unknown("it does not say how much room it has")
    }
    let needed = need.bytes(imageBytes: subject.imageBytes)
    guard free < ExactDecimal(needed) else { return .holds }
    return .fails("it has \(free) bytes free, \(needed) are needed")
  }

  private static func temperature(
    _ subject: ConditionSubject, _ min: ExactDecimal?, _ max: ExactDecimal?
  ) -> Verdict {
    guard let degrees = subject.number("temperature") else {
      return .unknown("it does not say how warm it is")
    }
    if let min, degrees < min { return .fails("it is at \(degrees) °C, at least \(min) is needed") }
    if let max, degrees > max { return .fails("it is at \(degrees) °C, at most \(max) is allowed") }
    return .holds
  }

  private static func place(_ found: String?, _ what: String, _ wanted: [String]) -> Verdict {
    guard let found, !found.isEmpty else { return .unknown("it does not say \(what) it is in") }
    return wanted.contains(found)
      ? .holds : .fails("\(what) it is in is \(found.prefix(40)), not one of \(list(wanted))")
  }

  private static func list(_ words: [String]) -> String { words.joined(separator: ", ") }
  private func list(_ words: [String]) -> String { Condition.list(words) }
}

extension ConditionSet {
  /// The conditions that do not hold, what protects the device before what spares its user.
  ///
  /// With `sparesNobody`, conditions of mere comfort are not asked: for forced updates and for
  /// security updates that override them.
  public func hindrances(of subject: ConditionSubject, sparesNobody: Bool = false) -> [Hindrance] {
    guard !conditions.isEmpty else { return [] }
    let found = conditions.compactMap { condition -> Hindrance? in
      guard !sparesNobody || !condition.kind.isComfort else { return nil }
      switch condition.check(subject) {
      case .holds: return nil
      case .fails(let clause): return Hindrance(condition.kind, clause)
      case .unknown(let clause):
        return ifUnknown == .allow ? nil : Hindrance(condition.kind, clause)
      }
    }
    return found.filter { !$0.kind.isComfort } + found.filter(\.kind.isComfort)
  }
}
