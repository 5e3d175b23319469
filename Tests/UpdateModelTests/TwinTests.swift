// TwinTests: what a twin keeps, when it changed, and what it refuses.

import Testing
import UpdateModel

@Suite struct TwinTests {
  private static let noon = Instant(milliseconds: 43_200_000)
  private static let later = Instant(milliseconds: 50_000_000)

  private func json(_ text: String) throws -> JSON { try JSON.parse(Array(text.utf8)) }

  // RFC 7396 appendix A, but for the cases whose outcome is no object.
  @Test(arguments: [
    (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
    (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
    (#"{"a":"b"}"#, #"{"a":null}"#, "{}"),
    (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
    (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
    (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
    (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
    (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
    (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
    (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#),
    (#"{"a":"foo"}"#, "null", "null"),
    (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
    (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
    ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
    ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
  ])
  func `a merge patch does what the standard's examples say`(
    original: String, patch: String, result: String
  ) throws {
    #expect(try json(original).merging(try json(patch)) == json(result))
  }

  @Test func `the patch between two objects leads from one to the other`() throws {
    let before = try json(#"{"a":1,"b":{"c":[1],"d":"x"},"e":{}}"#)
    let after = try json(#"{"b":{"c":[2],"d":"x","f":{"g":1}},"h":true}"#)
    let patch = try #require(before.mergePatch(to: after))
    #expect(patch == (try json(#"{"a":null,"e":null,"b":{"c":[2],"f":{"g":1}},"h":true}"#)))
    #expect(before.merging(patch).mergePatch(to: after) == nil)
    #expect(after.mergePatch(to: after) == nil)
  }

  @Test func `each property has the time of its own last change`() throws {
    var twin = Twin()
    try twin.merge(
      json(#"{"version":"1","battery":{"percent":80,"charging":true}}"#), into: .reported,
      at: Self.noon)
    try twin.merge(json(#"{"battery":{"percent":79}}"#), into: .reported, at: Self.later)
    let times = Dictionary(uniqueKeysWithValues: twin.reported.times.map { ($0.pointer, $0.at) })
    #expect(
      times == [
        "/version": Self.noon, "/battery/percent": Self.later, "/battery/charging": Self.noon,
      ])
    #expect(twin.reported.version == 2)
    #expect(twin.reported.entityTag == "\"2\"")
    #expect(twin.desired.version == 0)
  }

  @Test func `a patch that changes nothing leaves version and times alone`() throws {
    var twin = Twin()
    try twin.merge(json(#"{"a":{"b":1},"c":[1,2]}"#), into: .tags, at: Self.noon)
    let before = twin
    #expect(
      try twin.merge(json(#"{"c":[1,2],"a":{"b":1},"gone":null}"#), into: .tags, at: Self.later)
        == false)
    #expect(twin == before)
  }

  @Test func `what is kept of a part puts it together again`() throws {
    var twin = Twin()
    try twin.merge(json(#"{"a/b":1,"m~n":{"x":true},"z":[]}"#), into: .desired, at: Self.noon)
    try twin.merge(json(#"{"z":null,"y":"1.50"}"#), into: .desired, at: Self.later)
    let again = TwinSection(properties: twin.desired.properties, history: twin.desired.history)
    #expect(again == twin.desired)
    #expect(again.times.map(\.pointer) == ["/a~1b", "/m~0n/x", "/y"])
  }

  @Test func `plain values are texts by name or by path`() throws {
    var twin = Twin()
    try twin.merge(
      json(#"{"a.b":"exact","a":{"b":"path","c":2.50},"on":true,"n":7,"list":[1]}"#),
      into: .reported, at: Self.noon)
    #expect(twin.reported.text("a.b") == "exact")
    #expect(twin.reported.text("a.c") == "2.50")
    #expect(twin.reported.text("on") == "true")
    #expect(twin.reported.text("list") == nil)
    #expect(twin.reported.text("a..b") == nil)
    #expect(twin.reported.texts == ["a.b": "exact", "on": "true", "n": "7"])
  }

  @Test(arguments: Twin.Part.allCases)
  func `a part of just the limit is kept and one byte more is refused`(part: Twin.Part) throws {
    var twin = Twin()
    // {"k":"..."} has eight bytes around the value.
    let value = String(repeating: "x", count: part.bytesMax - 8)
    try twin.merge(.object([.init("k", .string(value))]), into: part, at: Self.noon)
    let kept = twin
    #expect(throws: InvalidValue.self) {
      try twin.merge(.object([.init("k", .string(value + "x"))]), into: part, at: Self.later)
    }
    #expect(throws: InvalidValue.self) { try twin.merge(["l": 1], into: part, at: Self.later) }
    #expect(twin == kept)
  }

  @Test func `depth, count and names are bounded and the message says how`() throws {
    func nested(_ levels: Int) -> JSON {
      (1..<levels).reduce(JSON.object([.init("n", 1)])) { inner, _ in .object([.init("n", inner)]) }
    }
    var twin = Twin()
    try twin.merge(nested(Twin.depthMax), into: .reported, at: Self.noon)
    func refusal(_ patch: JSON) -> String {
      do {
        try twin.merge(patch, into: .reported, at: Self.later)
        return "accepted"
      } catch { return error.reason }
    }
    let kept = twin
    #expect(refusal(nested(Twin.depthMax + 1)).contains("9 levels"))
    #expect(refusal(.object([.init(String(repeating: "k", count: 129), 1)])).contains("128 bytes"))
    #expect(refusal(.object([.init("a b", 1)])).contains("white space"))
    #expect(refusal(["a": [["": 1]]]).contains("1 to 128 bytes"))
    #expect(refusal(.object((0...1000).map { .init("k\($0)", 1) })).contains("at most 1000"))
    #expect(refusal([1, 2]).contains("an array"))
    #expect(refusal("text").contains("give an object"))
    #expect(twin == kept)
  }
}
