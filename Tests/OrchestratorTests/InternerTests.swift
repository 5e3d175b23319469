// InternerTests: texts that devices share, and texts that one device makes up.

import Testing

@testable import Orchestrator

@Suite struct InternerTests {
  @Test func `a text that nobody uses gives its number to the next`() {
    var interner = Interner()
    var present: UInt32?
    for turn in 0..<1000 {
      let number = interner.number(of: "version \(turn)")
      interner.move(from: present, to: number)
      present = number
      #expect(number <= 2)
      #expect(interner.text(number) == "version \(turn)")
    }
    #expect(interner.counts.map(\.text) == ["version 999"])
  }

  @Test func `a text that is shared stays as long as one uses it`() {
    var interner = Interner()
    let number = interner.number(of: "1.0")
    interner.move(from: nil, to: number)
    interner.move(from: nil, to: number)
    interner.move(from: number, to: Interner.none)
    #expect(interner.text(number) == "1.0")
    interner.move(from: number, to: number)
    #expect(interner.number(of: "1.0") == number)
    interner.move(from: number, to: nil)
    #expect(interner.counts.count == 1)
  }
}
