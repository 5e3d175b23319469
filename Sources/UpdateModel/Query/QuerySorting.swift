// QuerySorting: the order of values of any type, for `order by` and for lists of groups.

/// A value as far as its place in an order is concerned: numbers, times, versions, texts, truth
/// values, all others, and at the end what is missing.
public enum QuerySortKey: Sendable {
  /// A whole number.
  case integer(Int64)
  /// Any number.
  case number(ExactDecimal)
  /// A point in time.
  case time(Instant)
  /// A version that has an order, of a field that holds versions.
  case version(OrderedVersion)
  /// A text.
  case text(ExactText)
  /// False before true.
  case bool(Bool)
  /// A list or an object.
  case other
  /// There is no value.
  case missing

  /// The place of a value of a field.
  public init(_ value: QueryValue?, of field: QueryField) {
    switch value {
    case nil, .json(.null): self = .missing
    case .time(let time): self = .time(time)
    case .json(.integer(let number)): self = .integer(number)
    case .json(.decimal(let literal)):
      self = ExactDecimal(literal: literal).map { .number($0) } ?? .other
    case .json(.bool(let value)): self = .bool(value)
    case .json(.array), .json(.object): self = .other
    case .json(.string(let text)):
      let version = field.kind == .version ? OrderedVersion(text) : nil
      self = version.map { .version($0) } ?? .text(ExactText(text))
    }
  }

  /// Whether there is no value; such come last in both directions.
  public var isMissing: Bool { if case .missing = self { true } else { false } }

  /// How this value stands to another one.
  public func order(to other: QuerySortKey) -> QueryOrder {
    switch (self, other) {
    case (.integer(let first), .integer(let second)): QueryOrder(first, second)
    case (.integer(let first), .number(let second)): second.order(of: first)
    case (.number(let first), .integer(let second)): first.order(of: second).reversed
    case (.number(let first), .number(let second)): QueryOrder(first, second)
    case (.time(let first), .time(let second)): QueryOrder(first, second)
    case (.version(let first), .version(let second)): first.order(to: second)
    case (.text(let first), .text(let second)): QueryOrder(first, second)
    case (.bool(let first), .bool(let second)): QueryOrder(first ? 1 : 0, second ? 1 : 0)
    default: QueryOrder(rank, other.rank)
    }
  }

  private var rank: Int {
    switch self {
    case .integer, .number: 0
    case .time: 1
    case .version: 2
    case .text: 3
    case .bool: 4
    case .other: 5
    case .missing: 6
    }
  }
}

extension QueryStatement {
  /// What is shown of each device: the selection, or what nearly everybody wants to see.
  public var columns: [QueryField] {
    selection.isEmpty ? [.device, .hardware, .version, .state, .lastSeen] : selection
  }

  /// All fields it reads, sorted by name.
  public var fields: [QueryField] {
    var fields = Set(filter.fields + grouping)
    if case .field(let field) = order?.key { fields.insert(field) }
    if grouping.isEmpty { fields.formUnion(columns) }
    return fields.sorted { ExactText($0.description) < ExactText($1.description) }
  }
}
