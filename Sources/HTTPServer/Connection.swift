// One connection. What an idle one needs is here; everything else is in its `Work`, which is
// borrowed from the loop's pool only while a request is under way.
//
// Phases: handshake -> head -> (buffering | streaming <-> paused) -> (awaiting) -> (held) ->
// writing -> head again, or lingering -> closed. `events` replaces writing for event streams.
internal import Crypto

/// Where a connection is in the life of a request.
enum Phase: UInt8 {
  /// The TLS handshake runs.
  case handshake
  /// Idle, or part of a request head is in.
  case head
  /// A body is collected in memory.
  case buffering
  /// A body is handed to a sink.
  case streaming
  /// The sink asked to stop.
  case paused
  /// A `PendingReply` is out.
  case awaiting
  /// The reply waits for the barrier.
  case held
  /// The reply is being sent and nothing is read.
  case writing
  /// An event stream is open.
  case events
  /// All is sent; input is thrown away for a moment, so that a reset does not eat the reply.
  case lingering
  case closed
}

/// Flags of a connection.
struct ConnectionFlags: OptionSet {
  let rawValue: UInt8
  /// Close after the reply.
  static let closes = ConnectionFlags(rawValue: 1)
  /// The request is HEAD: no body in the reply.
  static let omitsBody = ConnectionFlags(rawValue: 2)
  /// The request is HTTP/1.0.
  static let isVersion10 = ConnectionFlags(rawValue: 4)
  /// Part of a head is in and its deadline runs.
  static let headStarted = ConnectionFlags(rawValue: 8)
  /// Linger before closing.
  static let lingers = ConnectionFlags(rawValue: 16)
  /// Reading is switched off in epoll.
  static let readsOff = ConnectionFlags(rawValue: 32)
  /// Waiting for room to write is switched on in epoll.
  static let writesOn = ConnectionFlags(rawValue: 64)
}

/// One accepted connection, owned by its loop.
final class Connection {
  let descriptor: Int32
  let slot: UInt32
  let generation: UInt32
  var exchange: UInt32 = 0
  /// The tick after which something must have happened.
  var deadline = UInt32.max
  /// The tick at which the wheel looks at this connection next.
  var scheduled = UInt32.max
  var phase = Phase.head
  var flags: ConnectionFlags = []
  var tls: TLSSession?
  var work: Work?

  init(descriptor: Int32, slot: UInt32, generation: UInt32) {
    self.descriptor = descriptor
    self.slot = slot
    self.generation = generation
  }

  var token: ConnectionToken {
    ConnectionToken(slot: slot, generation: generation, exchange: exchange)
  }

  /// Whether bytes from the peer are wanted now.
  var wantsInput: Bool {
    switch phase {
    case .handshake, .head, .buffering, .streaming, .events, .lingering: return true
    case .paused, .awaiting, .held, .writing, .closed: return false
    }
  }

  /// Whether a request is neither in nor on its way.
  var isIdle: Bool { phase == .head && work == nil }
}
