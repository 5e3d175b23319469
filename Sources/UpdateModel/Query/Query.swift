// Query: conditions on device twins as people write them; for groups, targets and conditions.
//
//   statement  = [ or ] , { select | group | order | limit } ;          (each tail at most once)
//   query      = short | or ;
//   or         = and , { "or" , and } ;
//   and        = unary , { "and" , unary } ;
//   unary      = "not" , unary | "(" , or , ")" | "true" | "false" | condition ;
//   condition  = "exists" , "(" , path , ")"
//              | operand , comparison , value
//              | operand , [ "not" ] , "in" , "[" , value , { "," , value } , "]"
//              | operand , [ "not" ] , "like" , text
//              | operand , "contains" , value ;
//   comparison = "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" ;
//   operand    = path | ( "version" | "number" | "text" ) , "(" , path , ")" ;
//   path       = "device" | "hardware" | "version" | "state" | "group" | "lastSeen" | "createdAt"
//              | ( "tags" | "desired" | "reported" ) , member , { step }
//              | name , { step } ;                                     (a property of "reported")
//   step       = member | "[" , integer , "]" ;
//   member     = "." , ( name | text ) ;
//   name       = letter or "_" , { letter | digit | "_" | "-" } ;       (ASCII)
//   value      = "true" | "false" | "null" | number | number "%" | duration | time | text
//              | "v" text ;
//   text       = "..." or '...' with \\ \" \' \n \t \u{HEX}, after like also \* \? ;
//   duration   = one or more of integer , ( "ms" | "s" | "m" | "h" | "d" ) , without spaces ;
//   time       = RFC 3339 with a zone ;
//   select     = "select" , path , { "," , path } ;
//   group      = "group" , "by" , path , { "," , path } ;
//   order      = "order" , "by" , ( path | "count" ) , [ "asc" | "desc" ] ;
//   limit      = "limit" , integer ;
//   short      = pair , { "," , pair } ;                    (what a device filter was before)
//   pair       = ( "device" | "hardware" | "version" | "tag." key | "attr." key ) ,
//                ( "=" | "!=" ) , bare , [ "*" ] ;
//
// The words of the language may be written in lower or upper case. What a condition means:
//
// - A field without a value, and a value of another type, match nothing: neither = nor !=. So
//   `x != 5` asks for a device that has an x, and `not (x = 5)` also takes those without. `null` is
//   no value: `x = null` is `not exists(x)`, and `x != null` is `exists(x)`.
// - Texts are compared by their bytes, numbers by value: 1, 1.0 and 1e0 are the same.
// - A time compared with a duration compares its age: `lastSeen < 2h` was seen less than two hours
//   ago. A text in the form of RFC 3339 is a time where it is compared with one.
// - A field that holds versions is ordered as versions; `version = "1.2"` is that very text, and
//   `version = v"1.2"` also takes 1.2.0. `version(path)` makes a version of any text.
// - `30%` is compared with the number 30.
// - `number(path)` takes a text that is a number for one, and `text(path)` the other way round.
// - A device may be in several groups: `group = "beta"` holds when one of them is it.
// - `update` is how the update of a device goes: `update.phase = "failed"`. The server makes it for
//   the question, from the rollouts that are not closed, so it cannot choose who receives one.

/// A condition on devices.
public struct Query: Hashable, Sendable, CustomStringConvertible {
  /// The conditions as a tree.
  public let expression: QueryExpression

  /// Bytes of a query, also of its canonical text.
  public static let bytesMax = 4096
  /// Conditions in a query.
  public static let conditionsMax = 64
  /// Members of a list.
  public static let listMax = 64
  /// How deep parentheses and `not` may nest.
  public static let depthMax = 16
  /// Steps of a path below `tags`, `desired` or `reported`: as deep as twins are.
  public static let pathMembersMax = 8
  /// The largest array index.
  public static let indexMax = 9_999

  /// Holds for every device.
  public static let everything = Query(unchecked: .constant(true))

  /// Reads a query, or the short form of a device filter.
  ///
  /// - Throws: What is wrong first, with its column.
  public init(_ text: String) throws(QueryFault) {
    if let expression = QueryShortForm.expression(text) {
      self.init(unchecked: expression)
    } else {
      var parser = try QueryParser(text)
      self.init(unchecked: try parser.wholeQuery())
    }
    try checkWrittenSize(of: text)
  }

  /// What a device filter says, also where a query text could not say it so. A filter full of
  /// characters that need escapes may become longer than a query text can be.
  public init(_ filter: DeviceFilter) {
    self.init(unchecked: QueryShortForm.expression(filter))
  }

  init(unchecked expression: QueryExpression) { self.expression = expression }

  // The canonical text is stored and read again, so it keeps the limit too.
  private func checkWrittenSize(of text: String) throws(QueryFault) {
    let size = description.utf8.count
    guard size <= Query.bytesMax else {
      throw QueryFault(
        column: 1, found: "a query of \(size) bytes when it is written out",
        expected: "at most \(Query.bytesMax) bytes", in: text)
    }
  }

  /// The fields it reads, in the order of the text, each once.
  public var fields: [QueryField] {
    var seen: Set<QueryField> = []
    return expression.tests.map(\.field).filter { seen.insert($0).inserted }
  }

  /// Whether its result changes with time alone, because it compares an age.
  public var dependsOnTime: Bool {
    expression.tests.contains { test in
      if case .compares(_, .duration) = test.relation { true } else { false }
    }
  }

  /// Whether it asks how the update of a device goes, which rollouts change and not the device.
  public var asksForUpdate: Bool { fields.contains { $0.updatePath != nil } }

  /// Whether its result follows from the registration and the twin alone, so that it can say who is
  /// in a group: it asks neither for groups and updates nor for anything that time changes.
  public var isSteady: Bool {
    !dependsOnTime && !asksForUpdate && !fields.contains(.group) && !fields.contains(.lastSeen)
  }

  /// The canonical text; reads back as an equal query.
  public var description: String { expression.written }
}
