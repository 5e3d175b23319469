// Option and Operand: what a command accepts, declared once for reading and for help.

/// A named part of a command line.
struct Option: Sendable {
  /// The name without the leading `--`.
  let name: String
  /// What help calls the value; nil for a flag.
  let placeholder: String?
  /// One clause for help.
  let meaning: String
  /// What holds when it is not given, for help.
  let fallback: String?
  /// Whether it must be given.
  let isRequired: Bool
  /// Whether it may be given more than once.
  let repeats: Bool

  /// An option without value.
  static func flag(_ name: String, _ meaning: String) -> Option {
    Option(
      name: name, placeholder: nil, meaning: meaning, fallback: nil, isRequired: false,
      repeats: false)
  }

  /// An option with a value.
  static func value(
    _ name: String, _ placeholder: String, _ meaning: String, default fallback: String? = nil,
    required: Bool = false, repeats: Bool = false
  ) -> Option {
    Option(
      name: name, placeholder: placeholder, meaning: meaning, fallback: fallback,
      isRequired: required, repeats: repeats)
  }

  /// As it is written: `--name NAME`.
  var usage: String { placeholder.map { "--\(name) \($0)" } ?? "--\(name)" }
}

/// A part of a command line that stands for itself.
struct Operand: Sendable {
  /// How often it occurs.
  enum Count: Sendable { case one, optional, oneOrMore, any }

  /// What help calls it.
  let name: String
  /// One clause for help.
  let meaning: String
  /// How often it occurs.
  let count: Count

  init(_ name: String, _ meaning: String, _ count: Count = .one) {
    self.name = name
    self.meaning = meaning
    self.count = count
  }

  /// As it is written: `FILE`, `[NAME]`, `DEVICE...`.
  var usage: String {
    switch count {
    case .one: name
    case .optional: "[\(name)]"
    case .oneOrMore: "\(name)..."
    case .any: "[\(name)...]"
    }
  }

  /// The least number of words it stands for.
  var least: Int {
    switch count {
    case .one, .oneOrMore: 1
    case .optional, .any: 0
    }
  }

  /// The largest number of words it stands for.
  var most: Int {
    switch count {
    case .one, .optional: 1
    case .oneOrMore, .any: Int.max
    }
  }
}
