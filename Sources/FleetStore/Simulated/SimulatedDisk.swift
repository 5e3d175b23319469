// SimulatedDisk: a disk in memory that loses power, tears writes and fills up when it is told to.

internal import Synchronization

/// A disk for stores under simulation. It forgets what was not synced when its power fails, and it
/// is the same disk for every store that is opened on it.
///
/// Not simulated: deleting a file is durable at once, and a failed sync leaves what was written in
/// place to be synced later. Used by one thread at a time in simulations; a lock makes it safe for
/// more.
public final class SimulatedDisk: Sendable {
  /// What is wrong with the disk.
  public enum Trouble: Sendable, Equatable, CaseIterable {
    /// Nothing.
    case none
    /// No file can grow.
    case full
    /// Nothing can be written or synced.
    case failing
  }

  /// How an operation ended.
  enum Answer {
    case done
    case full
    case failed
  }

  private struct State {
    var nodes: [String: Node] = [:]
    var trouble = Trouble.none
    var operationCount = 0
    // Counts down with every write and sync; at zero the power fails.
    var operationsLeft: Int?
    var isDown = false
    // Handles of an earlier life are cut off.
    var life = 0
    var randomness: UInt64
  }

  /// A file with what is attached to it.
  final class Node {
    var file = SimulatedFile()
    var locks = SimulatedLocks()
    var memory: SimulatedMemory?
  }

  /// An open file of one life of the disk.
  final class Handle {
    let disk: SimulatedDisk
    let node: Node
    let life: Int
    var memory: SimulatedMemory?

    init(disk: SimulatedDisk, node: Node, life: Int) {
      self.disk = disk
      self.node = node
      self.life = life
    }
  }

  private let state: Monitor<State>
  private let registration: Mutex<SimulatedVFS?> = Mutex(nil)

  /// An empty disk; the seed decides what SQLite draws from it.
  public init(seed: UInt64) {
    state = Monitor(State(randomness: seed))
  }

  /// The name under which SQLite finds this disk.
  var name: String {
    registration.withLock { registration in
      if let registration { return registration.name }
      let made = SimulatedVFS(self)
      registration = made
      return made.name
    }
  }

  // MARK: For whoever simulates

  /// What is wrong with the disk.
  public var trouble: Trouble {
    get { state.withLock { $0.trouble } }
    set { state.withLock { $0.trouble = newValue } }
  }

  /// Writes and syncs so far.
  public var operationCount: Int { state.withLock { $0.operationCount } }

  /// Bytes in all files, as a reader sees them.
  public var byteCount: Int {
    state.withLock { state in state.nodes.values.reduce(0) { $0 + $1.file.content.count } }
  }

  /// Lets the power fail at the write or sync after `count` further ones; nil for never.
  public func failPower(after count: Int?) {
    state.withLock { $0.operationsLeft = count }
  }

  /// Whether the power failed: nothing works until `restorePower`.
  public var isDown: Bool { state.withLock { $0.isDown } }

  /// Cuts off all who have files open, settles what became of what was not synced, and goes on.
  ///
  /// `draw` gives a number from 0 to below its argument; the same numbers leave the same files.
  public func crash(draw: (Int) -> Int) {
    state.withLock { state in
      state.life += 1
      state.isDown = false
      state.operationsLeft = nil
      for name in state.nodes.keys.sorted() {
        guard let old = state.nodes[name] else { continue }
        let isThere = old.file.crash(draw: draw)
        let fresh = Node()
        fresh.file = old.file
        state.nodes[name] = isThere ? fresh : nil
      }
    }
  }

  // MARK: For SQLite

  func open(_ name: String, creating: Bool) -> Handle? {
    state.withLock { state in
      guard !state.isDown else { return nil }
      if state.nodes[name] == nil {
        guard creating, state.trouble == .none else { return nil }
        state.nodes[name] = Node()
      }
      return state.nodes[name].map { Handle(disk: self, node: $0, life: state.life) }
    }
  }

  func exists(_ name: String) -> Bool { state.withLock { $0.nodes[name] != nil } }

  func delete(_ name: String) -> Answer {
    state.withLock { state in
      guard !state.isDown else { return .failed }
      state.nodes[name] = nil
      return .done
    }
  }

  func random(into bytes: UnsafeMutableRawBufferPointer) {
    state.withLock { state in
      for index in bytes.indices {
        // Splitmix64, a byte at a time.
        state.randomness &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state.randomness
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        bytes[index] = UInt8(truncatingIfNeeded: mixed >> 32)
      }
    }
  }

  /// Runs a body that only looks at a file; nil when the handle is of an earlier life.
  func read<Result>(_ handle: Handle, _ body: (Node) -> Result) -> Result? {
    state.withLock { state in
      guard handle.life == state.life, !state.isDown else { return nil }
      return body(handle.node)
    }
  }

  /// What is done to a file.
  enum Operation {
    case write(end: Int)
    case truncate
    case sync
  }

  /// Runs a body that changes or syncs a file.
  func change(
    _ handle: Handle, _ operation: Operation, _ body: (inout SimulatedFile) -> Void
  ) -> Answer {
    state.withLock { state in
      guard handle.life == state.life, !state.isDown else { return .failed }
      switch (state.trouble, operation) {
      case (.full, .write(let end)) where end > handle.node.file.content.count: return .full
      case (.failing, _): return .failed
      case (.none, _), (.full, _): break
      }
      state.operationCount += 1
      if let left = state.operationsLeft {
        guard left > 0 else {
          state.isDown = true
          // A write may have reached the disk all the same; a sync has not.
          if case .sync = operation { return .failed }
          body(&handle.node.file)
          return .failed
        }
        state.operationsLeft = left - 1
      }
      body(&handle.node.file)
      return .done
    }
  }
}
