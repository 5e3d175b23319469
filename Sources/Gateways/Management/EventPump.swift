// EventPump: tells every open page what changed: one pass every 250 ms while somebody listens.

import Dispatch
import HTTPServer
import Orchestrator
import UpdateModel

/// Sends summaries to event streams. All sending happens on one queue, so that a reader never gets
/// an older summary after a newer one.
final class EventPump: Sendable {
  /// Open streams at most, of all tenants together.
  static let readersMax = 256
  private static let pause = DispatchTimeInterval.milliseconds(250)
  /// A comment after so many passes, 15 s: keeps proxies from closing a quiet stream.
  private static let passesPerHeartbeat = 60

  private struct Reader {
    let room: Room
    /// Whose token opened the stream; when that is withdrawn, the stream ends.
    let person: Operator
    let stream: EventStream
    /// Tells whether the connection went before the stream was tied to it.
    let exchange: PendingReply
    /// The count of changes in the last summary that was sent.
    var shown: UInt64?
  }

  private struct State {
    var readers: [ObjectIdentifier: Reader] = [:]
    var isTicking = false
    var passes = 0
  }

  private let plane: ControlPlane
  private let queue = DispatchQueue(label: "event-pump")
  private let state = Lock(State())

  init(plane: ControlPlane) { self.plane = plane }

  /// Answers with a stream of summaries, the first one at once. It ends by itself within two passes
  /// after the token of `person` was withdrawn.
  func open(_ room: Room, for person: Operator, _ exchange: PendingReply) {
    let stream = EventStream()
    let id = ObjectIdentifier(stream)
    let (isTaken, isFirst) = state.withLock { state -> (Bool, Bool) in
      guard state.readers.count < EventPump.readersMax else { return (false, false) }
      state.readers[id] = Reader(
        room: room, person: person, stream: stream, exchange: exchange, shown: nil)
      defer { state.isTicking = true }
      return (true, !state.isTicking)
    }
    guard isTaken else {
      exchange.complete(Busy.response)
      return
    }
    stream.onClose = { [weak self] in
      self?.state.withLock { _ = $0.readers.removeValue(forKey: id) }
    }
    queue.async { self.show(only: id) }
    if isFirst { queue.asyncAfter(deadline: .now() + EventPump.pause) { self.tick() } }
    exchange.complete(Response(status: 200, body: .events(stream)))
  }

  private func tick() {
    dismissStrangers()
    let isHeartbeat = state.withLock { state -> Bool? in
      // A connection that broke before its answer was sent never closes its stream.
      state.readers = state.readers.filter { _, reader in
        reader.stream.isOpen && reader.exchange.isConnected
      }
      state.isTicking = !state.readers.isEmpty
      guard state.isTicking else { return nil }
      state.passes = (state.passes + 1) % EventPump.passesPerHeartbeat
      return state.passes == 0
    }
    guard let isHeartbeat else { return }
    show()
    if isHeartbeat {
      let streams = state.withLock { $0.readers.values.map(\.stream) }
      for stream in streams { stream.send(Array(":\n\n".utf8)) }
    }
    queue.asyncAfter(deadline: .now() + EventPump.pause) { self.tick() }
  }

  /// Ends the streams whose token was withdrawn, before anything more is told to them.
  private func dismissStrangers() {
    let readers = state.withLock { $0.readers.values.map { ($0.person, $0.stream) } }
    // Without the lock, which a stream that closes takes to strike itself off.
    for (person, stream) in readers where !plane.isStillKnown(person) { stream.close() }
  }

  /// Sends a summary to every reader that has not seen the present state of its room.
  ///
  /// A change that happens meanwhile is shown by the next pass, because the count is taken before.
  private func show(only chosen: ObjectIdentifier? = nil) {
    let readers = state.withLock { $0.readers }
    var rooms: [Name: (changes: UInt64, event: [UInt8])] = [:]
    for (id, reader) in readers where chosen == nil || id == chosen {
      let known = rooms[reader.room.tenant]
      let changes = known?.changes ?? reader.room.changes
      guard reader.shown != changes else { continue }
      let event = known?.event ?? event(reader.room)
      rooms[reader.room.tenant] = (changes, event)
      state.withLock { $0.readers[id]?.shown = changes }
      reader.stream.send(event)
    }
  }

  private func event(_ room: Room) -> [UInt8] {
    Array("event: summary\ndata: ".utf8) + Documents.summary(plane.summary(of: room)).text
      + Array("\n\n".utf8)
  }
}
