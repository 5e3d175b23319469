// What a connection needs while a request is under way; recycled by its loop.

/// Buffers and state of a request under way.
final class Work {
  /// Memory kept in a recycled buffer.
  static let keptBytes = 16_384

  /// Input that was read but not consumed; starts with the head while a body is buffered.
  var input = ByteQueue(capacity: 512)
  /// Look at a partial head again when it has grown to this, or a line is complete.
  var parseAgainAt = 0

  /// Output that did not go out at once.
  var output = ByteQueue(capacity: 512)
  /// Bytes of it that are sent.
  var sentCount = 0
  /// While held: output from here on waits for the barrier.
  var heldFrom = 0
  /// The file that follows the output.
  var transfer: FileTransfer?
  var events: EventStream?

  /// Length of the head at the start of a buffered body.
  var headCount = 0
  /// Body bytes so far, decoded.
  var bodyCount = 0
  /// Declared length of the body, `nil` if chunked.
  var bodyLength: Int?
  var bodyLimit = 0
  /// What of the server's memory for buffered bodies is taken by this one.
  var reservedCount = 0
  var decoder: ChunkedDecoder?
  var sink: (any BodySink)?
  /// The answer of a streamed body until the body is complete.
  var pending: PendingReply?
  /// Tells pending replies when the connection is gone.
  var presence: Presence?
  /// Conditions of a request that is answered later.
  var conditions: RequestConditions?

  /// When the present transfer in either direction began, and its bytes, for the minimum rate.
  var transferStart: UInt32 = 0
  var transferCount = 0
  /// Input read and thrown away.
  var discardedCount = 0

  var hasOutput: Bool { sentCount < output.count }

  var isEmpty: Bool {
    input.count == 0 && !hasOutput && transfer == nil && events == nil && pending == nil
      && sink == nil
  }

  func reset() {
    input.reset(keeping: Self.keptBytes)
    output.reset(keeping: Self.keptBytes)
    parseAgainAt = 0
    sentCount = 0
    heldFrom = 0
    transfer = nil
    events = nil
    headCount = 0
    bodyCount = 0
    bodyLength = nil
    bodyLimit = 0
    decoder = nil
    sink = nil
    pending = nil
    presence = nil
    discardedCount = 0
    conditions = nil
    transferCount = 0
  }
}
