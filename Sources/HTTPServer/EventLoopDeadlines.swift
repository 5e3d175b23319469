// Deadlines: which one runs in which phase, and what happens when it passes.
import Glibc

extension EventLoop {
  /// Sets the tick by which something must have happened.
  ///
  /// Later costs a store, earlier an entry.
  func setDeadline(_ connection: Connection, _ tick: UInt32) {
    connection.deadline = tick
    if tick < connection.scheduled {
      connection.scheduled = wheel.schedule(connection.token.word, at: tick)
    }
  }

  /// A new transfer in either direction begins: its mean rate is counted from here.
  func startTransfer(_ work: Work) {
    work.transferStart = now
    work.transferCount = 0
  }

  /// Counts body bytes that arrived and moves the deadline on.
  func noteBodyBytes(_ connection: Connection, _ count: Int) {
    guard connection.phase == .buffering || connection.phase == .streaming,
      let work = connection.work
    else { return }
    work.transferCount += count
    setBodyDeadline(connection, work)
  }

  func setBodyDeadline(_ connection: Connection, _ work: Work) {
    let grace = ticks.body
    setDeadline(connection, rateDeadline(work, grace, limits.bodyBytesPerSecond))
  }

  func setWriteDeadline(_ connection: Connection, _ work: Work) {
    let grace = ticks.write
    setDeadline(connection, rateDeadline(work, grace, limits.writeBytesPerSecond))
  }

  /// The earlier of "silent for the grace time" and "below the mean rate since the start".
  private func rateDeadline(_ work: Work, _ grace: UInt32, _ rate: Int) -> UInt32 {
    let ticksPerSecond = 1_000 / TimingWheel.tickMilliseconds
    let earned = min(work.transferCount / max(rate, 1), 1_000_000) * ticksPerSecond
    return min(now + grace, work.transferStart + grace + UInt32(earned))
  }

  /// The wheel reached a connection: pass, look again later, or act.
  func lookAtDeadline(_ connection: Connection) {
    guard connection.scheduled <= wheel.current else { return }
    connection.scheduled = .max
    if connection.deadline > now {
      if connection.deadline != .max { setDeadline(connection, connection.deadline) }
      return
    }
    expire(connection)
  }

  private func expire(_ connection: Connection) {
    switch connection.phase {
    case .head:
      // A connection that never sent anything, or idled, is closed without a word.
      guard connection.work != nil else {
        close(connection)
        return
      }
      reject(connection, .headTimeout)
      advance(connection)
    case .buffering, .streaming:
      reject(connection, .headTimeout)
      advance(connection)
    case .events:
      guard let work = connection.work, !work.hasOutput else {
        close(connection)
        return
      }
      // A comment line: keeps proxies patient and finds readers that are gone.
      output.append(":\n\n")
      setDeadline(connection, now + ticks.heartbeat)
      advance(connection)
    case .handshake, .writing, .held, .lingering, .paused, .awaiting:
      close(connection)
    case .closed:
      break
    }
  }
}
