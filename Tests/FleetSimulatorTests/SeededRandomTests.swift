// SeededRandomTests: the sequence of a seed never changes.

import FleetSimulator
import Testing
import UpdateModel

@Suite struct SeededRandomTests {
  @Test func `the sequence of a seed is fixed for ever`() {
    var random = SeededRandom(seed: 42)
    #expect(
      (0..<4).map { _ in random.next() } == [
        1_865_750_160_070_900_731, 6_791_145_067_590_612_263, 14_118_064_813_682_728_970,
        9_635_752_540_451_604_334,
      ])
    var stream = SeededRandom(seed: 42, stream: 9)
    #expect(
      (0..<2).map { _ in stream.next() }
        == [14_884_518_811_761_631_079, 646_456_729_272_181_288])
  }

  @Test(arguments: [1, 2, 7, 1000, Int.max])
  func `numbers stay below their bound`(bound: Int) {
    var random = SeededRandom(seed: 5)
    for _ in 0..<1000 { #expect((0..<bound).contains(random.below(bound))) }
  }

  @Test func `every number below a small bound occurs`() {
    var random = SeededRandom(seed: 6)
    #expect(Set((0..<200).map { _ in random.within(3...8) }) == Set(3...8))
  }

  @Test func `a share is met by about as many calls`() {
    var random = SeededRandom(seed: 7)
    let hits = (0..<10_000).count { _ in random.chance(share(2000)) }
    #expect((1850...2150).contains(hits))
    #expect(!(0..<1000).contains { _ in random.chance(.none) })
    #expect((0..<1000).allSatisfy { _ in random.chance(.whole) })
  }

  @Test func `no interval is drawn below zero`() {
    var random = SeededRandom(seed: 8)
    #expect(random.interval(below: .zero) == .zero)
    #expect((0..<500).allSatisfy { _ in random.interval(below: .seconds(1)) < .seconds(1) })
  }

  @Test func `the queue gives back by time and, at equal times, in order`() {
    var queue = TimedQueue<Int>()
    var random = SeededRandom(seed: 9)
    let dues = (0..<500).map { _ in Int64(random.below(40)) }
    for (number, due) in dues.enumerated() { queue.add(number, due: Instant(milliseconds: due)) }
    var taken: [Int] = []
    while let (_, number) = queue.removeFirst() { taken.append(number) }
    #expect(taken == dues.indices.sorted { (dues[$0], $0) < (dues[$1], $1) })
  }

  @Test func `the queue keeps back what is not due`() {
    var queue = TimedQueue<Int>()
    queue.add(1, due: Instant(milliseconds: 10))
    #expect(queue.removeFirst(dueBy: Instant(milliseconds: 9)) == nil)
    #expect(queue.removeFirst(dueBy: Instant(milliseconds: 10)) == 1)
    #expect(queue.firstDue == nil)
  }
}
