// QueryRefusalTests: what is no query is refused at its first fault, and nothing falls over.

import Testing
import UpdateModel

@Suite struct QueryRefusalTests {
  @Test func `there are enough hostile queries`() {
    #expect(HostileQueries.all.count >= 200)
    #expect(Set(HostileQueries.all.map { ExactText($0.text) }).count == HostileQueries.all.count)
  }

  @Test(arguments: HostileQueries.all)
  func `a hostile query is refused at its column`(text: String, column: Int) throws {
    let fault = try #require(throws: QueryFault.self) { try Query(text) }
    #expect(fault.column == column, "\(fault)")
    #expect(!fault.found.isEmpty && !fault.expected.isEmpty)
    #expect(
      fault.description == "column \(column): found \(fault.found), expected \(fault.expected)")
    expectPicture(of: fault)
  }

  // Three lines, nothing in them that a terminal obeys, and the caret below the column.
  private func expectPicture(of fault: QueryFault) {
    let lines = fault.rendered.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 3)
    #expect(lines[1].last == "^" && lines[1].dropLast().allSatisfy { $0 == " " })
    #expect(!fault.rendered.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    if fault.column <= 60 { #expect(lines[1].count == fault.column) }
    #expect(fault.rendered.count < 600)
  }

  @Test(arguments: [
    (String(repeating: "(", count: 4000), 17), (String(repeating: "not ", count: 1000), 65),
    (String(repeating: "a = 1 and ", count: 100) + "b = 2", 641),
    ("a in [" + String(repeating: "1, ", count: 1000) + "1]", 199),
    (String(repeating: "x", count: 4097), 4096), (String(repeating: " ", count: 5000), 4096),
    (String(repeating: "x", count: 1_000_000), 4096), (String(repeating: "\"", count: 4095), 1),
    (String(repeating: "a.", count: 2000) + "a = 1", 1),
    ("a" + String(repeating: "[0]", count: 1000) + " = 1", 1),
    (String(repeating: "1", count: 4096), 1), (String(repeating: "-", count: 4000), 1),
    (String(repeating: "\u{1F600}", count: 1025), 1024),
    ("a = '" + String(repeating: "\u{301}", count: 2000), 5),
  ])
  func `a huge query is refused at its column`(text: String, column: Int) throws {
    let fault = try #require(throws: QueryFault.self) { try Query(text) }
    #expect(fault.column == column, "\(fault)")
    #expect(fault.text.utf8.count <= Query.bytesMax + 2)
    expectPicture(of: fault)
  }

  @Test(arguments: [
    ("group by", 9), ("group by hardware, hardware", 20), ("group by hardware,", 19),
    ("a = 1 group by b select c", 18), ("select a group by b", 10), ("limit 5 limit 6", 9),
    ("limit 0", 7), ("limit 10001", 7), ("limit -1", 7), ("limit 1.5", 7), ("limit 1e1", 7),
    ("limit", 6), ("limit '5'", 7), ("order by", 9), ("order by a desc asc", 17),
    ("order by a order by b", 12), ("order by 1", 10), ("select *", 8), ("select", 7),
    ("select device device", 15), ("group by a order by b", 21), ("order by b group by a", 12),
    ("a = 1 group by b having c", 18), ("limit 5 a = 1", 9), ("select count", 0), ("order a", 7),
    ("select " + (0..<17).map { "a\($0)" }.joined(separator: ", "), 78), ("a = ", 5),
    ("group by tags", 14), ("group by lastSeen < 5", 19), ("order by count() desc", 15),
  ])
  func `a wrong tail is refused at its column`(text: String, column: Int) throws {
    guard column > 0 else {
      #expect(try QueryStatement(text).selection.map(\.description) == ["reported.count"])
      return
    }
    let fault = try #require(throws: QueryFault.self) { try QueryStatement(text) }
    #expect(fault.column == column, "\(fault)")
  }

  @Test func `the picture of a long query shows where it goes wrong`() throws {
    let text =
      String(repeating: "a = 1 and ", count: 20) + "b = x" + String(repeating: " ", count: 90)
    let fault = try #require(throws: QueryFault.self) { try Query(text) }
    let lines = fault.rendered.split(separator: "\n")
    #expect(lines[0].hasPrefix("... ") && lines[0].hasSuffix(" ..."))
    #expect(lines[0].dropFirst(lines[1].count - 1).first == "x")
    #expect(
      fault.description == "column 205: found the word 'x', expected a value; text stands in "
        + "quotes, \"x\"")
  }

  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `mutated queries are read or refused and never do harm`(seed: UInt64) throws {
    var chance = Chance(state: seed)
    let alphabet = Array("()[]<>=!'\"\\,.*?%-+:_ aevTZ0159\n\t\u{e9}\u{301}\u{1F600}\u{0}\u{202E}")
    let corpus =
      HostileQueries.all.map(\.text) + (0..<200).map { _ in QueryComposer.query(&chance) }
    for _ in 0..<1000 {
      var text = Array(corpus[Int.random(in: 0..<corpus.count, using: &chance)])
      for _ in 0..<Int.random(in: 1...4, using: &chance) {
        let place = Int.random(in: 0...text.count, using: &chance)
        switch Int.random(in: 0..<5, using: &chance) {
        case 0 where place < text.count: text.remove(at: place)
        case 1 where place < text.count:
          text[place] = alphabet[Int.random(in: 0..<alphabet.count, using: &chance)]
        case 2: text.insert(contentsOf: text[place...].prefix(20), at: place)
        case 3:
          let other = Array(corpus[Int.random(in: 0..<corpus.count, using: &chance)])
          text = Array(text[..<place]) + other.dropFirst(place)
        default:
          text.insert(alphabet[Int.random(in: 0..<alphabet.count, using: &chance)], at: place)
        }
      }
      check(String(text), seed: seed)
    }
  }

  private func check(_ text: String, seed: UInt64) {
    do throws(QueryFault) {
      let statement = try QueryStatement(text)
      // What was read can be written and read again, and asked of any device.
      if statement.description.utf8.count <= Query.bytesMax {
        let again = try QueryStatement(statement.description)
        #expect(again == statement, "seed \(seed): \(text)")
      }
      let matches = statement.filter.matches(TwinSpecimen.berlin, at: TwinSpecimen.now)
      let verdict = statement.filter.explain(TwinSpecimen.berlin, at: TwinSpecimen.now)
      #expect((verdict == .holds) == matches, "seed \(seed): \(text)")
    } catch {
      #expect((1...text.count + 1).contains(error.column), "seed \(seed): \(text)")
      #expect(
        error.rendered.split(separator: "\n", omittingEmptySubsequences: false).count == 3,
        "seed \(seed): \(text)")
    }
  }
}
