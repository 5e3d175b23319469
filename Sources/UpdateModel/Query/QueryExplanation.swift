// QueryExplanation: why a device does not meet a query, in words for the person who asked.

/// What came of a query for one device.
public enum QueryVerdict: Equatable, Sendable {
  /// It meets the query.
  case holds
  /// It does not; the first reason, such as `battery.percent is 21, must be at least 30`.
  case fails(String)
  /// It does not, because a value is missing or of another type.
  case unknown(String)

  /// The reason; nil when the query holds.
  public var reason: String? {
    switch self {
    case .holds: nil
    case .fails(let reason), .unknown(let reason): reason
    }
  }
}

extension Query {
  /// Whether a device meets the query, and if not, the first condition that stands in the way.
  /// Holds exactly when `matches` is true.
  public func explain(_ subject: some QuerySubject, at now: Instant) -> QueryVerdict {
    expression.verdict(at: now, isNegated: false) { subject.value(of: $0) }
  }
}

extension QueryExpression {
  // A `not` is carried inwards, so that the reason is about the condition that decided.
  fileprivate func verdict(
    at now: Instant, isNegated: Bool, values: (QueryField) -> QueryValue?
  ) -> QueryVerdict {
    switch self {
    case .constant(let value):
      return value != isNegated ? .holds : .fails("the query matches no device")
    case .test(let test):
      return test.verdict(for: values(test.field), at: now, isNegated: isNegated)
    case .not(let part): return part.verdict(at: now, isNegated: !isNegated, values: values)
    case .all(let parts):
      return QueryExpression.verdict(of: parts, needsAll: !isNegated) { part in
        part.verdict(at: now, isNegated: isNegated, values: values)
      }
    case .any(let parts):
      return QueryExpression.verdict(of: parts, needsAll: isNegated) { part in
        part.verdict(at: now, isNegated: isNegated, values: values)
      }
    }
  }

  private static func verdict(
    of parts: [QueryExpression], needsAll: Bool, _ judge: (QueryExpression) -> QueryVerdict
  ) -> QueryVerdict {
    var reasons: [String] = []
    var isKnown = false
    for part in parts {
      let verdict = judge(part)
      guard let reason = verdict.reason else {
        if needsAll { continue }
        return .holds
      }
      if needsAll { return verdict }
      if case .fails = verdict { isKnown = true }
      reasons.append(reason)
    }
    guard !needsAll else { return .holds }
    let reason = reasons.joined(separator: "; or ")
    return isKnown ? .fails(reason) : .unknown(reason)
  }
}

extension QueryTest {
  fileprivate func verdict(
    for value: QueryValue?, at now: Instant, isNegated: Bool
  ) -> QueryVerdict {
    let held = holds(for: value, at: now)
    guard (held == true) == isNegated else { return .holds }
    let read = reading.value(value)
    let demand = isNegated ? "must not \(demand.dropFirst("must ".count))" : demand
    // What exists but cannot be compared is shown, so that its reporter can be mended.
    let found = value.map { "is \($0.words(asAgeAt: isAge ? now : nil))" } ?? "is not known"
    let reason = "\(field.spoken) \(found), \(demand)"
    return held == nil || read == nil ? .unknown(reason) : .fails(reason)
  }

  private var isAge: Bool {
    if case .compares(_, .duration) = relation { true } else { false }
  }

  // What the condition asks for; starts with "must".
  private var demand: String {
    func list(_ literals: [QueryLiteral]) -> String {
      literals.map(\.plainWords).joined(separator: ", ")
    }
    switch relation {
    case .exists, .compares(.different, .null): return "must be known"
    case .compares(.equal, .null): return "must be unknown"
    case .compares(let comparison, .duration(let age)): return comparison.demand(age)
    case .compares(let comparison, let literal):
      return "must be \(comparison.words)\(literal.plainWords)"
    case .isIn(let literals): return "must be one of \(list(literals))"
    case .isNotIn(let literals): return "must be none of \(list(literals))"
    case .isLike(let pattern): return "must be like \(pattern)"
    case .isUnlike(let pattern): return "must be unlike \(pattern)"
    case .contains(let literal): return "must contain \(literal.plainWords)"
    }
  }
}

extension QueryComparison {
  fileprivate var words: String {
    switch self {
    case .equal: ""
    case .different: "other than "
    case .less: "below "
    case .atMost: "at most "
    case .more: "above "
    case .atLeast: "at least "
    }
  }

  fileprivate func demand(_ age: Interval) -> String {
    switch self {
    case .less: "must be less than \(age) ago"
    case .atMost: "must be at most \(age) ago"
    case .more: "must be more than \(age) ago"
    case .atLeast: "must be at least \(age) ago"
    case .equal: "must be \(age) ago"
    case .different: "must be other than \(age) ago"
    }
  }
}

extension QueryLiteral {
  /// As people read it: a version without its `v`.
  fileprivate var plainWords: String {
    if case .version(let version) = self { version.text.text } else { description }
  }
}

extension QueryValue {
  // What devices sent is shown in part only, and on one line.
  fileprivate func words(asAgeAt now: Instant?) -> String {
    if let now, let instant {
      let age = now - instant
      let whole = Interval.seconds(max(age, .zero).wholeSeconds)
      return age < .zero ? "in the future" : "\(whole) ago"
    }
    switch self {
    case .time(let time): return time.description
    case .json(.string(let text)): return QueryLiteral.quoted(String(text.prefix(60)))
    case .json(.array(let elements)): return "a list of \(elements.count)"
    case .json(.object): return "an object"
    case .json(.integer(let number)): return "\(number)"
    case .json(.decimal(let literal)): return String(literal.prefix(60))
    case .json(.bool(let value)): return "\(value)"
    case .json(.null): return "null"
    }
  }
}
