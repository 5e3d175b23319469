// JudgementDocument: a decision of the gate with its inputs as JSON, for the record and for people.

public import UpdateModel

extension Judgement {
  /// Everything the decision was taken from, and everything that followed.
  public var document: JSON {
    let sizes = Dictionary(
      decision.sizes.map { ($0.id, $0.count) }, uniquingKeysWith: { first, _ in first })
    return .members([
      "verdict": .string(decision.verdict.rawValue), "sentence": .string(sentence),
      "at": .integer(at.milliseconds),
      "strata": .array(
        strata.enumerated().map { index, counts in
          .members([
            "id": .string(counts.id), "size": JSON(counts.size), "left": JSON(counts.left),
            "exposed": JSON(counts.exposed), "matured": JSON(counts.matured),
            "reported": JSON(counts.reported), "lost": JSON(counts.lost),
            "quarantined": .bool(counts.isQuarantined),
            "logE": .number(decision.logE[index]),
            "upper": decision.upper.isEmpty ? nil : .number(decision.upper[index]),
            "next": sizes[counts.id].map { JSON($0) },
          ])
        }),
      "control": .members([
        "devices": JSON(control.devices), "lost": JSON(control.lost),
        "heard": .number(control.heard),
      ]),
      "step": .members([
        "verdictsIn": .bool(step.verdictsIn), "previous": JSON(step.previous),
        "stall": JSON(step.stall),
      ]),
      "logEAll": .number(decision.logEAll), "upperAll": decision.upperAll.map(JSON.number),
      "lossUpper": .number(decision.lossUpper), "budget": .number(decision.budget),
      "stallNow": JSON(decision.stall),
    ])
  }
}

extension JSON {
  /// A number in its shortest exact form; JSON has no infinity, so that becomes text.
  static func number(_ value: Double) -> JSON {
    value.isFinite ? .decimal("\(value)") : .string("\(value)")
  }
}
