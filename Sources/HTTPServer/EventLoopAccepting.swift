// The birth and death of connections: accepting, the TLS handshake, lingering, closing.
internal import CLinux
import Crypto
import Glibc
import Synchronization

extension EventLoop {
  /// Connections accepted in one go, so that a burst does not starve the others.
  private static let acceptCount = 256
  /// Connections above the limit that are told so; beyond them they are just closed.
  private static let refusedCount = 64
  /// Recycled buffers kept for the next requests.
  private static let idleWorkCount = 1_024

  /// Accepts what waits at the listening socket.
  func acceptAll() {
    for _ in 0..<Self.acceptCount {
      guard listener >= 0 else { return }
      let descriptor = linux_accept_nonblocking(listener)
      if descriptor >= 0 {
        admit(descriptor)
        continue
      }
      switch errno {
      case ECONNABORTED, EINTR:
        continue
      case EMFILE, ENFILE, ENOBUFS, ENOMEM:
        // The listener would stay readable and the loop would spin: pause for a second.
        watchListener(false)
        acceptAgain = now + 10
        return
      default:
        return
      }
    }
  }

  /// Takes over a fresh connection.
  func admit(_ descriptor: Int32) {
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(4))
    let open = shared.openConnections.add(1, ordering: .relaxed).newValue
    let isRefused = open > limits.connections
    // A refusal over TLS would cost a handshake, which is what we lack.
    if isRefused, shared.tls != nil || open > limits.connections + Self.refusedCount {
      discard(descriptor)
      return
    }
    let connection = makeConnection(descriptor)
    guard watch(connection) else {
      close(connection)
      return
    }
    if isRefused {
      reject(connection, .tooManyConnections)
      advance(connection)
    } else if let context = shared.tls {
      guard let session = TLSSession(server: context, descriptor: descriptor) else {
        close(connection)
        return
      }
      connection.tls = session
      connection.phase = .handshake
      setDeadline(connection, now + ticks.handshake)
    } else {
      connection.flags.insert(.headStarted)
      setDeadline(connection, now + ticks.header)
    }
  }

  private func discard(_ descriptor: Int32) {
    _ = Glibc.close(descriptor)
    shared.openConnections.subtract(1, ordering: .relaxed)
  }

  private func makeConnection(_ descriptor: Int32) -> Connection {
    let slot: UInt32
    if let free = freeSlots.popLast() {
      slot = free
    } else {
      slot = UInt32(connections.count)
      connections.append(nil)
      generations.append(0)
    }
    let generation = generations[Int(slot)]
    let connection = Connection(descriptor: descriptor, slot: slot, generation: generation)
    connections[Int(slot)] = connection
    return connection
  }

  /// Takes the handshake further; the first request usually follows in the same packet.
  func shakeHands(_ connection: Connection) {
    guard let tls = connection.tls else { return }
    switch tls.handshake() {
    case .done:
      connection.phase = .head
      connection.flags.insert(.headStarted)
      setInterest(connection, reads: true, writes: false)
      setDeadline(connection, now + ticks.header)
      readable(connection)
    case .wantRead:
      setInterest(connection, reads: true, writes: false)
    case .wantWrite:
      setInterest(connection, reads: true, writes: true)
    case .closed, .failed:
      close(connection)
    }
  }

  /// Ends a connection whose last reply is sent.
  func end(_ connection: Connection) {
    guard connection.flags.contains(.lingers) else {
      close(connection)
      return
    }
    connection.tls?.close()
    guard Glibc.shutdown(connection.descriptor, Int32(SHUT_WR)) == 0 else {
      close(connection)
      return
    }
    connection.phase = .lingering
    borrowWork(connection).discardedCount = 0
    connection.work?.input.reset(keeping: Work.keptBytes)
    setInterest(connection, reads: true, writes: false)
    setDeadline(connection, now + ticks.linger)
  }

  /// Closes at once, telling whoever waits for this connection.
  func close(_ connection: Connection) {
    guard connection.phase != .closed else { return }
    connection.phase = .closed
    if let work = connection.work {
      work.sink?.abort()
      work.presence?.end()
      work.events?.disconnect()
      recycleWork(connection)
    }
    connection.tls?.close()
    connection.tls = nil
    let slot = Int(connection.slot)
    generations[slot] &+= 1
    connections[slot] = nil
    freeSlots.append(connection.slot)
    discard(connection.descriptor)
  }

  /// The work of a connection, taken from the pool if it has none.
  func borrowWork(_ connection: Connection) -> Work {
    if let work = connection.work { return work }
    let work = idleWorks.popLast() ?? Work()
    connection.work = work
    return work
  }

  func recycleWork(_ connection: Connection) {
    guard let work = connection.work else { return }
    connection.work = nil
    release(work)
    work.reset()
    if idleWorks.count < Self.idleWorkCount { idleWorks.append(work) }
  }
}
