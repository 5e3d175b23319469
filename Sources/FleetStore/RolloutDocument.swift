// RolloutDocument: what a rollout was asked to do, its plan and its state as stored JSON, and back.
//
// A gate is stored by its values and must be one of the gates of the stored policy: the plan was
// made from that policy, so anything else means that the row was damaged.

internal import RolloutEngine
internal import UpdateModel

extension Rollout {
  /// The part that never changes.
  var specificationDocument: JSON {
    let asked = specification
    let target: JSON? =
      switch asked.target {
      case .group(let name): .members(["group": .string(name.text)])
      case .filter(let filter): .members(["filter": .string(filter.description)])
      case .query(let query): .members(["query": .string(query.description)])
      case nil: nil
      }
    return .members([
      "name": .string(asked.name.text), "release": .integer(Int64(asked.release.number)),
      "target": target, "policy": asked.policyDocument, "salt": .string(String(asked.salt)),
      "createdAt": .integer(asked.createdAt.milliseconds),
      "pollInterval": .integer(asked.pollInterval.milliseconds),
      "priority": asked.terms.priority == RolloutTerms.usualPriority
        ? nil : JSON(asked.terms.priority),
      "recovery": asked.terms.isRecovery ? true : nil,
      "startAt": asked.terms.startAt.map { .integer($0.milliseconds) },
      "endAt": asked.terms.endAt.map { .integer($0.milliseconds) },
      "override": asked.terms.isSecurity
        ? .string(RolloutTerms.Override.security.rawValue) : nil,
      "stages": .array(stages.map { $0.plan.document }),
      "domains": domainSizes.document,
    ])
  }

  /// Opening, settling and approval of each stage, in order.
  var stagesDocument: JSON {
    .array(
      stages.map { stage in
        .members([
          "openedAt": stage.openedAt.map { .integer($0.milliseconds) },
          "settledAt": stage.settledAt.map { .integer($0.milliseconds) },
          "signedOffBy": stage.signedOffBy.map(JSON.string),
        ])
      })
  }

  /// Reads the part that never changes; the rollout has not started.
  static func read(_ document: JSON, id: RolloutID) throws(RowFault) -> Rollout {
    guard let policyDocument = document["policy"] else { throw RowFault("policy is missing") }
    let policy: Policy
    do { policy = try Policy.decode(policyDocument, file: "of rollout \(id)") } catch {
      throw RowFault(error.detail)
    }
    return try readDocument(document) { reader in
      let hasTarget = reader.has("target")
      let target = hasTarget ? RolloutSpecification.Target(reader.object("target")) : nil
      guard let name = reader.name("name"), let release: ReleaseID = reader.serial("release"),
        !hasTarget || target != nil, let salt = reader.wide("salt"),
        let createdAt = reader.instant("createdAt"), let terms = RolloutTerms(stored: reader),
        let readers = reader.objects("stages")
      else { return nil }
      let stages = readers.compactMap { PlannedStage($0, policy: policy) }
      guard stages.count == readers.count else { return nil }
      let specification = RolloutSpecification(
        id: id, name: name, release: release, target: target, policy: policy,
        policyDocument: policyDocument, salt: salt, createdAt: createdAt,
        // Rows that were written before it was kept have the usual one.
        pollInterval: document["pollInterval"]?.integer.map { Interval(milliseconds: $0) }
          ?? .minutes(5),
        terms: terms)
      guard let domains = DomainSizes(reader) else { return nil }
      return Rollout(specification: specification, stages: stages, domainSizes: domains)
    }
  }

  /// Reads the times of the stages.
  static func readStages(
    _ document: JSON
  ) throws(RowFault) -> [(openedAt: Instant?, settledAt: Instant?, signedOffBy: String?)] {
    guard let stages = document.array else { throw RowFault("stages are no array") }
    func instant(_ value: JSON?) -> Instant? {
      value?.integer.map { Instant(milliseconds: $0) }
    }
    return stages.map {
      (instant($0["openedAt"]), instant($0["settledAt"]), $0["signedOffBy"]?.string)
    }
  }
}

extension Rollout.StopReason {
  /// The stored form.
  var document: JSON {
    switch self {
    case .failureLimit(let failures, let exposed, _):
      .members(["failures": JSON(failures), "exposed": JSON(exposed)])
    case .evidence(let reason): .members(["evidence": .string(reason)])
    case .person(let name): .members(["person": .string(name)])
    }
  }

  /// Reads the stored form; the limit is that of the rollout's policy.
  static func read(
    _ document: JSON, limit: Policy.FailureLimit?
  ) throws(RowFault) -> Rollout.StopReason {
    if let person = document["person"]?.string { return .person(person) }
    if let reason = document["evidence"]?.string { return .evidence(reason) }
    guard let limit else { throw RowFault("stopped by a limit that its policy does not have") }
    return try readDocument(document) { reader in
      guard let failures = reader.count("failures"), let exposed = reader.count("exposed") else {
        return nil
      }
      return .failureLimit(failures: failures, exposed: exposed, limit: limit)
    }
  }
}

extension RolloutSpecification.Target {
  fileprivate init?(_ reader: DocumentReader) {
    if reader.has("group") {
      guard let group = reader.name("group") else { return nil }
      self = .group(group)
    } else if reader.has("query") {
      let query = reader.read("query", default: nil as Query?, allowed: "a query") {
        // As below.
        $0.string.flatMap { try? Query($0) }
      }
      guard let query else { return nil }
      self = .query(query)
    } else {
      let filter = reader.read("filter", default: nil as DeviceFilter?, allowed: "a filter") {
        // A refused filter becomes nil here and a fault with the path in `read`.
        $0.string.flatMap { try? DeviceFilter($0) }
      }
      guard let filter else { return nil }
      self = .filter(filter)
    }
  }
}

extension PlannedStage {
  fileprivate var document: JSON {
    let selected: (key: String, value: JSON) =
      switch selection {
      case .group(let name): ("group", .string(name.text))
      case .ranks(let upTo): ("ranksUpTo", .string(String(upTo)))
      case .strata(let openings): ("openings", .array(openings.map(\.document)))
      }
    return .members([
      "name": .string(name), "size": JSON(size), selected.key: selected.value,
      "quorum": JSON(gate.quorum.basisPoints), "soak": .integer(gate.soak.milliseconds),
      "waitAtMost": .integer(gate.waitAtMost.milliseconds), "signOff": .bool(signOff),
    ])
  }

  fileprivate init?(_ reader: DocumentReader, policy: Policy) {
    let selection: Selection? =
      if reader.has("group") {
        reader.name("group").map(Selection.group)
      } else if let openings = reader.objects("openings") {
        .strata(openings.compactMap(Opening.init))
      } else {
        reader.wide("ranksUpTo").map { .ranks(upTo: $0) }
      }
    guard let name = reader.text("name"), let size = reader.count("size"),
      let quorum = reader.count("quorum"), let soak = reader.count("soak"),
      let wait = reader.count("waitAtMost"), let signOff = reader.flag("signOff"),
      let selection
    else { return nil }
    let gate = policy.gates.first {
      $0.quorum.basisPoints == quorum && $0.soak.milliseconds == soak
        && $0.waitAtMost.milliseconds == wait
    }
    guard let gate else {
      reader.refuse("quorum", "no gate of the stored policy is like that of \(name)")
      return nil
    }
    self.init(name: name, size: size, selection: selection, gate: gate, signOff: signOff)
  }
}

extension DomainSizes {
  /// An object of counts for each budget; nil when no budget is a share.
  fileprivate var document: JSON? {
    guard sizes.contains(where: { !$0.isEmpty }) else { return nil }
    return .array(
      sizes.map { counts in
        .object(counts.sorted { $0.key < $1.key }.map { JSON.Member($0.key, JSON($0.value)) })
      })
  }

  fileprivate init?(_ parent: DocumentReader) {
    guard parent.has("domains") else {
      self.init()
      return
    }
    let sizes = parent.read("domains", default: nil, allowed: "a list of objects with counts") {
      value -> [[String: Int]]? in
      let objects = value.array?.compactMap { object -> [String: Int]? in
        guard let members = object.members else { return nil }
        let pairs = members.compactMap { member in
          member.value.integer.flatMap { Int(exactly: $0) }.map { (member.key, $0) }
        }
        // Spellings that Unicode calls equal are one domain.
        return pairs.count == members.count ? Dictionary(pairs, uniquingKeysWith: +) : nil
      }
      return objects?.count == value.array?.count ? objects : nil
    }
    guard let sizes else { return nil }
    self.init(sizes)
  }
}

extension Policy {
  fileprivate var gates: [StageGate] {
    let first = canary.map { [$0.gate] } ?? []
    let steps: [StageGate] = evidence == nil ? [] : [.none]
    switch stages {
    case .adaptive: return first + steps
    case .exponential(_, _, _, let gate): return first + [gate] + steps
    case .shares(let shares): return first + shares.map(\.gate) + steps
    }
  }
}

extension DocumentReader {
  /// Reads a number of 64 bits without sign, written as text because JSON's integers end at 63.
  func wide(_ key: String) -> UInt64? {
    read(key, default: nil, allowed: "a number as text") { $0.string.flatMap { UInt64($0) } }
  }
}
