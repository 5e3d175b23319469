// SimulatedDiskTests: the store on a disk in memory that loses power, tears writes and fills up.

import FleetStore
import Testing
import UpdateModel

struct SimulatedDiskTests {
  private func open(_ disk: SimulatedDisk) throws -> Store {
    try Store(disk: disk, pendingLimit: 1000, logPagesDue: 30)
  }

  private func contents(_ store: Store) throws -> (counter: UInt32, codes: [Int?]) {
    var fleet = Fleet()
    try store.load(&fleet)
    let page = try store.history(of: try Sample.key(1), limit: 1000)
    return (fleet.actionCounter, page.entries.map(\.content.code))
  }

  private func add(_ number: Int, to store: Store) throws -> UInt64 {
    store.enqueue([.report(try Sample.report(number)), .actionCounter(UInt32(number))])
  }

  @Test func `a store without threads writes when it is told to and not before`() throws {
    let disk = SimulatedDisk(seed: 1)
    let store = try open(disk)
    store.start(.manual)
    let ticket = try add(1, to: store)
    #expect(store.committedTicket < ticket)
    #expect(store.commitPending())
    #expect(store.committedTicket == ticket)
    #expect(!store.commitPending(), "nothing waits any more")
    #expect(store.stop() == nil)
    #expect(try contents(try open(disk)).counter == 1)
  }

  @Test func `what was committed survives a power failure at any write, and nothing is halved`()
    throws
  {
    let seed = Dice.seed()
    var dice = Dice(seed: seed)
    let disk = SimulatedDisk(seed: seed)
    var number = 0
    var safe = 0
    for life in 0..<60 {
      // The power may fail while the store is being opened, too.
      var store: Store?
      while store == nil {
        disk.failPower(after: dice.roll(3) == 0 ? dice.roll(40) : nil)
        do throws(StoreError) {
          store = try Store(disk: disk, pendingLimit: 1000, logPagesDue: 30)
        } catch {
          try #require(disk.isDown, "seed \(seed), life \(life): \(error)")
          disk.crash { dice.roll($0) }
        }
      }
      let opened = try #require(store)
      let (counter, codes) = try contents(opened)
      #expect(counter >= safe, "seed \(seed), life \(life)")
      #expect(codes == (0..<Int(counter)).map { Int(counter) - $0 }, "seed \(seed), life \(life)")
      number = Int(counter)
      safe = number
      opened.start(.manual)
      disk.failPower(after: 3 + dice.roll(30))
      while !disk.isDown {
        number += 1
        let ticket = try add(number, to: opened)
        opened.commitPending()
        if opened.committedTicket >= ticket { safe = number }
      }
      disk.crash { dice.roll($0) }
    }
  }

  @Test func `what was not synced is lost, kept or torn at a sector, by the numbers drawn`() throws
  {
    func left(_ draw: @escaping (Int) -> Int) throws -> UInt32 {
      let disk = SimulatedDisk(seed: 3)
      let store = try open(disk)
      store.start(.manual)
      _ = try add(1, to: store)
      store.commitPending()
      _ = try add(2, to: store)
      // Two pages are written to the log and then not synced.
      disk.failPower(after: 2)
      store.commitPending()
      #expect(disk.isDown)
      disk.crash(draw: draw)
      return try contents(try open(disk)).counter
    }
    #expect(try left { _ in 0 } == 1, "everything is lost")
    #expect(try left { bound in min(2, bound - 1) } == 1, "a part of a commit is no commit")
  }

  @Test(arguments: [SimulatedDisk.Trouble.full, .failing])
  func `trouble with the disk delays changes and loses none`(trouble: SimulatedDisk.Trouble) throws
  {
    let disk = SimulatedDisk(seed: 4)
    let store = try open(disk)
    store.start(.manual)
    _ = try add(1, to: store)
    store.commitPending()
    disk.trouble = trouble
    for number in 2...5 {
      _ = try add(number, to: store)
      #expect(store.commitPending())
      #expect(!store.isHealthy)
    }
    disk.trouble = .none
    store.commitPending()
    #expect(store.isHealthy)
    #expect(store.stop() == nil)
    let (counter, codes) = try contents(try open(disk))
    #expect(counter == 5)
    #expect(codes == [5, 4, 3, 2, 1])
  }

  @Test func `the log is moved into the database while the store is moved by hand`() throws {
    let disk = SimulatedDisk(seed: 5)
    let store = try open(disk)
    store.start(.manual)
    for number in 1...400 {
      _ = try add(number, to: store)
      store.commitPending()
    }
    // Each commit adds two pages or more to the log, so without that it alone would be as long.
    #expect(disk.byteCount < 400 * 2 * 4096)
    #expect(store.stop() == nil)
    #expect(try contents(try open(disk)).counter == 400)
  }
}
