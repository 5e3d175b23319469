// What the owner of a server provides: a plan for each body, an answer for each request.

/// What to do with the body of a request, decided from its head.
public enum BodyPlan {
  /// Collect it in memory up to `limit` bytes (capped by `Limits.bufferedBodyBytes`), then call
  /// `handle`. A longer body is answered with 413.
  case buffer(limit: Int)
  /// Hand it on as it arrives; `handle` is not called, the sink answers.
  case stream(any BodySink)
  /// Answer now without reading the body.
  case refuse(Response)
}

/// The receiver of a streamed body.
///
/// All calls come on the thread of one loop, in order, and must not block.
public protocol BodySink: AnyObject, Sendable {
  /// Takes the next bytes, all of them.
  ///
  /// Bytes still come after an early `exchange.complete` that the loop has not seen yet; drop them.
  ///
  /// - Returns: `false` for "stop until resumed": the sink later calls `exchange.resume()`, from
  ///   any thread. The bytes of this call count as taken.
  func receive(_ bytes: UnsafeRawBufferPointer, _ exchange: PendingReply) -> Bool

  /// The whole body arrived; must lead to exactly one `exchange.complete`, now or later.
  func finish(_ exchange: PendingReply)

  /// The connection died or the body broke a limit: delete what was half written. Not called
  /// after `finish`, nor after an early `exchange.complete`.
  func abort()
}

/// The answerer of requests.
///
/// Called on the threads of the loops, on several at once.
public protocol RequestHandler: Sendable {
  /// Decides what to do with a body; called once the head is in, only if there is a body. The
  /// body of the request is empty here.
  func plan(_ head: Request) -> BodyPlan

  /// Answers a request: exactly one `send` or `later` on the reply. Must not block; no answer at
  /// all becomes a 500.
  func handle(_ request: Request, _ reply: inout Reply)
}
