// From bytes to the socket: output, files, and what follows when a reply is out.
internal import CLinux
import Crypto
import Glibc

/// What a write came to.
private enum Written {
  case bytes(Int)
  case blocked
  case broken
}

extension EventLoop {
  /// Bytes of a file sent in one turn, so that a fast reader does not starve the others.
  private static let turnBytes = 1 << 20

  /// There is room to write again.
  func writable(_ connection: Connection) {
    switch connection.phase {
    case .handshake:
      shakeHands(connection)
    case .closed:
      break
    default:
      advance(connection)
      // A TLS read had to write first; it goes on now.
      if connection.tls != nil, connection.phase != .closed, connection.wantsInput {
        again.append(connection.token.word)
      }
    }
  }

  /// Takes a connection as far as it goes: sends, finishes replies, serves what is stashed.
  ///
  /// A loop and not a recursion, since a client may pipeline thousands of requests.
  func advance(_ connection: Connection) {
    while connection.phase != .closed {
      guard push(connection) else { return }
      switch connection.phase {
      case .writing:
        finishReply(connection)
      case .events:
        guard collectEvents(connection) else { return }
        continue
      default:
        rest(connection)
        return
      }
      guard connection.phase == .head, let work = connection.work, work.input.count > 0 else {
        if connection.phase == .head { rest(connection) }
        return
      }
      takeStash(connection)
    }
  }

  /// All output is out and nothing more can be done before the next event.
  private func rest(_ connection: Connection) {
    if connection.phase == .head {
      if let work = connection.work, work.isEmpty { recycleWork(connection) }
      if !connection.flags.contains(.headStarted) {
        setDeadline(connection, now + ticks.idle)
      }
    }
    if drainDeadline != nil, connection.isIdle {
      close(connection)
      return
    }
    guard connection.wantsInput else {
      connection.deadline = .max
      let readsOn = !connection.flags.contains(.readsOff)
      setInterest(connection, reads: readsOn, writes: false)
      return
    }
    setInterest(connection, reads: true, writes: false)
    // Bytes inside the TLS session are not reported by epoll.
    if let tls = connection.tls, tls.pendingCount > 0 { again.append(connection.token.word) }
  }

  private func finishReply(_ connection: Connection) {
    connection.tls?.keepBuffers(false)
    if connection.flags.contains(.closes) {
      // Bytes nobody will answer are coming in: a plain close would reset the connection.
      if let work = connection.work, work.input.count > 0 { connection.flags.insert(.lingers) }
      end(connection)
      return
    }
    connection.phase = .head
    guard let work = connection.work else { return }
    work.pending = nil
    work.conditions = nil
    work.output.reset(keeping: Work.keptBytes)
    work.sentCount = 0
  }

  /// Sends the loop's output for a connection; `true` when everything is out.
  func flush(_ connection: Connection) -> Bool {
    guard output.count > 0 else { return true }
    defer { output.queue.truncate(to: 0) }
    if let work = connection.work, work.hasOutput || connection.phase == .held {
      work.output.append(output.queue.bytes)
      return false
    }
    var sent = 0
    let hasMore = connection.work?.transfer != nil
    while sent < output.count {
      let rest = UnsafeRawBufferPointer(rebasing: output.queue.bytes[sent...])
      switch transmit(connection, rest, hasMore: hasMore) {
      case .bytes(let count):
        sent += count
      case .blocked:
        let work = borrowWork(connection)
        work.output.reset(keeping: Work.keptBytes)
        work.sentCount = 0
        work.output.append(rest)
        startTransfer(work)
        waitForRoom(connection, work)
        return false
      case .broken:
        close(connection)
        return false
      }
    }
    return true
  }

  /// Sends all that may go out now; `true` when nothing is left.
  private func push(_ connection: Connection) -> Bool {
    let isFlushed = flush(connection)
    guard connection.phase != .closed else { return false }
    guard let work = connection.work else { return isFlushed }
    let limit = connection.phase == .held ? work.heldFrom : work.output.count
    while work.sentCount < limit {
      let rest = UnsafeRawBufferPointer(rebasing: work.output.bytes[work.sentCount..<limit])
      switch transmit(connection, rest, hasMore: work.transfer != nil) {
      case .bytes(let count):
        work.sentCount += count
        work.transferCount += count
      case .blocked:
        waitForRoom(connection, work)
        return false
      case .broken:
        close(connection)
        return false
      }
    }
    if connection.phase == .held { return true }
    work.output.reset(keeping: Work.keptBytes)
    work.sentCount = 0
    guard connection.phase == .writing, work.transfer != nil else { return true }
    return pushFile(connection, work)
  }

  private func transmit(
    _ connection: Connection, _ bytes: UnsafeRawBufferPointer, hasMore: Bool
  ) -> Written {
    if let tls = connection.tls {
      return outcome(tls.write(bytes))
    }
    let more = hasMore ? Int32(MSG_MORE) : 0
    let count = send(
      connection.descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL) | more)
    if count >= 0 { return .bytes(count) }
    return errno == EAGAIN || errno == EINTR ? .blocked : .broken
  }

  private func outcome(_ progress: TLSProgress) -> Written {
    switch progress {
    case .done(let count): return .bytes(count)
    case .wantRead, .wantWrite: return .blocked
    case .closed, .failed: return .broken
    }
  }

  // MARK: Files

  /// Sends the file of a reply; `true` when it is out.
  private func pushFile(_ connection: Connection, _ work: Work) -> Bool {
    if let mayGoOn = work.transfer?.mayGoOn, !mayGoOn() {
      close(connection)
      return false
    }
    var budget = Self.turnBytes
    connection.tls?.keepBuffers(true)
    if let transfer = work.transfer, transfer.index == 0, transfer.sent == 0 {
      setCork(connection, true)
    }
    while let transfer = work.transfer, !transfer.isFinished {
      guard budget > 0 else {
        waitForRoom(connection, work)
        return false
      }
      let result: Written
      switch transfer.segments[transfer.index] {
      case .bytes(let bytes):
        result = bytes.withUnsafeBytes {
          transmit(
            connection, UnsafeRawBufferPointer(rebasing: $0[transfer.sent...]), hasMore: true)
        }
      case .file(let range):
        let rest = range.lowerBound + transfer.sent..<range.upperBound
        result =
          connection.tls == nil
          ? sendPlain(connection, transfer.file, rest, budget)
          : sendEncrypted(connection, transfer.file, rest)
      }
      switch result {
      case .bytes(let count):
        work.transfer?.advance(count)
        work.transferCount += count
        budget -= count
      case .blocked:
        waitForRoom(connection, work)
        return false
      case .broken:
        close(connection)
        return false
      }
    }
    work.transfer?.onSent?()
    work.transfer = nil
    setCork(connection, false)
    return true
  }

  // Without it each piece that the kernel moves from the file ends in a short segment, as our
  // sockets do not delay small ones; a large download then costs half as much again.
  private func setCork(_ connection: Connection, _ isOn: Bool) {
    guard connection.tls == nil else { return }
    var value: Int32 = isOn ? 1 : 0
    // A refusal leaves more and smaller segments, nothing worse.
    setsockopt(connection.descriptor, Int32(IPPROTO_TCP), TCP_CORK, &value, socklen_t(4))
  }

  private func sendPlain(
    _ connection: Connection, _ file: OpenFile, _ range: Range<Int>, _ budget: Int
  ) -> Written {
    var offset = off_t(range.lowerBound)
    let count = sendfile(
      connection.descriptor, file.descriptor, &offset, min(range.count, budget))
    if count > 0 { return .bytes(count) }
    // Zero means that the file was cut short: the client must see a broken transfer.
    if count == 0 { return .broken }
    return errno == EAGAIN || errno == EINTR ? .blocked : .broken
  }

  /// Reads into the scratch buffer and encrypts from there.
  ///
  /// Not mapped: a read error or a shortened file must cut one transfer, not end the process by
  /// SIGBUS. A blocked record is offered again by reading the same bytes at the same place.
  private func sendEncrypted(
    _ connection: Connection, _ file: OpenFile, _ range: Range<Int>
  ) -> Written {
    let wanted = min(range.count, Self.scratchCount)
    let count = pread(file.descriptor, scratch, wanted, off_t(range.lowerBound))
    guard count == wanted, let tls = connection.tls else { return .broken }
    var sent = 0
    while sent < count {
      let rest = UnsafeRawBufferPointer(start: scratch + sent, count: count - sent)
      switch outcome(tls.write(rest)) {
      case .bytes(let written): sent += written
      case .blocked: return sent > 0 ? .bytes(sent) : .blocked
      case .broken: return .broken
      }
    }
    return .bytes(sent)
  }

  // MARK: Waiting

  private func waitForRoom(_ connection: Connection, _ work: Work) {
    // Until the reply is out, no further request is read: a slow reader pays with its own time.
    if connection.phase == .head { connection.phase = .writing }
    setInterest(
      connection, reads: !connection.flags.contains(.readsOff), writes: true)
    setWriteDeadline(connection, work)
  }
}
