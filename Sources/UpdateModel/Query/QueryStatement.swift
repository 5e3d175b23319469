// QueryStatement: a query over the devices of a tenant with what is shown of them, and how.

/// Conditions, then perhaps `select`, `group by`, `order by` and `limit`, in any order.
public struct QueryStatement: Hashable, Sendable, CustomStringConvertible {
  /// Which devices; everything when no condition was given.
  public let filter: Query
  /// The columns; empty for the usual ones.
  public let selection: [QueryField]
  /// Devices are counted by these; empty for a list of devices.
  public let grouping: [QueryField]
  /// What comes first; nil for the usual order: by id, or the largest group.
  public let order: Order?
  /// How many devices or groups at most; nil for the limit of whoever asks.
  public let limit: Int?

  /// What devices or groups are ordered by.
  public struct Order: Hashable, Sendable {
    /// What is compared.
    public enum Key: Hashable, Sendable {
      /// The value of a field.
      case field(QueryField)
      /// How many devices a group has.
      case count
    }

    /// What is compared.
    public let key: Key
    /// Whether the largest comes first.
    public let isDescending: Bool
  }

  /// Fields of a selection or grouping.
  public static let fieldsMax = 16
  /// Devices or groups that can be asked for at once.
  public static let limitMax = 10_000

  /// Lists devices in the order of their ids.
  public init(_ filter: Query, selecting selection: [QueryField] = [], limit: Int? = nil) {
    self.filter = filter
    self.selection = selection
    self.limit = limit
    (grouping, order) = ([], nil)
  }

  /// Reads a statement, or the short form of a device filter.
  ///
  /// - Throws: What is wrong first, with its column.
  public init(_ text: String) throws(QueryFault) {
    if let expression = QueryShortForm.expression(text) {
      filter = Query(unchecked: expression)
      (selection, grouping, order, limit) = ([], [], nil, nil)
      return
    }
    var parser = try QueryParser(text)
    let tail: Tail
    (filter, tail) = try parser.wholeStatement()
    (selection, grouping) = (tail.selection ?? [], tail.grouping ?? [])
    (order, limit) = (tail.order, tail.limit)
  }

  /// The canonical text.
  public var description: String {
    func list(_ word: String, _ fields: [QueryField]) -> String? {
      fields.isEmpty ? nil : word + " " + fields.map(\.description).joined(separator: ", ")
    }
    let key =
      switch order?.key {
      case .field(let field): "\(field)"
      case .count: "count"
      case nil: ""
      }
    return [
      filter.description, list("select", selection), list("group by", grouping),
      order.map { "order by \(key)\($0.isDescending ? " desc" : "")" }, limit.map { "limit \($0)" },
    ].compactMap { $0 }.joined(separator: " ")
  }

  /// What follows the conditions.
  struct Tail {
    var selection: [QueryField]?
    var grouping: [QueryField]?
    var order: Order?
    var limit: Int?
  }
}

extension QueryParser {
  /// All of the text as a statement.
  mutating func wholeStatement() throws(QueryFault) -> (Query, QueryStatement.Tail) {
    var filter = Query.everything
    if !isAtTail { filter = Query(unchecked: try alternatives()) }
    var tail = QueryStatement.Tail()
    while isAtTail { try clause(&tail) }
    try expectEnd("and, or, select, group by, order by, limit or the end")
    return (filter, tail)
  }

  private mutating func clause(_ tail: inout QueryStatement.Tail) throws(QueryFault) {
    let start = try current()
    func refuseSecond(_ isSecond: Bool) throws(QueryFault) {
      guard isSecond else { return }
      throw fault(at: start, found: "\(words(for: start)) again", expected: "it once")
    }
    func refuseBoth(_ isOther: Bool) throws(QueryFault) {
      guard isOther else { return }
      throw fault(
        at: start, found: words(for: start), expected: "either select or group by, not both")
    }
    if take("select") {
      try refuseSecond(tail.selection != nil)
      try refuseBoth(tail.grouping != nil)
      tail.selection = try fields()
    } else if take("limit") {
      try refuseSecond(tail.limit != nil)
      tail.limit = try limit()
    } else if take("group") {
      advance()
      try refuseSecond(tail.grouping != nil)
      try refuseBoth(tail.selection != nil)
      tail.grouping = try fields()
      if case .field(let field) = tail.order?.key { try checkOrder(field, tail, start) }
    } else {
      advance()
      advance()
      try refuseSecond(tail.order != nil)
      let token = try current()
      tail.order = try order()
      if case .field(let field) = tail.order?.key { try checkOrder(field, tail, token) }
    }
  }

  private func checkOrder(
    _ field: QueryField, _ tail: QueryStatement.Tail, _ token: QueryToken
  ) throws(QueryFault) {
    guard let grouping = tail.grouping, !grouping.contains(field) else { return }
    throw fault(
      at: token, found: "groups ordered by \(field)",
      expected: "count or one of \(grouping.map(\.description).joined(separator: ", "))")
  }

  private mutating func fields() throws(QueryFault) -> [QueryField] {
    var fields: [QueryField] = []
    repeat {
      let token = try current()
      let field = try path()
      guard !fields.contains(field) else {
        throw fault(at: token, found: "\(field) again", expected: "each field once")
      }
      guard fields.count < QueryStatement.fieldsMax else {
        throw fault(
          at: token, found: "field number \(fields.count + 1)",
          expected: "at most \(QueryStatement.fieldsMax)")
      }
      fields.append(field)
    } while take(sign: ",")
    return fields
  }

  private mutating func order() throws(QueryFault) -> QueryStatement.Order {
    let key: QueryStatement.Order.Key =
      if isAt("count"), following != .sign("."), following != .sign("[") {
        .count
      } else {
        .field(try path())
      }
    if key == .count { advance() }
    if take("desc") { return QueryStatement.Order(key: key, isDescending: true) }
    _ = take("asc")
    return QueryStatement.Order(key: key, isDescending: false)
  }

  private mutating func limit() throws(QueryFault) -> Int {
    let token = try current()
    guard case .literal(.number) = token.kind, let limit = Int(scanner.string(token.range)),
      (1...QueryStatement.limitMax).contains(limit)
    else { throw try unexpected("a whole number from 1 to \(QueryStatement.limitMax)") }
    advance()
    return limit
  }
}
