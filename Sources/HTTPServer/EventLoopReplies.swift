// From replies to bytes: heads, bodies, files, refusals, and replies that wait for the barrier.
import Glibc
import Synchronization

extension EventLoop {
  /// Writes a reply whose body is appended in place.
  func writeReply(
    status: Int, contentType: StaticString, extraHeaders: StaticString, _ connection: Connection,
    body: (inout OutputBuffer) -> Void
  ) {
    writeHead(status, connection)
    output.append(extraHeaders)
    guard Self.hasBody(status) else {
      output.append("\r\n")
      return
    }
    output.append("Content-Type: ")
    output.append(contentType)
    // Three digits fit nearly every body; another length shifts the body once.
    output.append("\r\nContent-Length: 000\r\n\r\n")
    let bodyStart = output.count
    body(&output)
    precondition(output.count >= bodyStart, "a body only appends")
    let count = output.count - bodyStart
    let digits = ByteQueue.digitCount(UInt(count))
    if digits != 3 { output.queue.shift(from: bodyStart, by: digits - 3) }
    let numberStart = bodyStart - 7
    ByteQueue.write(UInt(count), digits, to: output.queue.base + numberStart)
    let lineEnds: StaticString = "\r\n\r\n"
    memcpy(output.queue.base + numberStart + digits, lineEnds.utf8Start, 4)
    if connection.flags.contains(.omitsBody) {
      output.queue.truncate(to: numberStart + digits + 4)
    }
  }

  /// Writes a reply without a body, its header lines appended in place.
  func writeBareReply(
    status: Int, _ connection: Connection, headers: (inout OutputBuffer) -> Void
  ) {
    precondition(!Self.hasBody(status), "a status that has a body needs its length")
    writeHead(status, connection)
    headers(&output)
    output.append("\r\n")
  }

  /// Writes a response value; a file or event stream is left in the connection's work.
  func writeResponse(
    _ response: Response, _ connection: Connection, conditions: () -> RequestConditions
  ) {
    switch response.body {
    case .empty:
      writeHead(response.status, connection)
      writeHeaders(response.headers)
      finishHead(response.status, length: 0)
    case .bytes(let bytes):
      writeHead(response.status, connection)
      writeHeaders(response.headers)
      finishHead(response.status, length: bytes.count)
      if Self.hasBody(response.status), !connection.flags.contains(.omitsBody) {
        output.append(bytes)
      }
    case .file(let file):
      let selection: FileSelection =
        response.status == 200
        ? conditions().select(file, rangeLimit: limits.rangeCount) : .whole
      writeFile(file, selection, response, connection)
    case .events(let stream):
      startEvents(stream, response, connection)
    }
  }

  static func hasBody(_ status: Int) -> Bool { status != 204 && status != 304 && status >= 200 }

  /// Status line, date and connection handling.
  func writeHead(_ status: Int, _ connection: Connection) {
    if status == 200 {
      output.append("HTTP/1.1 200 OK\r\n")
    } else {
      output.append("HTTP/1.1 ")
      let text = StatusLine.text(status)
      if text.utf8CodeUnitCount > 0 {
        output.append(text)
      } else {
        // Three digits always, or the client loses the framing.
        output.append(decimal: (200...999).contains(status) ? status : 500)
        output.append(" ")
      }
      output.append("\r\n")
    }
    output.append(clock.dateLine)
    if drainDeadline != nil { connection.flags.insert(.closes) }
    if connection.flags.contains(.closes) {
      output.append("Connection: close\r\n")
    } else if connection.flags.contains(.isVersion10) {
      output.append("Connection: keep-alive\r\n")
    }
  }

  private func finishHead(_ status: Int, length: Int) {
    if Self.hasBody(status) {
      output.append("Content-Length: ")
      output.append(decimal: length)
      output.append("\r\n")
    }
    output.append("\r\n")
  }

  /// Header fields of a handler; what would break the framing is made harmless.
  private func writeHeaders(_ headers: [(name: String, value: String)]) {
    for (name, value) in headers {
      guard !name.isEmpty, name.utf8.allSatisfy(ByteClass.isToken) else { continue }
      output.append(utf8: name)
      output.append(": ")
      for byte in value.utf8 { output.append(byte: ByteClass.isValue(byte) ? byte : 0x20) }
      output.append("\r\n")
    }
  }

  // MARK: Files

  private func writeFile(
    _ body: FileBody, _ selection: FileSelection, _ response: Response, _ connection: Connection
  ) {
    var headers = response.headers
    var transfer: FileTransfer?
    var status = response.status
    headers.append(("Accept-Ranges", "bytes"))
    if let etag = body.etag { headers.append(("ETag", etag)) }
    if let modified = body.lastModified {
      let text = String(decoding: HTTPDate.text(seconds: modified), as: UTF8.self)
      headers.append(("Last-Modified", text))
    }
    if let encoding = body.contentEncoding { headers.append(("Content-Encoding", encoding)) }
    if let disposition = body.disposition { headers.append(("Content-Disposition", disposition)) }
    switch selection {
    case .whole:
      headers.append(("Content-Type", body.contentType))
      transfer = FileTransfer(body, segments: [.file(0..<body.length)])
    case .parts(let parts) where parts.count == 1:
      status = 206
      let part = parts[0]
      let range = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(body.length)"
      headers.append(("Content-Range", range))
      headers.append(("Content-Type", body.contentType))
      transfer = FileTransfer(body, segments: [.file(part)])
    case .parts(let parts):
      status = 206
      let boundary = "part-" + String(UInt64.random(in: .min ... .max), radix: 36)
      headers.append(("Content-Type", "multipart/byteranges; boundary=\(boundary)"))
      transfer = .multipart(body, parts, boundary: boundary)
    case .notModified:
      status = 304
    case .unsatisfiable:
      status = 416
      headers.append(("Content-Range", "bytes */\(body.length)"))
    }
    writeHead(status, connection)
    writeHeaders(headers)
    finishHead(status, length: transfer?.count ?? 0)
    guard let transfer, transfer.count > 0, Self.hasBody(status),
      !connection.flags.contains(.omitsBody)
    else { return }
    borrowWork(connection).transfer = transfer
  }

  // MARK: Settling

  /// Decides what happens to a reply after its handler returned.
  func settle(_ connection: Connection, _ reply: borrowing Reply) {
    switch reply.outcome {
    case .open:
      output.queue.truncate(to: reply.start)
      writeProblem(.noAnswer, connection)
      settle(connection, from: reply.start, ticket: 0)
    case .later:
      break
    case .sent:
      settle(connection, from: reply.start, ticket: reply.ticket)
    }
  }

  /// Sends what was written from `start` on, or holds it until its ticket is settled.
  func settle(_ connection: Connection, from start: Int, ticket: UInt64) {
    switch shared.barrier.outcome(of: ticket) {
    case .committed:
      break
    case .failed:
      output.queue.truncate(to: start)
      replaceByFailure(connection)
    case .pending:
      hold(connection, from: start, ticket)
      return
    }
    if connection.work?.events != nil {
      connection.phase = .events
    } else if connection.flags.contains(.closes) || connection.work?.transfer != nil {
      connection.phase = .writing
    } else if connection.phase != .head {
      connection.phase = .writing
    }
  }

  /// Moves a reply into the connection's own output and queues it.
  private func hold(_ connection: Connection, from start: Int, _ ticket: UInt64) {
    let work = borrowWork(connection)
    let whole = output.queue.bytes
    // Earlier replies of the same batch go first; they may leave before the ticket is settled.
    work.output.append(UnsafeRawBufferPointer(rebasing: whole[..<start]))
    work.heldFrom = work.output.count
    work.output.append(UnsafeRawBufferPointer(rebasing: whole[start...]))
    output.queue.truncate(to: 0)
    connection.phase = .held
    connection.deadline = .max
    held.append(HeldReply(word: connection.token.word, ticket: ticket))
    mailbox.waker.holdsReplies.store(true, ordering: .sequentiallyConsistent)
  }

  /// Lets go, in order, all held replies whose tickets are settled.
  func releaseHeld() {
    while let oldest = held.oldest {
      let outcome = shared.barrier.outcome(of: oldest.ticket)
      if case .pending = outcome { return }
      held.removeOldest()
      guard let connection = connection(oldest.word), connection.phase == .held,
        let work = connection.work
      else { continue }
      if case .failed = outcome {
        work.output.truncate(to: work.heldFrom)
        replaceByFailure(connection)
      }
      connection.phase = work.events == nil ? .writing : .events
      advance(connection)
    }
    mailbox.waker.holdsReplies.store(false, ordering: .sequentiallyConsistent)
  }

  private func replaceByFailure(_ connection: Connection) {
    connection.work?.transfer = nil
    connection.work?.events?.disconnect()
    connection.work?.events = nil
    writeProblem(.notStored, connection)
  }

  // MARK: Refusals

  /// Refuses a request and closes the connection after the answer.
  func reject(_ connection: Connection, _ rejection: Rejection) {
    counters.refused.add(1, ordering: .relaxed)
    connection.exchange &+= 1
    if let work = connection.work {
      work.sink?.abort()
      work.sink = nil
      work.presence?.end()
      work.presence = nil
      work.pending = nil
      work.decoder = nil
      release(work)
    }
    connection.flags.formUnion([.closes, .lingers])
    writeProblem(rejection, connection)
    connection.phase = .writing
  }

  /// Writes a problem document (RFC 9457) for a failure of the engine's own.
  func writeProblem(_ rejection: Rejection, _ connection: Connection) {
    let retry: StaticString = rejection.retryAfterSeconds == nil ? "" : "Retry-After: 5\r\n"
    writeReply(
      status: rejection.status, contentType: "application/problem+json", extraHeaders: retry,
      connection
    ) { body in
      let text = StatusLine.text(rejection.status)
      body.append("{\"type\":\"about:blank\",\"title\":\"")
      body.append(
        UnsafeRawBufferPointer(start: text.utf8Start + 4, count: text.utf8CodeUnitCount - 4))
      body.append("\",\"status\":")
      body.append(decimal: rejection.status)
      body.append(",\"detail\":\"")
      body.append(rejection.detail)
      body.append("\"}\n")
    }
  }
}
