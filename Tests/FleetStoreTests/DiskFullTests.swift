// DiskFullTests: a full disk stops nothing for good and changes no order.

import FleetStore
import Glibc
import Synchronization
import Testing
import UpdateModel

/// A small file system in memory; gone with its owner. Needs the right to mount.
final class SmallDisk: Sendable {
  let directory: Directory

  /// Nil where mounting is not allowed.
  init?(bytes: Int) throws {
    directory = try Directory()
    guard mount("tmpfs", directory.path, "tmpfs", 0, "size=\(bytes)") == 0 else { return nil }
  }

  deinit { umount2(directory.path, Int32(MNT_DETACH)) }

  static let isPossible: Bool = {
    // Asked once, to skip the tests with a reason where it is not.
    guard let disk = try? SmallDisk(bytes: 1 << 16) else { return false }
    return !disk.directory.path.isEmpty
  }()

  private var ballast: String { directory.path + "/ballast" }

  /// Leaves no free block.
  func fill() {
    guard let file = fopen(ballast, "wb") else { return }
    setvbuf(file, nil, Int32(_IONBF), 0)
    let block = [UInt8](repeating: 1, count: 4096)
    while fwrite(block, 1, block.count, file) == block.count {}
    fclose(file)
  }

  /// Gives the blocks back.
  func free() { unlink(ballast) }
}

struct DiskFullTests {
  final class Log: Sendable {
    let failures = Mutex<[(ticket: UInt64, error: StoreError)]>([])
    let commits = Mutex<[UInt64]>([])
  }

  @Test(.enabled(if: SmallDisk.isPossible, "needs the right to mount a tmpfs"))
  func `a full disk delays changes, keeps their order and loses none`() throws {
    let disk = try #require(try SmallDisk(bytes: 64 << 20))
    let log = Log()
    let store = try Store(
      directory: disk.directory.path, pendingLimit: 100_000,
      onCommit: { ticket in log.commits.withLock { $0.append(ticket) } },
      onFailure: { ticket, error in log.failures.withLock { $0.append((ticket, error)) } })
    store.start()
    try store.wait(for: store.enqueue(.actionCounter(1)))
    disk.fill()
    let text = String(repeating: "x", count: 4000)
    var ticket: UInt64 = 0
    var number = 0
    // All of it fits twice, in the log and in the database, once the disk is free again.
    while store.isHealthy, number < 2000 {
      number += 1
      ticket = store.enqueue([
        .report(try Sample.report(number, text: text)), .actionCounter(UInt32(number)),
      ])
    }
    #expect(throws: StoreError.full) { try store.wait(for: ticket) }
    let before = store.committedTicket
    // What comes now joins what waits.
    number += 1
    ticket = store.enqueue([.report(try Sample.report(number)), .actionCounter(UInt32(number))])
    #expect(!store.isHealthy)
    #expect(store.committedTicket == before)
    #expect(store.committedTicket < ticket)
    disk.free()
    while store.committedTicket < ticket { usleep(10_000) }
    #expect(store.isHealthy)
    try store.wait(for: ticket)
    let failures = log.failures.withLock { $0 }
    #expect(failures.allSatisfy { $0.error == .full })
    #expect(Set(failures.map(\.ticket)).count == failures.count)
    #expect(log.commits.withLock { $0 == $0.sorted() && $0.last == ticket })
    var codes: [Int?] = []
    var position: Int64?
    repeat {
      let page = try store.history(of: try Sample.key(1), before: position, limit: 1000)
      codes += page.entries.map(\.content.code)
      position = page.next
    } while position != nil
    #expect(codes == (1...number).reversed().map { $0 })
    #expect(store.stop() == nil)
    #expect(try contents(of: disk.directory).actionCounter == UInt32(number))
  }

  @Test(.enabled(if: SmallDisk.isPossible, "needs the right to mount a tmpfs"))
  func `a store on a full disk can be stopped and says what was not written`() throws {
    let disk = try #require(try SmallDisk(bytes: 4 << 20))
    let store = try openStore(disk.directory)
    try store.wait(for: store.enqueue(.actionCounter(1)))
    disk.fill()
    let text = String(repeating: "x", count: 100_000)
    _ = store.enqueue([.report(try Sample.report(1, text: text)), .actionCounter(2)])
    #expect(store.stop() == .full)
    disk.free()
    #expect(try contents(of: disk.directory).actionCounter == 1)
  }
}
