// VectorInput: the arguments of a question, with their ranges, so that none can do harm.

internal import UpdateModel

/// The members of one object of a question.
struct VectorInput {
  /// Larger counts are refused: sums and products of them stay inside 64 bits, and all of them are
  /// exact as floating point.
  static let countMax = 1_000_000_000_000
  /// Longer lists are refused.
  static let elementsMax = 20_000
  /// The share of the control that is heard is compared with what is normal, so it may exceed 1.
  static let heardMax = 1e6

  private let document: JSON
  private let name: String?

  /// Reads members of `document`, which is called `name` in faults.
  init(_ document: JSON, name: String?) {
    self.document = document
    self.name = name
  }

  /// The keys, in the order given.
  var names: [String] { document.members?.map(\.key) ?? [] }

  /// Whether there is a member.
  func has(_ key: String) -> Bool { document[key] != nil }

  /// What a member is called in faults.
  func path(_ key: String) -> String { name.map { "\($0).\(key)" } ?? key }

  /// A whole number from 0.
  func count(_ key: String, atMost limit: Int = countMax) throws(GateVectorFault) -> Int {
    // The largest count is exact as floating point, and so is every whole number below it.
    if let number = document[key].flatMap(VectorInput.double), number == number.rounded(.down),
      (0...Double(limit)).contains(number)
    {
      return Int(number)
    }
    throw fault(key, "a whole number from 0 to \(limit)")
  }

  /// The members `f` and `n`: failures among trials.
  func failures() throws(GateVectorFault) -> (failures: Int, trials: Int) {
    let trials = try count("n")
    return (try count("f", atMost: trials), trials)
  }

  /// A number inside a range.
  func number(
    _ key: String, in range: ClosedRange<Double>
  ) throws(GateVectorFault) -> Double {
    if let number = document[key].flatMap(VectorInput.double), range.contains(number) {
      return number
    }
    throw fault(key, "a number from \(range.lowerBound) to \(range.upperBound)")
  }

  /// A number above 0 and below 1.
  func rate(_ key: String) throws(GateVectorFault) -> Double {
    if let number = document[key].flatMap(VectorInput.double), number > 0, number < 1 {
      return number
    }
    throw fault(key, "a number above 0 and below 1")
  }

  /// A number above 0 that leaves room for arithmetic.
  func period(
    _ key: String, default fallback: Double? = nil
  ) throws(GateVectorFault) -> Double {
    if let fallback, !has(key) { return fallback }
    if let number = document[key].flatMap(VectorInput.double), number > 0, number <= 1e15 {
      return number
    }
    throw fault(key, "a number above 0 and at most 1e15")
  }

  /// The member `miss`: the chance that a poll fails.
  func miss() throws(GateVectorFault) -> Double {
    if let number = document["miss"].flatMap(VectorInput.double), number >= 0, number < 1 {
      return number
    }
    throw fault("miss", "a number from 0 to below 1")
  }

  /// A list of numbers inside a range.
  func numbers(
    _ key: String, in range: ClosedRange<Double>
  ) throws(GateVectorFault) -> [Double] {
    let numbers = document[key]?.array?.compactMap(VectorInput.double).filter(range.contains)
    if let numbers, numbers.count == document[key]?.array?.count,
      numbers.count <= VectorInput.elementsMax
    {
      return numbers
    }
    throw fault(
      key,
      "an array of at most \(VectorInput.elementsMax) numbers from \(range.lowerBound) to "
        + "\(range.upperBound)")
  }

  /// Text.
  func text(_ key: String) throws(GateVectorFault) -> String {
    if let text = document[key]?.string { return text }
    throw fault(key, "text")
  }

  /// `true` or `false`.
  func flag(_ key: String, default fallback: Bool? = nil) throws(GateVectorFault) -> Bool {
    if let fallback, !has(key) { return fallback }
    if let flag = document[key]?.bool { return flag }
    throw fault(key, "true or false")
  }

  /// An object.
  func object(_ key: String) throws(GateVectorFault) -> VectorInput {
    guard let value = document[key], value.members != nil else { throw fault(key, "an object") }
    return VectorInput(value, name: path(key))
  }

  /// A list of objects.
  func objects(_ key: String, atMost limit: Int) throws(GateVectorFault) -> [VectorInput] {
    guard let values = document[key]?.array, values.count <= limit,
      values.allSatisfy({ $0.members != nil })
    else { throw fault(key, "an array of at most \(limit) objects") }
    return values.enumerated().map { index, value in
      VectorInput(value, name: "\(path(key))[\(index)]")
    }
  }

  private static func double(_ value: JSON) -> Double? {
    switch value {
    case .integer(let number): Double(number)
    case .decimal(let literal): Double(literal)
    case .null, .bool, .string, .array, .object: nil
    }
  }

  private func fault(_ key: String, _ expected: String) -> GateVectorFault {
    let found = document[key].map { "found \($0.kind) where" } ?? "missing;"
    let need = document[key] == nil ? "give \(expected)" : "\(expected) is expected"
    return GateVectorFault(reason: "\(path(key)): \(found) \(need)")
  }
}
