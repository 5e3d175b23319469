// AgentLock: at most one agent works in a state directory; others leave it a word and wake it.

import Glibc
import UpdateModel

/// The right to work in a state directory; the kernel takes it back when the process ends.
public final class AgentLock {
  private static let name = "agent.lock"
  private let descriptor: Int32

  /// Takes the lock; nil when another process has it.
  public init?(_ state: StateDirectory) throws(LinkError) {
    let path = state.file(AgentLock.name)
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .system("create", path) }
    guard AgentLock.take(descriptor) else {
      let isTaken = errno == EWOULDBLOCK
      let error = LinkError.system("lock", path)
      close(descriptor)
      if isTaken { return nil }
      throw error
    }
    self.descriptor = descriptor
    guard ftruncate(descriptor, 0) == 0 else { throw .system("write", path) }
    try StateDirectory.append(Array("\(getpid())\n".utf8), to: descriptor, named: path)
  }

  /// Tries again for a moment: `wakeOwner` has the lock for microseconds to see who has it.
  private static func take(_ descriptor: Int32) -> Bool {
    for _ in 0..<2 {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
      guard errno == EWOULDBLOCK else { return false }
      usleep(5000)
    }
    return flock(descriptor, LOCK_EX | LOCK_NB) == 0
  }

  deinit {
    // Nobody has this process number any more; the lock itself is what counts.
    _ = ftruncate(descriptor, 0)
    close(descriptor)
  }

  /// Lets this process live when it is woken while it runs a command that does not wait.
  public static func ignoreWaking() {
    // A handler, not SIG_IGN: programs that are started do not inherit it.
    signal(SIGUSR1) { _ in }
  }

  /// Wakes the agent that has the lock, so that it looks at what was left for it.
  ///
  /// The file outlives its process, and its number may be another program's by now: only who has
  /// the lock at this moment is woken.
  ///
  /// - Returns: whether there was one.
  @discardableResult
  public static func wakeOwner(_ state: StateDirectory) -> Bool {
    let descriptor = open(state.file(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK else { return false }
    // Without a readable process number the agent looks at its next poll.
    guard let bytes = try? state.read(name, atMost: 64),
      let process = pid_t(String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }),
      process > 1
    else { return false }
    return kill(process, SIGUSR1) == 0
  }
}

/// What a person at the device orders; left in the state directory for the agent.
public enum LocalOrder: Equatable, Sendable {
  /// The system on trial is well.
  case confirm
  /// Safe mode is to begin or to end.
  case safeMode(Bool)

  private static let confirmName = "order-confirm.json"
  private static let safeModeName = "order-safe-mode.json"

  /// Leaves the order; it is taken once.
  public func save(in state: StateDirectory) throws(LinkError) {
    switch self {
    case .confirm: try state.write(.object([]), to: LocalOrder.confirmName)
    case .safeMode(let isOn): try state.write(["on": .bool(isOn)], to: LocalOrder.safeModeName)
    }
  }

  /// Whether somebody ordered to confirm.
  static func isConfirming(_ state: StateDirectory) throws(LinkError) -> Bool {
    try state.read(confirmName, atMost: 4096) != nil
  }

  /// What somebody ordered about safe mode.
  static func safeMode(_ state: StateDirectory) throws(LinkError) -> Bool? {
    try state.document(safeModeName)?["on"]?.bool
  }

  /// Removes what was done.
  static func remove(_ order: LocalOrder, from state: StateDirectory) throws(LinkError) {
    switch order {
    case .confirm: try state.remove(confirmName)
    case .safeMode: try state.remove(safeModeName)
    }
  }
}

extension Agent {
  /// Takes what a person ordered at the device.
  ///
  /// - Returns: whether there was anything.
  @discardableResult
  public func takeOrders() throws(LinkError) -> Bool {
    var isAny = false
    if let isOn = try LocalOrder.safeMode(state) {
      try tell(isOn ? .safeModeEntered(.ordered) : .safeModeLeft)
      try LocalOrder.remove(.safeMode(isOn), from: state)
      isAny = true
    }
    if try LocalOrder.isConfirming(state) {
      if case .onTrial = updater.state.phase { try tell(.trialPassed) }
      try LocalOrder.remove(.confirm, from: state)
      isAny = true
    }
    if isAny { showStatus() }
    return isAny
  }

  /// Whether the running slot is on trial, known or not.
  var isTryingSlot: Bool {
    if case .onTrial(_, _, .slot, _) = updater.state.phase { return true }
    return updater.state.isOnUnknownTrial
  }

  /// Whether the running system is on trial.
  public var isOnTrial: Bool {
    if case .onTrial = updater.state.phase { true } else { false }
  }
}
