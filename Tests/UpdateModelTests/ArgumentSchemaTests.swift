// ArgumentSchemaTests: what a schema lets through, what it refuses by which path, what it skips.

import Testing
import UpdateModel

@Suite struct ArgumentSchemaTests {
  private func json(_ text: String) throws -> JSON { try JSON.parse(Array(text.utf8)) }
  private func schema(_ text: String) throws -> ArgumentSchema {
    try ArgumentSchema(try json(text))
  }

  @Test(arguments: [
    ("true", "{}"), ("{}", "[1,null]"), (#"{"type":"object"}"#, "{}"),
    (#"{"type":"integer"}"#, "7"), (#"{"type":"integer"}"#, "1.0"),
    (#"{"type":"integer"}"#, "12e1"), (#"{"type":"number"}"#, "-0.5"),
    (#"{"type":["string","null"]}"#, "null"), (#"{"type":"boolean"}"#, "false"),
    (#"{"enum":["red",1,{"a":1,"b":2}]}"#, #"{"b":2.0,"a":1}"#), (#"{"enum":[1]}"#, "1.0"),
    (#"{"const":[1,"x"]}"#, #"[1.00,"x"]"#), (#"{"minimum":0.1}"#, "0.1"),
    (#"{"maximum":1e3}"#, "1000"), (#"{"minimum":-5}"#, "-5"),
    (#"{"maximum":1e999999999}"#, "1e99999999"), (#"{"minLength":2,"maxLength":2}"#, #""äö""#),
    (#"{"minItems":1,"maxItems":2,"items":{"type":"string"}}"#, #"["a","b"]"#),
    (#"{"properties":{"a":{"type":"string"}},"required":["a"]}"#, #"{"a":"x","b":1}"#),
    (#"{"additionalProperties":{"type":"integer"}}"#, #"{"a":1,"b":2}"#),
    // A keyword asks for nothing of values that it is not about.
    (#"{"minimum":5,"minLength":3,"minItems":1,"required":["x"]}"#, "true"),
  ])
  func `a fitting value has no faults`(schema text: String, value: String) throws {
    #expect(try schema(text).faults(of: try json(value)).isEmpty)
  }

  @Test(arguments: [
    ("false", "{}", "$.arguments", "not allowed"),
    (#"{"type":"integer"}"#, "1.5", "$.arguments", "integer is expected"),
    (#"{"type":"integer"}"#, #""7""#, "$.arguments", "found the string"),
    (#"{"type":["string","null"]}"#, "3", "$.arguments", "string or null"),
    (#"{"enum":["red","green"]}"#, #""blue""#, "$.arguments", #"allowed: "red", "green""#),
    (#"{"const":1}"#, "2", "$.arguments", "the number 1 is expected"),
    (#"{"minimum":0.1}"#, "0.09999999999999999999", "$.arguments", "the least is 0.1"),
    (#"{"maximum":9007199254740993}"#, "9007199254740994", "$.arguments", "the most is"),
    (#"{"maximum":-1}"#, "0", "$.arguments", "the most is -1"),
    (#"{"minLength":2}"#, #""é""#, "$.arguments", "has 1 characters"),
    (#"{"maxLength":1}"#, #""ab""#, "$.arguments", "at most 1"),
    (#"{"minItems":1}"#, "[]", "$.arguments", "at least 1"),
    (#"{"maxItems":1}"#, "[1,2]", "$.arguments", "at most 1"),
    (#"{"items":{"type":"string"}}"#, #"["a",1]"#, "$.arguments[1]", "string is expected"),
    (#"{"required":["a"]}"#, "{}", "$.arguments.a", "missing"),
    (
      #"{"properties":{"a":{"properties":{"b":{"maximum":3}}}}}"#, #"{"a":{"b":4}}"#,
      "$.arguments.a.b", "the most is 3"
    ),
    (
      #"{"properties":{"a":true},"additionalProperties":false}"#, #"{"b":1}"#, "$.arguments.b",
      "unknown argument; allowed: a"
    ),
    (#"{"additionalProperties":{"type":"string"}}"#, #"{"b":1}"#, "$.arguments.b", "string"),
    (#"{"properties":{"a":false}}"#, #"{"a":1}"#, "$.arguments.a", "not allowed"),
  ])
  func `a wrong value is refused by its path`(
    schema text: String, value: String, path: String, reason: String
  ) throws {
    let faults = try schema(text).faults(of: try json(value))
    #expect(faults.count == 1)
    #expect(faults.first?.field == path)
    #expect(faults.first?.reason.contains(reason) ?? false, "\(faults)")
  }

  @Test func `every fault is found, up to a limit`() throws {
    let strings = try schema(#"{"items":{"type":"string"}}"#)
    #expect(
      strings.faults(of: .array([1, "a", 2, "b", 3])).map(\.field) == [
        "$.arguments[0]", "$.arguments[2]", "$.arguments[4]",
      ])
    let many = JSON.array([JSON](repeating: 1, count: 1000))
    #expect(strings.faults(of: many).count == DocumentReader.Faults.limit)
  }

  @Test func `what is not checked is said`() throws {
    let text = """
      {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "x", "default": {},
       "properties": {"colour": {"type": "string", "pattern": "^[a-z]+$"},
                      "at": {"format": "date-time"}},
       "allOf": [{"required": ["colour"]}], "items": {"uniqueItems": true}}
      """
    #expect(
      try schema(text).unchecked == [
        "/properties/colour/pattern", "/properties/at/format", "/allOf", "/items/uniqueItems",
      ])
  }

  @Test(arguments: [
    "7", "[]", "null", #"{"type":"text"}"#, #"{"type":[]}"#, #"{"type":7}"#, #"{"enum":[]}"#,
    #"{"enum":"a"}"#, #"{"properties":[]}"#, #"{"properties":{"a":7}}"#, #"{"required":"a"}"#,
    #"{"required":[1]}"#, #"{"items":[{"type":"string"}]}"#, #"{"additionalProperties":"no"}"#,
    #"{"minItems":-1}"#, #"{"maxLength":1.5}"#, #"{"minimum":"3"}"#,
  ])
  func `what is no schema is refused`(text: String) throws {
    let document = try json(text)
    #expect(throws: InvalidValue.self) { try ArgumentSchema(document) }
  }

  @Test func `a schema has limits of size and depth, and numbers of choices`() throws {
    func nested(_ depth: Int) -> JSON {
      (1..<depth).reduce(JSON.object([])) { schema, _ in ["items": schema] }
    }
    _ = try ArgumentSchema(nested(ArgumentSchema.depthMax))
    #expect(throws: InvalidValue.self) { try ArgumentSchema(nested(ArgumentSchema.depthMax + 1)) }
    let long = JSON.object([.init("title", .string(String(repeating: "x", count: 8192)))])
    #expect(throws: InvalidValue.self) { try ArgumentSchema(long) }
    func choices(_ count: Int) -> JSON { ["enum": .array((0..<count).map { JSON($0) })] }
    _ = try ArgumentSchema(choices(ArgumentSchema.choicesMax))
    #expect(throws: InvalidValue.self) { try ArgumentSchema(choices(257)) }
    let wide = JSON.object([
      .init("properties", .object((0..<500).map { .init("p\($0)", true) }))
    ])
    #expect(throws: InvalidValue.self) { try ArgumentSchema(wide) }
  }

  @Test func `arguments have limits whatever the schema says`() throws {
    #expect(throws: InvalidValue.self) { try CommandArguments.check(.array([])) }
    let long = JSON.object([.init("a", .string(String(repeating: "x", count: 8192)))])
    #expect(throws: InvalidValue.self) { try CommandArguments.check(long) }
    func nested(_ depth: Int) -> JSON {
      (1..<depth).reduce(JSON.object([])) { value, _ in ["a": value] }
    }
    try CommandArguments.check(nested(8))
    #expect(throws: InvalidValue.self) { try CommandArguments.check(nested(9)) }
  }
}
