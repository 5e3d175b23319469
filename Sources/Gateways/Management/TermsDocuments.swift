// TermsDocuments: priorities, times and floors as they are asked for, and why devices stand aside.

import Orchestrator
import RolloutEngine
import UpdateModel

extension RolloutTerms {
  /// The members of a request that give terms.
  static let fields = ["priority", "startAt", "endAt", "recovery", "override"]

  /// Reads the terms of a new rollout; all may be left out.
  init?(asked reader: DocumentReader) {
    let priority = reader.integer(
      "priority", default: RolloutTerms.usualPriority, in: RolloutTerms.priorities)
    let isRecovery = reader.flag("recovery", default: false)
    let hasStart = reader.has("startAt")
    let startAt = hasStart ? reader.moment("startAt") : nil
    let hasEnd = reader.has("endAt")
    let endAt = hasEnd ? reader.moment("endAt") : nil
    let hasOverride = reader.has("override")
    let override: Override? = hasOverride ? reader.choice("override") : nil
    guard let priority, let isRecovery, !hasStart || startAt != nil, !hasEnd || endAt != nil,
      !hasOverride || override != nil
    else { return nil }
    do throws(InvalidValue) {
      try self.init(
        priority: priority, startAt: startAt, endAt: endAt, isRecovery: isRecovery,
        isSecurity: override == .security)
    } catch {
      reader.refuse(error.field, error.reason)
      return nil
    }
  }
}

extension ReleaseFloors {
  /// Reads the floors of a new release; both may be left out.
  init?(asked reader: DocumentReader) {
    let hasFloor = reader.has("floor")
    let floor = hasFloor ? reader.releaseText("floor") : nil
    let hasRollbackFloor = reader.has("rollbackFloor")
    let rollbackFloor = hasRollbackFloor ? reader.releaseText("rollbackFloor") : nil
    guard !hasFloor || floor != nil, !hasRollbackFloor || rollbackFloor != nil else { return nil }
    self.init(floor: floor, rollbackFloor: rollbackFloor)
  }
}

extension DocumentReader {
  fileprivate func moment(_ key: String) -> Instant? {
    read(key, default: nil, allowed: "a time with its zone such as \"2027-03-01T22:00:00+01:00\"") {
      $0.string.flatMap(Instant.init(rfc3339:))
    }
  }

  fileprivate func releaseText(_ key: String) -> String? {
    read(key, default: nil, allowed: "the number of a release or its \"name:version\"") { value in
      switch value {
      case .integer(let number): "\(number)"
      case .string(let text) where (1...200).contains(text.utf8.count): text
      default: nil
      }
    }
  }
}

extension Documents {
  /// Why a device stands aside, with its own words or the other rollout.
  static func aside(_ aside: Aside) -> JSON {
    let (why, since, rollout): (JSON, Instant, RolloutID)
    switch aside {
    case .standby(let standby): return Documents.standby(standby)
    case .yielded(let other, let instant): (why, since, rollout) = ("yielded", instant, other)
    case .superseded(let other, let instant):
      (why, since, rollout) = ("superseded", instant, other)
    }
    return .members([
      "why": why, "since": time(since), "rollout": .integer(Int64(rollout.number)),
      "clause": .string(aside.clause),
    ])
  }

  private static func standby(_ standby: Standby) -> JSON {
    let (why, kind, reason): (JSON, String?, String) =
      switch standby.cause {
      case .device(let reason): ("postponed", nil, reason)
      case .hindrance(let kind, let clause): ("waiting", kind.rawValue, clause)
      }
    var ruling: (word: String, since: Instant, by: String?)?
    switch standby.ruling {
    case .none: break
    case .undecided(let since): ruling = ("undecided", since, nil)
    case .forced(let person, let since): ruling = ("forced", since, person)
    }
    return .members([
      "why": why, "since": time(standby.since), "reason": .string(reason),
      "kind": kind.map { .string($0) }, "putOffSince": standby.putOffSince.map(time),
      "times": standby.count > 0 ? JSON(standby.count) : nil,
      "hasImage": standby.hasImage ? true : nil, "ruling": ruling.map { .string($0.word) },
      "ruledAt": ruling.map { time($0.since) }, "ruledBy": ruling?.by.map { .string($0) },
      "clause": .string(standby.clause),
    ])
  }
}
