// Rows: devices, actions, rollouts and the rest as columns: bound for writing, read back.

internal import RolloutEngine
internal import UpdateModel

extension JSON {
  /// Compact text.
  var line: String { String(decoding: text, as: UTF8.self) }
}

extension TwinSection {
  /// The properties as compact text; nil when there are none.
  var line: String? { isEmpty ? nil : properties.line }
}

extension Twin {
  /// The versions and times of all parts; nil when none was ever set.
  var history: JSON? {
    let parts = Part.allCases.compactMap { part in
      self[part].history.map { JSON.Member(part.rawValue, $0) }
    }
    return parts.isEmpty ? nil : .object(parts)
  }
}

extension Row {
  // The properties of a part of a twin; an object without members when there are none.
  private mutating func properties() throws(RowFault) -> JSON {
    guard let document = try optional({ (row) throws(RowFault) in try row.json() }) else {
      return .object([])
    }
    guard document.members != nil else {
      throw RowFault("\(document.kind) stands where an object is expected")
    }
    return document
  }

  /// Reads a document that follows its tenant.
  mutating func document() throws(RowFault) -> StoredDocument {
    let word = text()
    guard let kind = StoredDocument.Kind(rawValue: word) else {
      throw RowFault("'\(word)' is not a kind of document")
    }
    return StoredDocument(kind, id: text(), try json())
  }

  /// Reads what a device runs, after its tenant and id.
  mutating func run(of device: DeviceKey) throws(RowFault) -> DeviceRun {
    let since = try instant()
    let version = try optional { (row) throws(RowFault) in row.text() }
    let image = try optional { (row) throws(RowFault) in try row.digest() }
    return DeviceRun(device: device, since: since, version: version, image: image)
  }

  mutating func deviceRow() throws(RowFault) -> (device: Device, lastSeen: Instant?) {
    let key = DeviceKey(tenant: try name(), device: try device())
    let hardware = try optional { (row) throws(RowFault) in try row.name() }
    let token = try optional { (row) throws(RowFault) in try row.digest() }
    let tags = try properties()
    let attributes = try properties()
    let createdAt = try instant()
    let seen = try optional { (row) throws(RowFault) in try row.instant() }
    let ran = try optional { (row) throws(RowFault) in try row.releases() }
    let desired = try properties()
    let history = try optional { (row) throws(RowFault) in try row.json() }
    let enrolment = try optional { (row) throws(RowFault) -> Enrolment in
      let document = try row.json()
      do throws(InvalidValue) { return try Enrolment(document) } catch {
        throw RowFault("\(error.field): \(error.reason)")
      }
    }
    func section(_ part: Twin.Part, _ properties: JSON) -> TwinSection {
      TwinSection(properties: properties, history: history?[part.rawValue])
    }
    let device = Device(
      key: key, hardware: hardware, tokenDigest: token,
      twin: Twin(
        tags: section(.tags, tags), desired: section(.desired, desired),
        reported: section(.reported, attributes)),
      createdAt: createdAt, ran: ran ?? [], enrolment: enrolment ?? Enrolment())
    return (device, seen)
  }

  mutating func group() throws(RowFault) -> DeviceGroup {
    let name = try name()
    let membership = try optional { (row) throws(RowFault) -> DeviceGroup.Membership in
      let text = row.text()
      guard !text.hasPrefix(DeviceGroup.queryMark) else {
        do throws(QueryFault) {
          return .query(try Query(String(text.dropFirst(DeviceGroup.queryMark.count))))
        } catch { throw RowFault(error.description) }
      }
      do throws(InvalidValue) { return .filter(try DeviceFilter(text)) } catch {
        throw RowFault(error.reason)
      }
    }
    return DeviceGroup(name: name, membership: membership ?? .explicit)
  }

  mutating func rollout() throws(RowFault) -> Rollout {
    let id: RolloutID = try serial()
    var rollout = try Rollout.read(try json(), id: id)
    let word = text()
    guard let status = Rollout.Status(rawValue: word) else {
      throw RowFault("'\(word)' is not the status of a rollout")
    }
    let openStage: Int? = try optional { (row) throws(RowFault) in try row.number() }
    let stop = try optional { (row) throws(RowFault) in try row.json() }
    let reason = try stop.map { (document) throws(RowFault) in
      try Rollout.StopReason.read(document, limit: rollout.policy.failureLimit)
    }
    let started = try optional { (row) throws(RowFault) in try row.instant() }
    let ended = try optional { (row) throws(RowFault) in try row.instant() }
    let times = try Rollout.readStages(try json())
    guard times.count == rollout.stages.count else {
      throw RowFault("\(times.count) stage states for \(rollout.stages.count) planned stages")
    }
    guard openStage.map({ rollout.stages.indices.contains($0) }) ?? true else {
      throw RowFault("the open stage is not among the \(rollout.stages.count) planned")
    }
    let evidence = try optional({ (row) throws(RowFault) in try row.json() })
    rollout.restore(
      status: status, openStage: openStage, stop: reason, startedAt: started, endedAt: ended,
      stageTimes: times, approvedBy: isNull() ? nil : text())
    if let evidence { try rollout.restoreEvidence(from: evidence) }
    return rollout
  }

  /// Reads an action that follows its tenant; the columns are `Action.columns`.
  mutating func action() throws(RowFault) -> Action {
    let rollout: RolloutID = try serial()
    let device = try device()
    let stage: Int = try number()
    let kind = try raw(Action.Kind.init(rawValue:))
    let id = try actionID()
    let previous = try optional { (row) throws(RowFault) in try row.actionID() }
    let attempt: Int = try number()
    let release: ReleaseID = try serial()
    let fallback: ReleaseID? = try optional { (row) throws(RowFault) in try row.serial() }
    let state = try actionState()
    let cancel = try raw(Action.Cancellation.init(rawValue:))
    let granted = try instant()
    let changed = try instant()
    let installed = try optional { (row) throws(RowFault) in try row.instant() }
    let cause = try optional { (row) throws(RowFault) -> Action.Cause in
      let word = row.text()
      guard let cause = Action.Cause(rawValue: word) else {
        throw RowFault("'\(word)' is not a cause of failure")
      }
      return cause
    }
    let detail = try optional { (row) throws(RowFault) in row.text() }
    let stratum: Int? = try optional { (row) throws(RowFault) in try row.number() }
    let exposed = try optional { (row) throws(RowFault) in try row.instant() }
    let proven = try optional { (row) throws(RowFault) in try row.instant() }
    let marks: Int = try number()
    let aside = try optional { (row) throws(RowFault) in try Aside.read(try row.json()) }
    var action = Action(
      rollout: rollout, device: device, stage: stage, kind: kind, id: id, previousID: previous,
      attempt: attempt, release: release, fallback: fallback, state: state, cancel: cancel,
      grantedAt: granted, changedAt: changed, installedAt: installed,
      failure: cause.map { Action.Failure($0, detail ?? "") }, aside: aside)
    action.stratum = stratum
    action.exposedAt = exposed
    action.provenAt = proven
    action.isReported = marks & 1 != 0
    action.isSilent = marks & 2 != 0
    return action
  }

  private mutating func actionState() throws(RowFault) -> Action.State {
    let phase = try optional { (row) throws(RowFault) in try row.raw(Action.Phase.init(rawValue:)) }
    let outcome = try optional { (row) throws(RowFault) in
      try row.raw(Action.Outcome.init(rawValue:))
    }
    let until = try optional { (row) throws(RowFault) in try row.instant() }
    switch (phase, outcome, until) {
    case (let phase?, nil, let until?): return .leased(phase, deadline: until)
    case (nil, nil, let until?): return .retrying(from: until)
    case (nil, let outcome?, nil): return .ended(outcome)
    default: throw RowFault("phase, outcome and until contradict each other")
    }
  }

  private mutating func raw<Value>(_ convert: (UInt8) -> Value?) throws(RowFault) -> Value {
    let number: UInt8 = try number()
    guard let value = convert(number) else { throw RowFault("\(number) means nothing here") }
    return value
  }
}
