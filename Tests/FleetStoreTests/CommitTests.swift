// CommitTests: order, grouping, waiting and refusals of the writer.

import FleetStore
import Synchronization
import Testing
import UpdateModel

@testable import struct FleetStore.JoinableThread

struct CommitTests {
  @Test func `tickets are given one by one and commit in order`() throws {
    let directory = try Directory()
    let seen = Committed()
    let store = try Store(
      directory: directory.path, pendingLimit: 1000,
      onCommit: { ticket in seen.tickets.withLock { $0.append(ticket) } })
    let before = (1...5).map { store.enqueue(.actionCounter(UInt32($0))) }
    #expect(before == [1, 2, 3, 4, 5])
    #expect(store.committedTicket == 0)
    store.start()
    for number in 6...200 {
      let ticket = store.enqueue([
        .actionCounter(UInt32(number)), .report(try Sample.report(number)),
      ])
      #expect(ticket == UInt64(number))
      if number.isMultiple(of: 7) {
        try store.wait(for: ticket)
        #expect(store.committedTicket >= ticket)
      }
    }
    #expect(store.stop() == nil)
    let tickets = seen.tickets.withLock { $0 }
    #expect(tickets == tickets.sorted())
    #expect(Set(tickets).count == tickets.count)
    #expect(tickets.last == 200)
    #expect(try contents(of: directory).actionCounter == 200)
  }

  @Test func `many who wait share few transactions`() throws {
    let directory = try Directory()
    let store = try openStore(directory)
    let threads = 32
    let each = 100
    let reports = try (0..<threads).map { try Sample.report($0, device: $0) }
    let counters = Counters()
    let workers = reports.map { report in
      JoinableThread {
        for _ in 0..<each {
          do throws(StoreError) { try store.wait(for: store.enqueue(.report(report))) } catch {
            counters.failures.add(1, ordering: .relaxed)
          }
        }
      }
    }
    for worker in workers { worker.join() }
    #expect(counters.failures.load(ordering: .relaxed) == 0)
    #expect(store.committedTicket == UInt64(threads * each))
    #expect(store.commitCount < UInt64(threads * each / 3))
    store.stop()
    let page = try store.history(of: try Sample.key(3), limit: 1000)
    #expect(page.entries.count == each)
  }

  @Test func `a full queue is not accepting until it is written`() throws {
    let directory = try Directory()
    let store = try Store(directory: directory.path, pendingLimit: 3)
    #expect(store.isAccepting)
    _ = store.enqueue([.actionCounter(1), .actionCounter(2)])
    #expect(store.isAccepting)
    let ticket = store.enqueue(.actionCounter(3))
    #expect(!store.isAccepting)
    store.start()
    try store.wait(for: ticket)
    #expect(store.isAccepting)
    store.stop()
  }

  @Test func `a ticket of a stopped store is refused`() throws {
    let store = try openStore(try Directory())
    store.stop()
    let ticket = store.enqueue(.actionCounter(1))
    #expect(throws: StoreError.stopped) { try store.wait(for: ticket) }
  }
}

final class Committed: Sendable {
  let tickets = Mutex<[UInt64]>([])
}

final class Counters: Sendable {
  let failures = Atomic<Int>(0)
}
