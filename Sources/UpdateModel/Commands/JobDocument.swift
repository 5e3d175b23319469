// JobDocument: a job as the JSON that is stored, and back.

extension Job {
  /// Everything about it, for the store.
  public var stored: JSON {
    .members([
      "name": .string(name.text), "target": target.document, "command": .string(command.text),
      "arguments": arguments, "limits": limits.document, "forced": isForced ? true : nil,
      "lifetime": .integer(lifetime.milliseconds), "until": .integer(until.milliseconds),
      "at": .integer(createdAt.milliseconds), "by": .string(createdBy),
      "status": .string(status.word), "why": status.reason.map { .string($0) },
      "ended": endedAt.map { .integer($0.milliseconds) },
      "pardoned": pardoned == JobCounts() ? nil : pardoned.document,
      "settled": settled?.document,
    ])
  }

  /// Reads what was stored; nil when it is not complete.
  public init?(id: JobID, stored: JSON) {
    func time(_ key: String) -> Instant? {
      stored[key]?.integer.map(Instant.init(milliseconds:))
    }
    func storedName(_ key: String) -> Name? {
      // Names were checked before they were stored.
      stored[key]?.string.flatMap { try? Name($0) }
    }
    guard let name = storedName("name"),
      let target = stored["target"].flatMap(JobTarget.init(stored:)),
      let command = storedName("command"), let arguments = stored["arguments"],
      let limits = stored["limits"].flatMap(JobLimits.init(stored:)),
      let lifetime = stored["lifetime"]?.integer.map(Interval.init(milliseconds:)),
      let until = time("until"), let createdAt = time("at"), let createdBy = stored["by"]?.string,
      let status = Status(stored["status"]?.string, reason: stored["why"]?.string ?? "")
    else { return nil }
    self.init(
      id: id, name: name, target: target, command: command, arguments: arguments, limits: limits,
      isForced: stored["forced"]?.bool ?? false, lifetime: lifetime, until: until,
      createdAt: createdAt, createdBy: createdBy)
    self.status = status
    endedAt = time("ended")
    pardoned = stored["pardoned"].map(JobCounts.init(stored:)) ?? JobCounts()
    settled = stored["settled"].map(JobCounts.init(stored:))
  }
}

extension Job.Status {
  /// Why it is paused, or who cancelled it.
  public var reason: String? {
    switch self {
    case .running, .finished: nil
    case .paused(let reason): reason
    case .cancelled(let person): person
    }
  }

  fileprivate init?(_ word: String?, reason: String) {
    switch word {
    case "running": self = .running
    case "paused": self = .paused(reason: reason)
    case "cancelled": self = .cancelled(by: reason)
    case "finished": self = .finished
    default: return nil
    }
  }
}

extension JobTarget {
  /// As it is stored and shown.
  public var document: JSON {
    switch self {
    case .everyone: ["all": true]
    case .group(let name): ["group": .string(name.text)]
    case .query(let query): ["where": .string(query.description)]
    case .devices(let ids): ["devices": .array(ids.sorted().map { .string($0.text) })]
    }
  }

  fileprivate init?(stored: JSON) {
    // All parts were checked before they were stored.
    if let group = stored["group"]?.string.flatMap({ try? Name($0) }) {
      self = .group(group)
      // So was a query.
    } else if let query = stored["where"]?.string.flatMap({ try? Query($0) }) {
      self = .query(query)
    } else if let ids = stored["devices"]?.array {
      // And so were ids.
      self = .devices(Set(ids.compactMap { $0.string.flatMap { try? DeviceID($0) } }))
    } else if stored["all"]?.bool == true {
      self = .everyone
    } else {
      return nil
    }
  }
}

extension JobLimits {
  /// As they are stored and shown.
  public var document: JSON {
    .members([
      "perMinute": perMinute.map { JSON($0) }, "concurrent": concurrent.map { JSON($0) },
      "failureStop": failureStop.map {
        ["share": .string($0.share.description), "minimum": JSON($0.minimum)]
      },
    ])
  }

  fileprivate init?(stored: JSON) {
    guard stored.members != nil else { return nil }
    var stop: FailureStop?
    if let value = stored["failureStop"] {
      guard let share = value["share"]?.string.flatMap(Share.init(text:)),
        let minimum = value["minimum"]?.integer.flatMap({ Int(exactly: $0) })
      else { return nil }
      stop = FailureStop(share: share, minimum: minimum)
    }
    self.init(
      perMinute: stored["perMinute"]?.integer.flatMap { Int(exactly: $0) },
      concurrent: stored["concurrent"]?.integer.flatMap { Int(exactly: $0) }, failureStop: stop)
  }
}

extension JobCounts {
  /// As they are stored and shown: every place by its word.
  public var document: JSON {
    .object(
      [JSON.Member("open", JSON(open))]
        + Command.Ending.allCases.map { JSON.Member($0.rawValue, JSON(self[$0])) })
  }

  fileprivate init(stored: JSON) {
    self.init()
    for member in stored.members ?? [] {
      guard let part = JobPart(word: member.key),
        let count = member.value.integer.flatMap({ Int(exactly: $0) }), count > 0
      else { continue }
      add(count, to: part)
    }
  }
}
