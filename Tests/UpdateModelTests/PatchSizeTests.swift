// PatchSizeTests: large patches cost what they weigh, and those that are too large are told so.

import Testing
import UpdateModel

@Suite struct PatchSizeTests {
  private static let noon = Instant(milliseconds: 43_200_000)
  private static let later = Instant(milliseconds: 50_000_000)

  private func object(_ names: some Sequence<Int>, _ value: JSON = 1) -> JSON {
    .object(names.map { JSON.Member("k\($0)", value) })
  }

  private func refusal(
    _ patch: JSON, in twin: inout Twin, _ part: Twin.Part = .reported
  ) -> String? {
    do {
      try twin.merge(patch, into: part, at: Self.later)
      return nil
    } catch { return error.reason }
  }

  @Test func `a patch of too many properties is refused for its own size`() throws {
    var twin = Twin()
    // Nothing of it would be kept, so only its own size can be the reason.
    let most = object(0..<Twin.patchPropertiesMax, .null)
    #expect(refusal(most, in: &twin) == nil)
    let more = object(0...Twin.patchPropertiesMax, .null)
    let reason = try #require(refusal(more, in: &twin))
    #expect(reason.contains("a patch names \(Twin.patchPropertiesMax + 1) properties"))
    let nested = JSON.object([JSON.Member("a", more)])
    #expect(refusal(nested, in: &twin)?.contains("a patch names") == true)
    #expect(twin == Twin())
  }

  @Test(arguments: Twin.Part.allCases)
  func `a patch of too many bytes is refused for its own size`(part: Twin.Part) throws {
    var twin = Twin()
    // The name of a property that is taken away: nothing of it would be kept.
    func patch(_ bytes: Int) -> JSON {
      .object([JSON.Member(String(repeating: "n", count: bytes - #"{"":null}"#.utf8.count), .null)])
    }
    #expect(refusal(patch(part.patchBytesMax), in: &twin, part) == nil)
    let reason = try #require(refusal(patch(part.patchBytesMax + 1), in: &twin, part))
    #expect(reason.contains("a patch has \(part.patchBytesMax + 1) bytes"))
  }

  @Test func `the longest step between two allowed documents is a patch that is allowed`() throws {
    var twin = Twin()
    let full = Twin.propertiesMax
    try twin.merge(object(0..<full), into: .reported, at: Self.noon)
    let new = object(full..<(2 * full), "twenty bytes of text")
    let patch = try #require(twin.reported.properties.mergePatch(to: new))
    try twin.merge(patch, into: .reported, at: Self.later)
    #expect(twin.reported.properties == new)
  }

  // In minutes where every member is compared with every other; the limit only ends the wait.
  @Test(.timeLimit(.minutes(1)))
  func `the members of large objects are looked up, not searched`() throws {
    let (half, count) = (20_000, 40_000)
    let left = object(0..<count, 1)
    let right = object(half..<(count + half), 2)
    let merged = left.merging(right)
    #expect(merged.members?.count == count + half)
    #expect(merged.members?.first?.value == 1 && merged.members?.last?.key == "k59999")
    let patch = try #require(merged.mergePatch(to: right))
    #expect(patch.members?.count == half && patch.members?.allSatisfy { $0.value == .null } == true)
    #expect(merged.merging(patch) == right)
  }

  @Test(arguments: [1, 30])
  func `names are told apart by their bytes, in small patches and in large ones`(
    fillers: Int
  ) throws {
    let (composed, apart) = ("caf\u{E9}", "cafe\u{301}")
    let filling = (0..<fillers).map { JSON.Member("f\($0)", 0) }
    let before = JSON.object([JSON.Member(composed, 1), JSON.Member("z", 1)])
    let after = before.merging(.object(filling + [JSON.Member(apart, 2), JSON.Member("z", .null)]))
    #expect(after[composed] == 1 && after[apart] == 2 && after["z"] == nil)
    #expect(after.members?.count == fillers + 2)
    // One that is told twice, as only code can do it, has its last value at its first place.
    let twice = before.merging(
      .object(filling + [JSON.Member("y", 1), JSON.Member("x", 1), JSON.Member("y", 3)]))
    #expect(twice.members?.suffix(2).map(\.key) == ["y", "x"] && twice["y"] == 3)
    let again = before.merging(
      .object(filling + [JSON.Member("z", .null), JSON.Member("z", 5)]))
    #expect(again.members?.last == JSON.Member("z", 5))
  }

  @Test func `half of a full twin changes, and only that half is new`() throws {
    var twin = Twin()
    let groups = (0..<100).map { group in
      JSON.Member("g\(group)", object(0..<10, 1))
    }
    try twin.merge(.object(groups), into: .reported, at: Self.noon)
    let changes = (0..<100).map { JSON.Member("g\($0)", object(0..<5, 2)) }
    try twin.merge(
      .object(changes + [JSON.Member("g7", "plain")]), into: .reported, at: Self.later)
    for (pointer, at) in twin.reported.times {
      let isNew = pointer == "/g7" || (pointer.last.flatMap(\.wholeNumberValue) ?? 9) < 5
      #expect(at == (isNew ? Self.later : Self.noon), "\(pointer)")
    }
    #expect(twin.reported.times.count == 991)
    // What was a text becomes an object: all in it is new.
    try twin.merge(
      ["g7": ["a": 1, "b": [:]]], into: .reported, at: Self.later + Interval(milliseconds: 1))
    let times = twin.reported.times.filter { $0.pointer.hasPrefix("/g7/") }
    #expect(times.map(\.pointer) == ["/g7/a", "/g7/b"])
    #expect(times.allSatisfy { $0.at > Self.later })
  }
}
