// CrashTests: what was acknowledged survives a stop at any moment and a torn log.

import FleetStore
import Glibc
import Testing
import UpdateModel

struct CrashTests {
  private func read(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw TestFailure("no \(path)") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
    }
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    guard let file = fopen(path, "wb") else { throw TestFailure("no \(path)") }
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw TestFailure(path) }
  }

  /// Opens what a killed server would have left.
  private func revive(database: [UInt8], log: [UInt8]) throws -> (counter: UInt32, codes: [Int?]) {
    let directory = try Directory()
    try write(database, to: directory.path + "/groundswell.db")
    try write(log, to: directory.path + "/groundswell.db-wal")
    let store = try Store(directory: directory.path, pendingLimit: 10)
    var fleet = Fleet()
    try store.load(&fleet)
    let page = try store.history(of: try Sample.key(1), limit: 1000)
    return (fleet.actionCounter, page.entries.map(\.content.code))
  }

  @Test func `a killed server loses nothing that was acknowledged`() throws {
    let directory = try Directory()
    let store = try openStore(directory)
    for number in 1...300 {
      let ticket = store.enqueue([
        .report(try Sample.report(number)), .actionCounter(UInt32(number)),
      ])
      guard number.isMultiple(of: 30) else { continue }
      try store.wait(for: ticket)
      // More is written while the files are copied.
      for extra in 0..<5 { _ = store.enqueue(.report(try Sample.report(extra, device: 2))) }
      let (counter, codes) = try revive(
        database: try read(directory.path + "/groundswell.db"),
        log: try read(directory.path + "/groundswell.db-wal"))
      #expect(counter == number)
      #expect(codes == (1...number).reversed().map { $0 })
    }
    store.stop()
  }

  @Test func `a torn log keeps every commit before the tear, whole`() throws {
    let seed = Dice.seed()
    var dice = Dice(seed: seed)
    let directory = try Directory()
    let store = try openStore(directory)
    var sizes: [Int] = []
    let log = directory.path + "/groundswell.db-wal"
    for number in 1...60 {
      try store.wait(
        for: store.enqueue([
          .report(try Sample.report(number, text: String(repeating: "x", count: dice.roll(9000)))),
          .actionCounter(UInt32(number)),
        ]))
      var status = stat()
      #expect(stat(log, &status) == 0)
      sizes.append(Int(status.st_size))
    }
    let database = try read(directory.path + "/groundswell.db")
    let whole = try read(log)
    for _ in 0..<60 {
      // Inside the migration there is nothing to lose yet.
      let offset = sizes[0] + dice.roll(whole.count - sizes[0])
      var torn = whole
      if dice.roll(2) == 0 {
        torn.removeSubrange(offset...)
      } else {
        torn[offset] ^= UInt8(1 + dice.roll(255))
        for index in offset..<min(torn.count, offset + dice.roll(5000)) where index != offset {
          torn[index] = UInt8(dice.roll(256))
        }
      }
      let (counter, codes) = try revive(database: database, log: torn)
      let safe = sizes.count { $0 <= offset }
      #expect(counter >= safe, "seed \(seed), offset \(offset)")
      // A commit is there with all its changes or not at all.
      #expect(
        codes == (0..<Int(counter)).map { Int(counter) - $0 }, "seed \(seed), offset \(offset)")
    }
    store.stop()
  }
}
