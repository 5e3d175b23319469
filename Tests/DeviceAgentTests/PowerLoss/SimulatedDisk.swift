// SimulatedDisk: an `AgentDisk` in memory whose power fails at a chosen operation.

import Synchronization

@testable import DeviceAgent

/// Files, folders, links and block devices. What was not forced may be lost by `crash`; names are
/// lost from the end of the changes in their folder, as a journalling file system does it.
final class SimulatedDisk: AgentDisk {
  fileprivate enum Node: Equatable {
    case file(Int)
    case device(Int)
    case folder
    case link(String)
  }

  private struct NameChange {
    let folder: String
    let changes: [(path: String, node: Node?)]
  }

  fileprivate struct State {
    var inodes: [SimulatedInode] = []
    var names: [String: Node] = ["/": .folder]
    var durableNames: [String: Node] = ["/": .folder]
    private var pendingNames: [NameChange] = []
    var operations = 0
    var failAt: Int?
    var isDown = false
    var life = 0
    var tear = Draw(seed: 0)
    var freeBytes: Int64 = 1 << 30
    var badFiles: Set<Int> = []

    mutating func change(_ folder: String, _ changes: [(path: String, node: Node?)]) {
      for (path, node) in changes { names[path] = node }
      pendingNames.append(NameChange(folder: folder, changes: changes))
    }

    mutating func syncNames(in folder: String) {
      for change in pendingNames where change.folder == folder {
        for (path, node) in change.changes { durableNames[path] = node }
      }
      pendingNames.removeAll { $0.folder == folder }
    }

    mutating func crashNames(_ draw: inout Draw) {
      for folder in Set(pendingNames.map(\.folder)).sorted() {
        let changes = pendingNames.filter { $0.folder == folder }
        for change in changes.prefix(draw(changes.count + 1)) {
          for (path, node) in change.changes { durableNames[path] = node }
        }
      }
      pendingNames = []
      names = durableNames
    }
  }

  private let state = Mutex(State())
  /// Smallest piece that the medium writes as a whole: 1 is the worst, 512 an ordinary one.
  private let atomicBytes: Int

  init(atomicBytes: Int = 1) { self.atomicBytes = atomicBytes }

  // MARK: For tests

  /// Operations that change or force something, so far.
  var operations: Int { state.withLock { $0.operations } }

  var isDown: Bool { state.withLock { $0.isDown } }

  /// Lets the power fail within the operation of this number.
  func failPower(at operation: Int?) { state.withLock { $0.failAt = operation } }

  /// Settles what is left after a power failure, and goes on.
  func crash(seed: UInt64) {
    state.withLock { state in
      var draw = Draw(seed: seed)
      state.crashNames(&draw)
      for index in state.inodes.indices { state.inodes[index].crash(&draw) }
      state.isDown = false
      state.failAt = nil
      state.life += 1
      state.tear = draw
    }
  }

  /// Puts a durable file, with its folders, as if it had been there for ever.
  func install(_ path: String, _ bytes: [UInt8], isDevice: Bool = false) {
    state.withLock { state in
      state.inodes.append(SimulatedInode(bytes, atomicBytes: atomicBytes))
      let index = state.inodes.count - 1
      let node: Node = isDevice ? .device(index) : .file(index)
      var folder = SlotPair.folder(of: path)
      while folder != "/" {
        state.names[folder] = .folder
        state.durableNames[folder] = .folder
        folder = SlotPair.folder(of: folder)
      }
      state.names[path] = node
      state.durableNames[path] = node
    }
  }

  /// What a reader sees; nil when there is no such file.
  func content(_ path: String) -> [UInt8]? {
    state.withLock { state in
      Self.resolve(path, state).map { state.inodes[$0].content }
    }
  }

  /// From now on the medium keeps other bytes than are written to this file.
  func spoil(_ path: String) {
    state.withLock { state in
      if let index = Self.resolve(path, state) { state.badFiles.insert(index) }
    }
  }

  // MARK: AgentDisk

  private static let noPower = AgentError.system(operation: "power", path: "the disk", code: 5)

  private static func missing(_ path: String) -> AgentError {
    .system(operation: "open", path: path, code: 2)
  }

  private static func resolve(_ path: String, _ state: borrowing State) -> Int? {
    switch state.names[path] {
    case .file(let index), .device(let index): index
    case .link(let target): resolve("\(SlotPair.folder(of: path))/\(target)", state)
    case .folder, nil: nil
    }
  }

  private func look<Value>(
    _ body: (inout sending State) throws(AgentError) -> sending Value
  ) throws(AgentError) -> sending Value {
    try state.withLock { state throws(AgentError) in
      guard !state.isDown else { throw Self.noPower }
      return try body(&state)
    }
  }

  /// Counts an operation; when it is the fatal one, `body` may still do a part of its work.
  fileprivate func change(
    _ body: (inout sending State, _ isFatal: Bool) throws(AgentError) -> Void
  ) throws(AgentError) {
    try state.withLock { state throws(AgentError) in
      guard !state.isDown else { throw Self.noPower }
      state.operations += 1
      guard state.operations == state.failAt else { return try body(&state, false) }
      state.isDown = true
      try body(&state, true)
      throw Self.noPower
    }
  }

  func open(_ path: String, _ mode: DiskMode) throws(AgentError) -> any DiskFile {
    let isMaking: Bool
    switch mode {
    case .read, .write, .exclusive: isMaking = false
    case .create, .createProgram: isMaking = true
    }
    if isMaking, try !exists(path) {
      let folder = SlotPair.folder(of: path)
      guard try exists(folder) else { throw Self.missing(path) }
      try change { state, _ in
        state.inodes.append(SimulatedInode(atomicBytes: self.atomicBytes))
        state.change(folder, [(path, .file(state.inodes.count - 1))])
      }
    }
    let (index, life) = try look { state throws(AgentError) -> (Int, Int) in
      guard let index = Self.resolve(path, state) else { throw Self.missing(path) }
      return (index, state.life)
    }
    return SimulatedFile(disk: self, index: index, life: life)
  }

  func exists(_ path: String) throws(AgentError) -> Bool {
    try look { state in state.names[path] == .folder || Self.resolve(path, state) != nil }
  }

  func isBlockDevice(_ path: String) throws(AgentError) -> Bool {
    try look { state in
      if case .device = state.names[path] { return true }
      return false
    }
  }

  func rename(_ path: String, to target: String) throws(AgentError) {
    try change { state, isFatal throws(AgentError) in
      guard let node = state.names[path] else { throw Self.missing(path) }
      // All or nothing; a fatal one may have reached the journal of the file system.
      if isFatal, state.tear(2) == 0 { return }
      state.change(SlotPair.folder(of: target), [(path, nil), (target, node)])
    }
  }

  func remove(_ path: String) throws(AgentError) {
    try change { state, _ in
      if state.names[path] != nil { state.change(SlotPair.folder(of: path), [(path, nil)]) }
    }
  }

  func syncDirectory(_ path: String) throws(AgentError) {
    try change { state, isFatal in
      if !isFatal { state.syncNames(in: path) }
    }
  }

  func makeDirectory(_ path: String) throws(AgentError) {
    if try exists(path) { return }
    let above = SlotPair.folder(of: path)
    try makeDirectory(above)
    try change { state, _ in state.change(above, [(path, .folder)]) }
    try syncDirectory(above)
  }

  func names(in path: String) throws(AgentError) -> [String] {
    try look { state in
      state.names.keys.filter { $0 != "/" && SlotPair.folder(of: $0) == path }
        .map { String($0.dropFirst(path.count + 1)) }.sorted()
    }
  }

  func link(_ path: String, to target: String) throws(AgentError) {
    try change { state, _ throws(AgentError) in
      guard state.names[path] == nil else {
        throw AgentError.system(operation: "link", path: path, code: 17)
      }
      state.change(SlotPair.folder(of: path), [(path, .link(target))])
    }
  }

  func target(ofLink path: String) throws(AgentError) -> String? {
    try look { state in
      if case .link(let target) = state.names[path] { return target }
      return nil
    }
  }

  func freeBytes(at path: String) throws(AgentError) -> Int64 {
    try look { state in state.freeBytes }
  }

  // MARK: Open files

  fileprivate func inode(_ index: Int, life: Int) throws(AgentError) -> SimulatedInode {
    try look { state throws(AgentError) in
      guard state.life == life else { throw Self.noPower }
      return state.inodes[index]
    }
  }

  fileprivate func write(
    _ index: Int, life: Int, _ bytes: [UInt8], at offset: Int
  ) throws(AgentError) {
    try change { state, isFatal throws(AgentError) in
      guard state.life == life else { throw Self.noPower }
      guard isFatal else {
        var kept = bytes
        if state.badFiles.contains(index), let last = kept.indices.last { kept[last] ^= 1 }
        return state.inodes[index].write(kept, at: offset)
      }
      let unit = state.inodes[index].atomicBytes
      let kept = state.tear(bytes.count + 1) / unit * unit
      state.inodes[index].write(Array(bytes.prefix(kept)), at: offset)
    }
  }

  fileprivate func truncate(_ index: Int, life: Int, to size: Int) throws(AgentError) {
    try change { state, _ throws(AgentError) in
      guard state.life == life else { throw Self.noPower }
      state.inodes[index].truncate(to: size)
    }
  }

  fileprivate func sync(_ index: Int, life: Int) throws(AgentError) {
    try change { state, isFatal throws(AgentError) in
      guard state.life == life else { throw Self.noPower }
      if !isFatal { state.inodes[index].sync() }
    }
  }
}

/// An open file of one life of the disk.
private final class SimulatedFile: DiskFile {
  private let disk: SimulatedDisk
  private let index: Int
  private let life: Int

  init(disk: SimulatedDisk, index: Int, life: Int) {
    self.disk = disk
    self.index = index
    self.life = life
  }

  func size() throws(AgentError) -> Int64 {
    Int64(try disk.inode(index, life: life).content.count)
  }

  func read(at offset: Int64, count: Int) throws(AgentError) -> [UInt8] {
    Array(try disk.inode(index, life: life).content.dropFirst(Int(offset)).prefix(count))
  }

  func write(_ bytes: [UInt8], at offset: Int64) throws(AgentError) {
    try disk.write(index, life: life, bytes, at: Int(offset))
  }

  func truncate(to size: Int64) throws(AgentError) {
    try disk.truncate(index, life: life, to: Int(size))
  }

  func sync() throws(AgentError) { try disk.sync(index, life: life) }

  func dropCache() {}
}
