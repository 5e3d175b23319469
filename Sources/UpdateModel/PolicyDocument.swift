// PolicyDocument: a policy file to a valid Policy, or to a list of everything that is wrong with
// it.

extension Policy {
  /// Reads a policy file: JSON with comments; `file` is its name, for errors.
  ///
  /// `overrides` are values to put in place of the file's, by path without the leading `$.`, such
  /// as `canary.soak`; each is read as JSON and, failing that, as a string. Throws a `Problem` that
  /// lists every fault with line, path, what was found and what is allowed.
  public static func read(
    _ text: [UInt8], file: String, overrides: [(path: String, value: String)] = []
  ) throws(Problem) -> Policy {
    try readDocument(text, file: file, overrides: overrides).policy
  }

  /// As `read`, and returns the document with the overrides applied as well.
  public static func readDocument(
    _ text: [UInt8], file: String, overrides: [(path: String, value: String)]
  ) throws(Problem) -> (policy: Policy, document: JSON) {
    var document: JSON
    let lines: [String: Int]
    do {
      (document, lines) = try JSON.parseWithLines(text, leniency: .comments)
    } catch {
      throw Problem(
        .malformedJSON, "policy \(file), \(error)",
        faults: [Problem.Fault(line: error.line, field: "$", reason: error.reason)])
    }
    for (path, value) in overrides {
      guard path.utf8.count <= 100, path.split(separator: ".").count <= 4, !path.isEmpty else {
        throw Problem(
          .invalidRequest,
          "override '\(path.prefix(40))' is no path of a policy; write for example canary.soak=30m")
      }
      // Text that is no JSON is meant as a string: 30m, 5%.
      let replacement = (try? JSON.parse(Array(value.utf8))) ?? .string(value)
      document = document.replacing(
        path.split(separator: ".").map(String.init)[...], by: replacement)
    }
    return (try decode(document, lines: lines, file: file), document)
  }

  /// Reads a policy from a document that was stored with a rollout.
  public static func decode(
    _ document: JSON, lines: [String: Int] = [:], file: String
  ) throws(Problem) -> Policy {
    let faults = DocumentReader.Faults()
    let policy = Policy(DocumentReader(document, lines: lines, faults: faults))
    if let policy, faults.list.isEmpty { return policy }
    let first = faults.list.first
    let place = first.map { "\($0.line.map { "line \($0), " } ?? "")\($0.field): \($0.reason)" }
    throw Problem(
      .invalidRequest, "policy \(file), \(place ?? "is not complete")", faults: faults.list)
  }

  private init?(_ reader: DocumentReader) {
    reader.allowOnly([
      "name", "summary", "canary", "stages", "gate", "failureLimit", "limits", "timeouts", "retry",
      "onAbort", "windows", "approve", "postpone", "conditions", "wish", "securityOverrides",
      "prepare", "resume",
    ])
    let canary = reader.has("canary") ? Canary(reader.object("canary")) : nil
    let hasGate = reader.has("gate")
    let evidence = hasGate ? Evidence(reader.object("gate")) : nil
    let stages = hasGate && !reader.has("stages") ? .adaptive : Stages(reader)
    // Without evidence there must be something else that stops a bad release.
    let hasLimit = reader.has("failureLimit") || !hasGate
    let failureLimit = hasLimit ? FailureLimit(reader.object("failureLimit")) : nil
    let limits = GrantLimits(reader.object("limits"))
    let timeouts = Timeouts(reader.object("timeouts"))
    let retry = Retry(reader.object("retry"))
    let approve = ApprovalPoints(reader.object("approve"))
    let postpone = Postponing(reader.object("postpone"))
    // Everything is read before anything is given up, so that every fault is found at once.
    let name = reader.name("name")
    let summary = reader.text("summary", default: "", bytes: 0...500)
    let onAbort: AbortAction? = reader.choice("onAbort", default: .rollback)
    let hasWindows = reader.has("windows")
    let windows = hasWindows ? MaintenanceSchedule(reader.object("windows")) : nil
    let conditions = reader.conditions()
    let wish: WishRule? = reader.choice("wish", default: .honour)
    let securityOverrides = reader.flag("securityOverrides", default: false)
    let prepare = reader.actionName("prepare")
    let resume = reader.actionName("resume")
    guard let conditions, let wish, let securityOverrides, let prepare, let resume else {
      return nil
    }
    guard let name, let summary, let stages, !hasGate || evidence != nil,
      !hasLimit || failureLimit != nil, let limits, let timeouts, let retry, let onAbort,
      !hasWindows || windows != nil, let approve, let postpone
    else { return nil }
    self.init(
      name: name, summary: summary, canary: canary, stages: stages, evidence: evidence,
      failureLimit: failureLimit, limits: limits, timeouts: timeouts, retry: retry,
      onAbort: onAbort, windows: windows, approve: approve, postpone: postpone,
      conditions: conditions, wish: wish, securityOverrides: securityOverrides, prepare: prepare,
      resume: resume)
  }
}

extension Policy.Canary {
  fileprivate init?(_ reader: DocumentReader) {
    reader.allowOnly(["group", "signOff"] + Policy.StageGate.keys)
    let group = reader.name("group")
    let signOff = reader.flag("signOff", default: false)
    let gate = Policy.StageGate(reader, quorum: .whole)
    guard let group, let signOff, let gate else { return nil }
    self.init(group: group, signOff: signOff, gate: gate)
  }
}

extension Policy.StageGate {
  static let keys = ["quorum", "soak", "waitAtMost"]

  fileprivate init?(_ reader: DocumentReader, quorum fallback: Share) {
    let quorum = reader.share("quorum", default: fallback, from: .least)
    let soak = reader.interval("soak", in: .zero ... .days(90))
    let waitAtMost = reader.interval(
      "waitAtMost", default: .days(1), in: .seconds(1) ... .days(365))
    guard let quorum, let soak, let waitAtMost else { return nil }
    self.init(quorum: quorum, soak: soak, waitAtMost: waitAtMost)
  }
}

extension Policy.Stages {
  fileprivate init?(_ parent: DocumentReader) {
    if let readers = parent.objects("stages") {
      self.init(shares: readers, parent)
    } else if parent.has("stages") {
      self.init(exponential: parent.object("stages"))
    } else {
      parent.refuse(
        "stages",
        "missing; give an object with start, growth and soak, or an array of objects with upTo "
          + "and soak"
      )
      return nil
    }
  }

  private init?(exponential reader: DocumentReader) {
    reader.allowOnly(["start", "growth", "cap"] + Policy.StageGate.keys)
    let growth = reader.read(
      "growth", default: 200, allowed: "a number from 1.1 to 100, such as 2.5"
    ) { $0.hundredths(in: 110...10_000) }
    let hasCap = reader.has("cap")
    let cap = hasCap ? reader.stageSize("cap") : nil
    let start = reader.stageSize("start")
    let gate = Policy.StageGate(reader, quorum: .usualQuorum)
    guard let start, let growth, !hasCap || cap != nil, let gate else { return nil }
    self = .exponential(start: start, growthHundredths: growth, cap: cap, gate: gate)
  }

  private init?(shares readers: [DocumentReader], _ parent: DocumentReader) {
    var stages: [Policy.ShareStage] = []
    var reached = Share.none
    for reader in readers {
      reader.allowOnly(["upTo", "signOff"] + Policy.StageGate.keys)
      let upTo = reader.share("upTo")
      let gate = Policy.StageGate(reader, quorum: .usualQuorum)
      let signOff = reader.flag("signOff", default: false)
      guard let upTo, let gate, let signOff else { continue }
      if upTo <= reached {
        reader.refuse("upTo", "found \(upTo), but the stage before reaches \(reached) already")
      }
      reached = upTo
      stages.append(Policy.ShareStage(upTo: upTo, gate: gate, signOff: signOff))
    }
    guard (1...Policy.stageCountMax).contains(readers.count) else {
      parent.refuse("stages", "found \(readers.count) stages; give 1 to \(Policy.stageCountMax)")
      return nil
    }
    guard stages.count == readers.count else { return nil }
    guard reached == .whole else {
      parent.refuse("stages", "the last stage reaches \(reached); it must reach 100%")
      return nil
    }
    self = .shares(stages)
  }
}

extension Policy.FailureLimit {
  fileprivate init?(_ reader: DocumentReader) {
    reader.allowOnly(["share", "minimum"])
    let share = reader.share("share")
    let minimum = reader.integer("minimum", default: 1, in: 1...1_000_000)
    guard let share, let minimum else { return nil }
    self.init(share: share, minimum: minimum)
  }
}

extension Policy.Timeouts {
  fileprivate init?(_ reader: DocumentReader) {
    reader.allowOnly(["accept", "download", "install", "verify", "reboot"])
    let range: ClosedRange<Interval> = .seconds(1) ... .days(90)
    let accept = reader.interval("accept", default: .minutes(15), in: range)
    let download = reader.interval("download", default: .hours(2), in: range)
    let install = reader.interval("install", default: .hours(1), in: range)
    let verify = reader.interval("verify", default: .hours(1), in: range)
    let reboot = reader.interval("reboot", default: .minutes(10), in: range)
    guard let accept, let download, let install, let verify, let reboot else { return nil }
    if reboot > verify {
      reader.refuse("reboot", "found \(reboot), which is longer than verify, \(verify)")
    }
    self.init(accept: accept, download: download, install: install, verify: verify, reboot: reboot)
  }
}

extension DocumentReader {
  /// Reads a number of devices or a share of them.
  func stageSize(_ key: String) -> Policy.StageSize? {
    read(
      key, default: nil as Policy.StageSize?,
      allowed: "a number of devices from 1 to 100000000 or a share such as \"1%\""
    ) { value in
      if let count = value.integer, (1...100_000_000).contains(count) {
        return .devices(Int(count))
      }
      if let share = value.string.flatMap(Share.init(text:)), share > .none { return .share(share) }
      return nil
    }
  }
}

extension JSON {
  /// A number with at most two decimals as a count of hundredths inside a range; nil for all else.
  func hundredths(in range: ClosedRange<Int>) -> Int? {
    let count: Int? =
      switch self {
      case .integer(let whole):
        Int(exactly: whole).flatMap { (0...1000).contains($0) ? $0 * 100 : nil }
      case .decimal(let literal): decimalHundredths(literal)
      default: nil
      }
    return count.flatMap { range.contains($0) ? $0 : nil }
  }

  /// The document with the value at a path replaced; objects on the way are made when missing.
  fileprivate func replacing(_ path: ArraySlice<String>, by replacement: JSON) -> JSON {
    guard let key = path.first else { return replacement }
    var members = self.members ?? []
    if let position = members.firstIndex(where: { $0.key == key }) {
      let inner = members[position].value.replacing(path.dropFirst(), by: replacement)
      members[position] = Member(key, inner)
    } else {
      members.append(Member(key, JSON.object([]).replacing(path.dropFirst(), by: replacement)))
    }
    return .object(members)
  }
}
