// Request bodies: collected in memory or handed to a sink, by length or in chunks.
import Glibc
import Synchronization

/// What filling a buffered body came to.
enum BodyProgress {
  /// The request was handled; so many bytes of the window are done with.
  case complete(Int)
  /// More is needed; so many bytes from the start of the window must be kept.
  case incomplete(Int)
  /// The request was refused.
  case refused
}

extension EventLoop {
  /// Asks the handler for a plan and starts the body behind a head; returns the bytes consumed.
  func startBody(
    _ connection: Connection, _ base: UnsafeMutablePointer<UInt8>, _ count: Int
  ) -> Int? {
    let headCount = head.pointee.byteCount
    let request = Request(
      head: head, base: base, connection: Unmanaged.passUnretained(connection),
      body: UnsafeRawBufferPointer(start: nil, count: 0))
    switch shared.handler.plan(request) {
    case .buffer(let limit):
      let limit = min(limit, limits.bufferedBodyBytes)
      if case .length(let length) = head.pointee.framing {
        if length > limit {
          reject(connection, .bodyTooLarge)
          return nil
        }
        if count - headCount >= length {
          // The usual case: everything came in one packet and stays where it is.
          let body = UnsafeRawBufferPointer(start: base + headCount, count: length)
          respond(connection, base, body: body)
          return headCount + length
        }
      }
      startBody(connection, headCount, limit)
      guard reserve(connection) else {
        reject(connection, .noMemory)
        return nil
      }
      sendContinue(connection, isNeeded: count == headCount)
      return 0
    case .stream(let sink):
      return startStreaming(connection, sink, count)
    case .refuse(let response):
      counters.served.add(1, ordering: .relaxed)
      return refuse(connection, response, request, count)
    }
  }

  /// Takes memory for a buffered body from what all connections share.
  private func reserve(_ connection: Connection) -> Bool {
    guard let work = connection.work else { return false }
    let wanted = work.bodyLength ?? work.bodyLimit
    work.reservedCount = wanted
    let total = shared.bufferedBytes.add(wanted, ordering: .relaxed).newValue
    return total <= limits.bufferedBodyBytesTotal
  }

  /// Gives back what `reserve` took.
  func release(_ work: Work) {
    guard work.reservedCount > 0 else { return }
    shared.bufferedBytes.subtract(work.reservedCount, ordering: .relaxed)
    work.reservedCount = 0
  }

  private func startBody(_ connection: Connection, _ headCount: Int, _ limit: Int) {
    let work = borrowWork(connection)
    work.headCount = headCount
    work.bodyCount = 0
    work.bodyLimit = limit
    if case .length(let length) = head.pointee.framing {
      work.bodyLength = length
    } else {
      work.bodyLength = nil
      work.decoder = ChunkedDecoder(overheadLimit: limits.chunkOverheadBytes)
    }
    connection.phase = .buffering
    startTransfer(work)
    setBodyDeadline(connection, work)
  }

  private func startStreaming(
    _ connection: Connection, _ sink: any BodySink, _ count: Int
  ) -> Int? {
    let headCount = head.pointee.byteCount
    if case .length(let length) = head.pointee.framing, length > limits.streamedBodyBytes {
      sink.abort()
      reject(connection, .bodyTooLarge)
      return nil
    }
    counters.served.add(1, ordering: .relaxed)
    startBody(connection, headCount, limits.streamedBodyBytes)
    connection.phase = .streaming
    connection.work?.sink = sink
    connection.work?.pending = makePending(connection)
    sendContinue(connection, isNeeded: count == headCount)
    return headCount
  }

  /// Answers without reading the body.
  ///
  /// If it has arrived already the connection lives on.
  private func refuse(
    _ connection: Connection, _ response: Response, _ request: Request, _ count: Int
  ) -> Int? {
    var consumed = count
    if case .length(let length) = head.pointee.framing,
      count - head.pointee.byteCount >= length
    {
      consumed = head.pointee.byteCount + length
    } else {
      connection.flags.formUnion([.closes, .lingers])
    }
    var reply = Reply(loop: self, connection: connection, request: request)
    reply.send(response)
    settle(connection, reply)
    return consumed
  }

  /// The client waits for permission (RFC 9110 section 10.1.1), unless it sent the body already.
  private func sendContinue(_ connection: Connection, isNeeded: Bool) {
    guard head.pointee.expectsContinue, isNeeded else { return }
    output.append("HTTP/1.1 100 Continue\r\n\r\n")
    _ = flush(connection)
  }

  /// Goes on with a buffered body; the window starts with its head.
  func fillBody(
    _ connection: Connection, _ base: UnsafeMutablePointer<UInt8>, _ count: Int
  ) -> BodyProgress {
    guard let work = connection.work else { return .refused }
    let headCount = work.headCount
    if let length = work.bodyLength {
      guard count >= headCount + length else { return .incomplete(count) }
      return finishBody(connection, work, base, consumed: headCount + length, body: length)
    }
    let window = UnsafeMutableBufferPointer(start: base, count: count)
    var position = headCount + work.bodyCount
    do throws(Rejection) {
      while true {
        let step = try work.decoder?.next(window.span, from: position) ?? .needMore
        switch step {
        case .needMore:
          return .incomplete(headCount + work.bodyCount)
        case .data(let run):
          guard work.bodyCount + run.count <= work.bodyLimit else { throw Rejection.bodyTooLarge }
          // Decoded in place: the body is never longer than its chunks.
          memmove(base + headCount + work.bodyCount, base + run.lowerBound, run.count)
          work.bodyCount += run.count
          position = run.upperBound
        case .end(let end):
          return finishBody(connection, work, base, consumed: end, body: work.bodyCount)
        }
      }
    } catch {
      reject(connection, error)
      return .refused
    }
  }

  private func finishBody(
    _ connection: Connection, _ work: Work, _ base: UnsafeMutablePointer<UInt8>, consumed: Int,
    body count: Int
  ) -> BodyProgress {
    let headCount = work.headCount
    work.decoder = nil
    work.bodyCount = 0
    release(work)
    // The head was parsed when it came; positions are cheaper found again than kept.
    let window = UnsafeBufferPointer(start: base, count: headCount)
    guard (try? parser.parse(window.span, into: &head.pointee)) == true else {
      // Cannot be: the same bytes were accepted before.
      reject(connection, .noAnswer)
      return .refused
    }
    connection.phase = .head
    let body = UnsafeRawBufferPointer(start: base + headCount, count: count)
    respond(connection, base, body: body)
    return .complete(consumed)
  }

  /// Hands bytes to the sink until they end, the body ends, or the sink wants to pause; returns
  /// the bytes consumed.
  func feedSink(
    _ connection: Connection, _ base: UnsafeMutablePointer<UInt8>, _ count: Int
  ) -> Int {
    guard let work = connection.work, let sink = work.sink, let pending = work.pending else {
      return count
    }
    if let length = work.bodyLength {
      let taken = min(count, length - work.bodyCount)
      work.bodyCount += taken
      let goesOn = sink.receive(UnsafeRawBufferPointer(start: base, count: taken), pending)
      if !goesOn {
        pause(connection)
      } else if work.bodyCount == length {
        finishStream(connection, work, sink, pending)
      }
      return taken
    }
    return feedChunks(connection, base, count, work, sink, pending)
  }

  private func feedChunks(
    _ connection: Connection, _ base: UnsafeMutablePointer<UInt8>, _ count: Int, _ work: Work,
    _ sink: any BodySink, _ pending: PendingReply
  ) -> Int {
    let window = UnsafeMutableBufferPointer(start: base, count: count)
    var position = 0
    do throws(Rejection) {
      while true {
        let step = try work.decoder?.next(window.span, from: position) ?? .needMore
        switch step {
        case .needMore:
          return count
        case .data(let run):
          guard work.bodyCount + run.count <= work.bodyLimit else { throw Rejection.bodyTooLarge }
          work.bodyCount += run.count
          position = run.upperBound
          let bytes = UnsafeRawBufferPointer(start: base + run.lowerBound, count: run.count)
          guard sink.receive(bytes, pending) else {
            pause(connection)
            return position
          }
        case .end(let end):
          finishStream(connection, work, sink, pending)
          return end
        }
      }
    } catch {
      reject(connection, error)
      return count
    }
  }

  private func pause(_ connection: Connection) {
    connection.phase = .paused
    // The client is not to blame for the wait.
    connection.deadline = .max
  }

  private func finishStream(
    _ connection: Connection, _ work: Work, _ sink: any BodySink, _ pending: PendingReply
  ) {
    work.sink = nil
    work.decoder = nil
    connection.phase = .awaiting
    connection.deadline = .max
    // Not kept: dropping it unanswered must be noticed.
    work.pending = nil
    sink.finish(pending)
  }

  /// The sink takes bytes again.
  func resumeBody(_ connection: Connection) {
    guard connection.phase == .paused, let work = connection.work, let sink = work.sink,
      let pending = work.pending
    else { return }
    connection.phase = .streaming
    startTransfer(work)
    if let length = work.bodyLength, work.bodyCount == length {
      finishStream(connection, work, sink, pending)
    } else {
      setBodyDeadline(connection, work)
      takeStash(connection)
    }
    advance(connection)
  }
}
