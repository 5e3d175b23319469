// The answer to one request, written straight into the output of the loop.

/// The answer to one request: call `send` or `later` once; further calls are ignored.
public struct Reply: ~Copyable {
  enum Outcome {
    case open, sent, later
  }

  unowned(unsafe) let loop: EventLoop
  unowned(unsafe) let connection: Connection
  let request: Request
  /// Where this reply starts in the loop's output.
  let start: Int
  var outcome = Outcome.open
  var ticket: UInt64 = 0

  init(loop: EventLoop, connection: Connection, request: Request) {
    self.loop = loop
    self.connection = connection
    self.request = request
    start = loop.output.count
  }

  /// Answers with a body written in place: no allocation, no copy.
  ///
  /// For small bodies of devices.
  ///
  /// - Parameters:
  ///   - status: the status code; 204 and 304 go without body.
  ///   - contentType: the media type of the body.
  ///   - ticket: hold the reply until the barrier has reached this ticket; 0 sends it now.
  ///   - extraHeaders: complete header lines, each ending in CR LF.
  ///   - body: appends the body; it must not touch what is in the buffer already.
  public mutating func send(
    status: Int, contentType: StaticString, after ticket: UInt64 = 0,
    extraHeaders: StaticString = "", body: (inout OutputBuffer) -> Void
  ) {
    guard case .open = outcome else { return }
    outcome = .sent
    self.ticket = ticket
    loop.writeReply(
      status: status, contentType: contentType, extraHeaders: extraHeaders, connection, body: body)
  }

  /// Answers 204 or 304 with header lines written in place: no allocation, no copy.
  ///
  /// - Parameters:
  ///   - status: 204 or 304.
  ///   - ticket: hold the reply until the barrier has reached this ticket; 0 sends it now.
  ///   - headers: appends complete header lines, each ending in CR LF.
  public mutating func sendBare(
    status: Int, after ticket: UInt64 = 0, headers: (inout OutputBuffer) -> Void
  ) {
    guard case .open = outcome else { return }
    outcome = .sent
    self.ticket = ticket
    loop.writeBareReply(status: status, connection, headers: headers)
  }

  /// Answers with a response value.
  ///
  /// - Parameters:
  ///   - response: what to send.
  ///   - ticket: hold the reply until the barrier has reached this ticket; 0 sends it now.
  public mutating func send(_ response: Response, after ticket: UInt64 = 0) {
    guard case .open = outcome else { return }
    outcome = .sent
    self.ticket = ticket
    loop.writeResponse(response, connection) { RequestConditions(request) }
  }

  /// Leaves the answer to another thread.
  ///
  /// - Returns: the right to answer; dropped unused it answers 500.
  public mutating func later() -> PendingReply {
    guard case .open = outcome else {
      let gone = Presence()
      gone.end()
      return PendingReply(token: connection.token, mailbox: loop.mailbox, presence: gone)
    }
    outcome = .later
    loop.startWaiting(connection, RequestConditions(request))
    return loop.makePending(connection)
  }
}
