// What other threads asked for: late answers, resumed bodies, events, the end.
import Glibc
import Synchronization

extension EventLoop {
  /// Does what a message asks for, if its connection still stands.
  func receive(_ message: LoopMessage) {
    switch message {
    case .complete(let pending, let response, let ticket):
      complete(pending, response, ticket)
    case .dropped(let token):
      if let connection = exchange(token) {
        finishLate(connection) { writeProblem(.noAnswer, connection) }
      }
    case .resume(let token):
      if let connection = exchange(token) { resumeBody(connection) }
    case .events(let token):
      if let connection = exchange(token) { moveEvents(connection) }
    case .drain(let milliseconds):
      drain(milliseconds)
    }
  }

  /// The connection of a token, if it is still busy with the same exchange.
  private func exchange(_ token: ConnectionToken) -> Connection? {
    guard let connection = connection(token.word), connection.exchange == token.exchange else {
      return nil
    }
    return connection
  }

  /// The right to answer the present request of a connection later.
  func makePending(_ connection: Connection) -> PendingReply {
    let presence = Presence()
    borrowWork(connection).presence = presence
    return PendingReply(token: connection.token, mailbox: mailbox, presence: presence)
  }

  /// Leaves the answer of a request to a pending reply.
  func startWaiting(_ connection: Connection, _ conditions: RequestConditions) {
    borrowWork(connection).conditions = conditions
    connection.phase = .awaiting
    connection.deadline = .max
  }

  private func complete(_ pending: PendingReply, _ response: Response, _ ticket: UInt64) {
    guard let connection = exchange(pending.connectionToken) else { return }
    finishLate(connection, ticket: ticket) {
      writeResponse(response, connection) {
        connection.work?.conditions ?? RequestConditions.none
      }
    }
  }

  private func finishLate(_ connection: Connection, ticket: UInt64 = 0, _ write: () -> Void) {
    switch connection.phase {
    case .awaiting:
      break
    case .streaming, .paused:
      // An answer before the body ended: the rest of the body is not read.
      connection.work?.sink = nil
      connection.work?.decoder = nil
      connection.flags.formUnion([.closes, .lingers])
    default:
      return
    }
    connection.work?.pending = nil
    connection.work?.presence = nil
    connection.phase = .writing
    write()
    settle(connection, from: 0, ticket: ticket)
    advance(connection)
  }

  // MARK: Event streams

  /// Writes the head of an event stream; its end is the end of the connection.
  func startEvents(_ stream: EventStream, _ response: Response, _ connection: Connection) {
    guard !connection.flags.contains(.omitsBody), stream.attach(connection.token, mailbox) else {
      stream.disconnect()
      connection.flags.insert(.closes)
      writeHead(connection.flags.contains(.omitsBody) ? response.status : 503, connection)
      output.append("Content-Length: 0\r\n\r\n")
      return
    }
    connection.flags.insert(.closes)
    writeHead(response.status, connection)
    output.append("Content-Type: text/event-stream\r\nCache-Control: no-store\r\n")
    // Tells nginx-like proxies to pass events on at once.
    output.append("X-Accel-Buffering: no\r\n\r\n")
    let work = borrowWork(connection)
    work.events = stream
    work.discardedCount = 0
  }

  /// There are events, or the stream was closed.
  func moveEvents(_ connection: Connection) {
    guard connection.phase == .events, let work = connection.work else { return }
    if !work.hasOutput {
      advance(connection)
    } else if case .overflowed? = work.events?.collect(into: &work.output, hasRoom: false) {
      close(connection)
    }
  }

  /// Moves queued events into the output once that is empty; `true` if there is something to send.
  func collectEvents(_ connection: Connection) -> Bool {
    guard let work = connection.work, let stream = work.events else { return false }
    switch stream.collect(into: &work.output, hasRoom: true) {
    case .open:
      if work.hasOutput {
        startTransfer(work)
        return true
      }
      setInterest(connection, reads: true, writes: false)
      setDeadline(connection, now + ticks.heartbeat)
      return false
    case .ended:
      stream.disconnect()
      work.events = nil
      connection.phase = .writing
      return true
    case .overflowed:
      close(connection)
      return false
    }
  }

  // MARK: Draining

  private func drain(_ milliseconds: Int) {
    acceptAll()
    if acceptAgain == nil { watchListener(false) }
    if listener >= 0 { _ = Glibc.close(listener) }
    listener = -1
    acceptAgain = nil
    drainDeadline = now + UInt32(milliseconds / TimingWheel.tickMilliseconds)
    for connection in connections {
      guard let connection else { continue }
      if connection.phase == .events {
        close(connection)
        continue
      }
      // A request that has just arrived is still served.
      if connection.phase == .head { readable(connection) }
      if connection.isIdle { close(connection) }
    }
  }
}
