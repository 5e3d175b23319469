// FormerPlaceTests: a place that a batch took over gets back what it had.

import Testing
import UpdateModel

@Suite struct FormerPlaceTests {
  private static let now = Instant(milliseconds: 1_800_000_000_000)

  private func claim(_ byte: UInt8) throws -> DeviceClaim {
    DeviceClaim(
      digest: try #require(Digest(bytes: [UInt8](repeating: byte, count: 32))),
      expires: FormerPlaceTests.now)
  }

  @Test func `a place leaves a batch as it came`() throws {
    let bare = Enrolment(state: .provisioned)
    var labelled = bare
    labelled.batch = 1
    labelled.claim = try claim(1)
    var adopted = bare
    adopted.join(batch: 2, with: try claim(2))
    for place in [bare, labelled, adopted] {
      var taken = place
      taken.join(batch: 9, with: try claim(9))
      #expect(taken.batch == 9 && taken.precedesBatch)
      #expect(taken.claim == (try claim(9)))
      let read = try Enrolment(try #require(taken.document))
      #expect(read == taken)
      var back = read
      back.leaveBatch()
      #expect(back.batch == place.batch && back.claim == place.claim)
      #expect(back.precedesBatch == place.precedesBatch && back.former == nil)
    }
  }

  @Test func `a former claim that cannot be read is refused`() {
    #expect(throws: InvalidValue.self) {
      try Enrolment(["state": "provisioned", "former": ["claim": ["id": "x"]]])
    }
  }
}
