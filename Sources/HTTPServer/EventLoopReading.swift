// From bytes on a socket to requests: reading, finding heads, starting bodies.
internal import Crypto
import Glibc
import Synchronization

extension EventLoop {
  /// What a read brought.
  private enum Received {
    case bytes(Int)
    case nothing
    case ended
  }

  /// The socket has bytes, or the TLS session holds some.
  func readable(_ connection: Connection) {
    switch connection.phase {
    case .handshake:
      shakeHands(connection)
    case .head, .buffering, .streaming:
      readRequests(connection)
    case .events, .lingering:
      throwAway(connection)
    case .paused, .awaiting, .held, .writing:
      // Bytes of a later request: switched off only now, since most clients send none.
      setInterest(connection, reads: false, writes: connection.flags.contains(.writesOn))
    case .closed:
      break
    }
  }

  private func readRequests(_ connection: Connection) {
    switch receive(connection) {
    case .bytes(let count):
      take(connection, count)
      advance(connection)
    case .nothing:
      break
    case .ended:
      close(connection)
    }
  }

  /// Fills the scratch buffer.
  private func receive(_ connection: Connection) -> Received {
    guard let tls = connection.tls else {
      let count = recv(connection.descriptor, scratch, Self.scratchCount, 0)
      if count > 0 { return .bytes(count) }
      if count == 0 { return .ended }
      return errno == EAGAIN || errno == EINTR ? .nothing : .ended
    }
    var filled = 0
    while filled < Self.scratchCount {
      let rest = UnsafeMutableRawBufferPointer(
        start: scratch + filled, count: Self.scratchCount - filled)
      switch tls.read(into: rest) {
      case .done(let count):
        filled += count
        // Without this look the last read of each request would be a system call for nothing.
        if tls.pendingCount == 0 { return .bytes(filled) }
      case .wantRead:
        return filled > 0 ? .bytes(filled) : .nothing
      case .wantWrite:
        setInterest(connection, reads: true, writes: true)
        return filled > 0 ? .bytes(filled) : .nothing
      case .closed, .failed:
        // What came before the end is still served; the next read ends again.
        return filled > 0 ? .bytes(filled) : .ended
      }
    }
    return .bytes(filled)
  }

  /// Lingering and event streams: nothing of interest may come, but not without end.
  private func throwAway(_ connection: Connection) {
    let count: Int
    if connection.phase == .lingering {
      // The TLS session is closed already; what comes is only drained.
      count = recv(connection.descriptor, scratch, Self.scratchCount, 0)
      if count < 0, errno == EAGAIN || errno == EINTR { return }
    } else {
      switch receive(connection) {
      case .bytes(let received): count = received
      case .nothing: return
      case .ended: count = 0
      }
    }
    guard count > 0, let work = connection.work else {
      close(connection)
      return
    }
    work.discardedCount += count
    if work.discardedCount > limits.lingerBytes { close(connection) }
  }

  /// Takes fresh bytes in the scratch buffer: behind what is stashed, or from where they are.
  private func take(_ connection: Connection, _ count: Int) {
    noteBodyBytes(connection, count)
    if let work = connection.work, work.input.count > 0 {
      work.input.append(UnsafeRawBufferPointer(start: scratch, count: count))
      if connection.phase == .head, !isWorthParsing(work, fresh: count) { return }
      takeStash(connection)
      return
    }
    let left = process(connection, scratch, count)
    guard connection.phase != .closed, !left.isEmpty else { return }
    let work = borrowWork(connection)
    work.input.append(UnsafeRawBufferPointer(start: scratch + left.lowerBound, count: left.count))
    work.parseAgainAt = left.count * 2
  }

  /// A head that drips in byte by byte is looked at again only when a line ended or it doubled, so
  /// that parsing stays linear.
  private func isWorthParsing(_ work: Work, fresh: Int) -> Bool {
    work.input.count >= work.parseAgainAt
      || memchr(work.input.base + work.input.count - fresh, Int32(ByteClass.lineFeed), fresh) != nil
  }

  /// Processes what was stashed, in place.
  func takeStash(_ connection: Connection) {
    guard let work = connection.work, work.input.count > 0 else { return }
    let left = process(connection, work.input.base, work.input.count)
    guard connection.phase != .closed, connection.work === work, work.input.count > 0 else {
      return
    }
    work.input.truncate(to: left.upperBound)
    work.input.dropFirst(left.lowerBound)
    work.parseAgainAt = work.input.count * 2
  }

  /// Serves as many requests as the bytes hold; returns the part that must be kept.
  private func process(
    _ connection: Connection, _ base: UnsafeMutablePointer<UInt8>, _ count: Int
  ) -> Range<Int> {
    var offset = 0
    while offset < count {
      switch connection.phase {
      case .head:
        guard output.count < Self.flushCount || flush(connection) else { return offset..<count }
        guard let consumed = takeHead(connection, base + offset, count - offset) else {
          return connection.phase == .head ? offset..<count : count..<count
        }
        offset += consumed
      case .buffering:
        switch fillBody(connection, base + offset, count - offset) {
        case .complete(let consumed): offset += consumed
        case .incomplete(let kept): return offset..<offset + kept
        case .refused: return count..<count
        }
      case .streaming:
        offset += feedSink(connection, base + offset, count - offset)
      case .handshake, .lingering, .closed:
        return count..<count
      case .paused, .awaiting, .held, .writing, .events:
        return offset..<count
      }
    }
    return offset..<count
  }

  /// Takes a head and, if there is one, starts its body; returns the bytes consumed, `nil` if the
  /// head is incomplete or was refused.
  private func takeHead(
    _ connection: Connection, _ base: UnsafeMutablePointer<UInt8>, _ count: Int
  ) -> Int? {
    do throws(Rejection) {
      let window = UnsafeBufferPointer(start: base, count: count)
      guard try parser.parse(window.span, into: &head.pointee) else {
        startHead(connection)
        return nil
      }
    } catch {
      reject(connection, error)
      return nil
    }
    connection.exchange &+= 1
    noteHead(connection)
    guard head.pointee.framing != .none else {
      respond(connection, base, body: UnsafeRawBufferPointer(start: nil, count: 0))
      return head.pointee.byteCount
    }
    return startBody(connection, base, count)
  }

  private func startHead(_ connection: Connection) {
    guard !connection.flags.contains(.headStarted) else { return }
    connection.flags.insert(.headStarted)
    setDeadline(connection, now + ticks.header)
  }

  /// Carries over from the head what the reply depends on.
  private func noteHead(_ connection: Connection) {
    var flags = connection.flags
    flags.subtract([.closes, .omitsBody, .isVersion10, .headStarted, .lingers])
    if !head.pointee.keepsAlive { flags.insert(.closes) }
    if head.pointee.method == .head { flags.insert(.omitsBody) }
    if head.pointee.isVersion10 { flags.insert(.isVersion10) }
    connection.flags = flags
  }

  /// Hands a complete request to the handler and settles its reply.
  func respond(
    _ connection: Connection, _ base: UnsafePointer<UInt8>, body: UnsafeRawBufferPointer
  ) {
    counters.served.add(1, ordering: .relaxed)
    let request = Request(
      head: head, base: base, connection: Unmanaged.passUnretained(connection), body: body)
    var reply = Reply(loop: self, connection: connection, request: request)
    shared.handler.handle(request, &reply)
    settle(connection, reply)
  }
}
