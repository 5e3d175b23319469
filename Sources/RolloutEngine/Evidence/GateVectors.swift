// GateVectors: reads questions to the statistics of the gate from JSON and answers them.

public import UpdateModel

/// A document of questions, or one of them, that cannot be answered.
public struct GateVectorFault: Error, Equatable, Sendable {
  /// What was found and what is expected.
  public let reason: String
}

/// Questions in the form `{"vectors": [{"id", "fn", "in"}, ...]}`, so that anybody can check the
/// numbers of the gate against other programs. They are answered by the functions that decide.
public enum GateVectors {
  /// One answer.
  public struct Answer: Sendable {
    /// `{"id", "out"}`, or `{"id", "error"}` for a question that cannot be answered.
    public let document: JSON
    /// Whether the question could not be answered.
    public let isFault: Bool
  }

  /// Every function there is, in the order of the alphabet.
  public static var functionNames: [String] { functions.keys.sorted() }

  /// The questions of a document; what else it has is passed over.
  ///
  /// - Throws: `GateVectorFault` when it holds no list of questions.
  public static func questions(in document: JSON) throws(GateVectorFault) -> [JSON] {
    guard let vectors = document["vectors"] else {
      throw GateVectorFault(
        reason: "found \(document.kind) where an object with an array \"vectors\" is expected")
    }
    guard let questions = vectors.array else {
      throw GateVectorFault(reason: "vectors: found \(vectors.kind) where an array is expected")
    }
    return questions
  }

  /// Answers one question.
  public static func answer(_ question: JSON) -> Answer {
    let id = question["id"] ?? .null
    do throws(GateVectorFault) {
      return Answer(document: ["id": id, "out": try result(question)], isFault: false)
    } catch {
      return Answer(document: ["id": id, "error": .string(error.reason)], isFault: true)
    }
  }

  private static func result(_ question: JSON) throws(GateVectorFault) -> JSON {
    let members = VectorInput(question, name: nil)
    let name = try members.text("fn")
    guard let function = functions[name] else {
      throw GateVectorFault(
        reason: "unknown fn \"\(name.prefix(40))\"; known are "
          + functionNames.joined(separator: ", "))
    }
    return try function(try members.object("in"))
  }

  private typealias Function = @Sendable (VectorInput) throws(GateVectorFault) -> JSON

  private static let functions: [String: Function] = [
    "clopperPearsonUpper": { (input) throws(GateVectorFault) in
      let (failures, trials) = try input.failures()
      return try number(
        ExactBinomial.clopperPearsonUpper(
          failures: failures, trials: trials, confidence: try input.rate("conf")))
    },
    "clopperPearsonLower": { (input) throws(GateVectorFault) in
      let (failures, trials) = try input.failures()
      return try number(
        ExactBinomial.clopperPearsonLower(
          failures: failures, trials: trials, confidence: try input.rate("conf")))
    },
    "zeroFailureTrials": { (input) throws(GateVectorFault) in
      JSON(
        ExactBinomial.zeroFailureTrials(
          rate: try input.rate("p"), confidence: try input.rate("conf")))
    },
    "logEAbort": { (input) throws(GateVectorFault) in
      let (failures, trials) = try input.failures()
      return try number(
        EValue.logAbort(failures: failures, trials: trials, tolerance: try input.rate("p0")))
    },
    "logEAdvance": { (input) throws(GateVectorFault) in
      let (failures, trials) = try input.failures()
      return try number(
        EValue.logAdvance(failures: failures, trials: trials, rate: try input.rate("pi")))
    },
    "upperBound": { (input) throws(GateVectorFault) in
      let (failures, trials) = try input.failures()
      return try number(
        RateBound.upper(failures: failures, trials: trials, alpha: try input.rate("alpha")))
    },
    "lowerBound": { (input) throws(GateVectorFault) in
      let (failures, trials) = try input.failures()
      return try number(
        RateBound.lower(failures: failures, trials: trials, alpha: try input.rate("alpha")))
    },
    "abortCount": { (input) throws(GateVectorFault) in
      JSON(
        RateBound.abortCount(
          trials: try input.count("n"), tolerance: try input.rate("p0"),
          alpha: try input.rate("alpha")))
    },
    "sprtLLR": { (input) throws(GateVectorFault) in
      let (failures, trials) = try input.failures()
      return try number(
        SequentialTest.logRatio(
          failures: failures, trials: trials, good: try input.rate("p0"),
          bad: try input.rate("p1")))
    },
    "posteriorAbove": posteriorAbove, "logECounts": logCounts, "logEBounded": logBounded,
    "bernoulliCusum": bernoulliCusum, "lostTick": lostTick, "nextSize": nextSize,
    "stageSizes": stageSizes, "predictive95": predictive95,
    "poisson95": { (input) throws(GateVectorFault) in
      JSON(ExactBinomial.poisson95(mean: try input.number("mean", in: 0...1e12)))
    },
    "coverageTime": coverageTime,
    "meanPollWait": { (input) throws(GateVectorFault) in
      try number(
        PollArithmetic.meanPollWait(poll: try input.period("poll"), miss: try input.miss()))
    },
    "meanWindowWait": { (input) throws(GateVectorFault) in
      let day = try input.period("day", default: PollArithmetic.daySeconds)
      return try number(
        PollArithmetic.meanWindowWait(width: try input.number("width", in: 0...day), day: day))
    },
    "windowWait": { (input) throws(GateVectorFault) in
      let day = try input.period("day", default: PollArithmetic.daySeconds)
      return try number(
        PollArithmetic.windowWait(
          share: try input.number("q", in: 0...1), width: try input.number("width", in: 0...day),
          day: day))
    },
    "retry": retry, "decide": decide,
  ]

  /// A number as JSON, with as many digits as tell it from its neighbours.
  static func number(_ value: Double) throws(GateVectorFault) -> JSON {
    guard value.isFinite else {
      throw GateVectorFault(reason: "the result is \(value); ask with less extreme numbers")
    }
    return .decimal("\(value)")
  }
}
