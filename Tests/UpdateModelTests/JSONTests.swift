// JSONTests: what the reader accepts and refuses, and what the writer writes.

import Testing
import UpdateModel

@Suite struct JSONTests {
  @Test(
    arguments: [
      ("null", JSON.null), (" true ", true), ("false", false), ("0", 0), ("-12", -12),
      ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
      ("9223372036854775808", .decimal("9223372036854775808")), ("-0", .decimal("-0")),
      ("1.50", .decimal("1.50")), ("1e3", .decimal("1e3")), ("1E+03", .decimal("1E+03")),
      ("2e-7", .decimal("2e-7")), ("\"\"", ""), ("[]", []), ("{}", .object([])),
      ("[1,[2,{}]]", [1, [2, .object([])]]), ("{\"b\":1,\"a\":[null]}", ["b": 1, "a": [.null]]),
      ("\t\r\n{ \"a\" : 1 , \"b\" : 2 }\n", ["a": 1, "b": 2]),
      (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u20AC""#, "Aé€"),
      (#""\ud83d\ude00""#, "😀"), (#""\uD800\uDC00""#, "\u{10000}"), (#""\u0000""#, "\u{0}"),
      ("\"\u{7F}é😀\"", "\u{7F}é😀"),
    ] as [(String, JSON)])
  func `valid text is read`(text: String, value: JSON) throws {
    #expect(try JSON.parse(Array(text.utf8)) == value)
  }

  @Test(arguments: [
    "", " ", "nul", "nulll", "True", "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x10", "NaN",
    "Infinity", "1 2", "\"", "\"abc", "\"\\", "\"\\q\"", "\"\\u12\"", "\"\\u12G4\"", "'a'",
    #""\ud83d""#, #""\ud83dx""#, #""\ud83d\n""#, #""\ud83d\u0041""#, #""\ude00""#,
    #""\ude00\ud83d""#, "\"a\nb\"", "\"\u{1}\"", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{",
    "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "{1:2}", "}", "]",
    "{\"a\":1}}", "// c\n1", "1 /* c */", "\u{FEFF}1",
  ])
  func `invalid text is refused`(text: String) {
    #expect(throws: JSONError.self) { try JSON.parse(Array(text.utf8)) }
  }

  @Test(
    arguments: [
      [0x22, 0x80, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xC0, 0xAF, 0x22],
      [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22], [0x31, 0x00], [0xFF],
    ] as [[UInt8]])
  func `bytes that are no UTF-8 are refused`(bytes: [UInt8]) {
    #expect(throws: JSONError.self) { try JSON.parse(bytes) }
  }

  @Test(arguments: ["[", "{\"a\":"])
  func `nesting of 32 is read and of 33 refused`(opening: String) throws {
    func nested(_ depth: Int) -> [UInt8] {
      let closing = opening == "[" ? "]" : "}"
      let core = opening == "[" ? "" : "1"
      return Array(
        (String(repeating: opening, count: depth) + core
          + String(repeating: closing, count: depth)).utf8)
    }
    _ = try JSON.parse(nested(32))
    let error = #expect(throws: JSONError.self) { try JSON.parse(nested(33)) }
    #expect(error?.reason == "nesting is deeper than 32")
    #expect(throws: JSONError.self) { try JSON.parse(nested(100_000)) }
  }

  @Test func `a key that occurs twice is refused, also when it is written differently`() {
    for text in ["{\"a\":1,\"a\":2}", #"{"a":1,"\u0061":2}"#] {
      let error = #expect(throws: JSONError.self) { try JSON.parse(Array(text.utf8)) }
      #expect(error?.reason.contains("occurs twice") == true)
    }
  }

  @Test func `keys that only look alike are different`() throws {
    let value = try JSON.parse(Array(#"{"\u00e9":1,"e\u0301":2}"#.utf8))
    #expect(value.members?.count == 2)
    #expect(value["\u{e9}"] == 1)
    #expect(value["e\u{301}"] == 2)
  }

  @Test(arguments: [
    "// first\n{\"a\": 1} // last", "/* a\n * b */ {\"a\" /**/ : /* c */ 1}", "{\"a\": 1//x\n}",
  ])
  func `comments are read where they are allowed`(text: String) throws {
    #expect(try JSON.parse(Array(text.utf8), leniency: .comments) == ["a": 1])
    #expect(throws: JSONError.self) { try JSON.parse(Array(text.utf8)) }
  }

  @Test func `a comment that is never closed names the line where it begins`() {
    let text = Array("\n\n1 /* x\n\n".utf8)
    let error = #expect(throws: JSONError.self) { try JSON.parse(text, leniency: .comments) }
    #expect(error == JSONError(line: 3, reason: "this comment is never closed"))
  }

  @Test func `a comment sign inside a string is text`() throws {
    let text = Array("\"a // b /* c\"".utf8)
    #expect(try JSON.parse(text, leniency: .comments) == "a // b /* c")
  }

  @Test func `raw control characters are read where they are allowed`() throws {
    let text = Array("\"a\n\u{1}\\n\"".utf8)
    #expect(try JSON.parse(text, leniency: .rawControlCharacters) == "a\n\u{1}\n")
    #expect(throws: JSONError.self) { try JSON.parse(text) }
  }

  @Test func `an error names its line`() {
    let error = #expect(throws: JSONError.self) {
      try JSON.parse(Array("{\n\"a\": 1,\n\"b\" 2}".utf8))
    }
    #expect(error?.description == "line 3: found '2' where ':' is expected")
  }

  @Test func `each value knows its line`() throws {
    let text = "{\n\"a\": [\n1,\n{\"b\": 2}],\n\"c\": 3}"
    let lines = try JSON.parseWithLines(Array(text.utf8)).lines
    #expect(
      lines == ["$": 1, "$.a": 2, "$.a[0]": 3, "$.a[1]": 4, "$.a[1].b": 4, "$.c": 5])
  }

  @Test func `what is written is read back, compact and pretty`() throws {
    let value: JSON = [
      "z": [1, -2, .decimal("1.5"), .null, true, false], "a": "\"\\\u{1}\n\r\té😀", "e": [],
      "o": .object([]),
    ]
    #expect(try JSON.parse(value.text) == value)
    #expect(try JSON.parse(value.prettyText) == value)
    #expect(
      String(decoding: value.text, as: UTF8.self)
        == #"{"z":[1,-2,1.5,null,true,false],"a":"\"\\\u0001\n\r\té😀","e":[],"o":{}}"#)
    #expect(
      String(decoding: (["a": [1], "b": .object([])] as JSON).prettyText, as: UTF8.self)
        == "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}\n")
  }

  @Test func `no text of random bytes makes the reader trap`() {
    var state: UInt64 = 1
    let alphabet = Array("{}[]\",:\\u0dD8-1.eE+ntf \n/*\u{1}é".utf8)
    for _ in 0..<3000 {
      var text: [UInt8] = []
      for _ in 0..<24 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        text.append(alphabet[Int(state >> 33) % alphabet.count])
      }
      // Only that it returns is of interest here.
      _ = try? JSON.parse(text, leniency: [.comments, .rawControlCharacters])
    }
  }
}
