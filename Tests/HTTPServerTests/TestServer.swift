// A server with one route for each thing the engine can do, and a raw socket to talk to it.
import Crypto
import Glibc
import HTTPServer
import Synchronization

/// Counts what a streamed upload delivered; pauses after each receive if asked to.
final class CountingSink: BodySink {
  struct State {
    var count = 0
    var largestPiece = 0
    /// Bytes that are not those of a `PatternFile`, of one in 61 looked at.
    var mismatches = 0
    var isPaused = false
    var callsWhilePaused = 0
    var isAborted = false
    var pauses = 0
  }

  let state = Mutex(State())
  let pauses: Bool

  init(pauses: Bool) { self.pauses = pauses }

  func receive(_ bytes: UnsafeRawBufferPointer, _ exchange: PendingReply) -> Bool {
    state.withLock { state in
      for index in stride(from: 0, to: bytes.count, by: 61)
      where bytes[index] != PatternFile.byte(state.count + index) {
        state.mismatches += 1
      }
      state.count += bytes.count
      state.largestPiece = max(state.largestPiece, bytes.count)
      if state.isPaused { state.callsWhilePaused += 1 }
      if pauses {
        state.pauses += 1
        state.isPaused = true
      }
    }
    guard pauses else { return true }
    Background.run { [self] in
      state.withLock { $0.isPaused = false }
      exchange.resume()
    }
    return false
  }

  func finish(_ exchange: PendingReply) {
    let count = state.withLock { $0.count }
    Background.run { exchange.complete(Response(status: 201, text: "\(count)")) }
  }

  func abort() { state.withLock { $0.isAborted = true } }
}

/// Answers at the first bytes, long before the body ends.
final class EarlySink: BodySink {
  let isAborted = Atomic<Bool>(false)

  func receive(_ bytes: UnsafeRawBufferPointer, _ exchange: PendingReply) -> Bool {
    exchange.complete(Response(status: 409, text: "seen enough"))
    return true
  }

  func finish(_ exchange: PendingReply) { exchange.complete(Response(status: 200)) }

  func abort() { isAborted.store(true, ordering: .releasing) }
}

/// Runs closures on threads that are not loops.
enum Background {
  private final class Box {
    let action: @Sendable () -> Void
    init(_ action: @escaping @Sendable () -> Void) { self.action = action }
  }

  static func run(_ action: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(action))
    pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().action() }
        return nil
      }, box.toOpaque())
    pthread_detach(thread)
  }
}

/// Answers the routes of the tests.
final class TestSite: RequestHandler {
  let file: FileBody?
  let early = EarlySink()
  let ticket = Atomic<UInt64>(0)
  let heldCount = Atomic<Int>(0)
  let sinks = Mutex<[CountingSink]>([])
  let streams = Mutex<[EventStream]>([])
  let pending = Mutex<[PendingReply]>([])

  init(file: FileBody? = nil) { self.file = file }

  func plan(_ head: Request) -> BodyPlan {
    switch String(decoding: head.path, as: UTF8.self) {
    case "/upload", "/slow-upload":
      let sink = CountingSink(pauses: head.path.count > 7)
      sinks.withLock { $0.append(sink) }
      return .stream(sink)
    case "/early": return .stream(early)
    case "/refuse": return .refuse(Response(status: 401, text: "who are you"))
    case "/small": return .buffer(limit: 10)
    default: return .buffer(limit: 1 << 20)
    }
  }

  func handle(_ request: Request, _ reply: inout Reply) {
    switch String(decoding: request.path, as: UTF8.self) {
    case "/hello":
      reply.send(status: 200, contentType: "text/plain") { $0.append("hello") }
    case "/long":
      reply.send(status: 200, contentType: "text/plain") { body in
        for number in 0..<1_000 { body.append(decimal: number % 10) }
      }
    case "/echo", "/small":
      let body = request.body
      reply.send(status: 200, contentType: "application/octet-stream") { $0.append(body) }
    case "/inspect":
      let host = String(decoding: request.host, as: UTF8.self)
      let query = String(decoding: request.query, as: UTF8.self)
      let agent = request.header("User-Agent").map { String(decoding: $0, as: UTF8.self) } ?? "-"
      let text = "\(host)|\(query)|\(agent)|\(request.isSecure)|\(request.peer.host)"
      reply.send(Response(status: 200, text: text))
    case "/certificate":
      let text = request.clientCertificate.map { Hex.encode($0) } ?? "none"
      reply.send(Response(status: 200, text: text))
    case "/file":
      if let file { reply.send(Response(status: 200, body: .file(file))) }
    case "/later":
      let pending = reply.later()
      Background.run { pending.complete(Response(status: 200, text: "late")) }
    case "/keep":
      let pending = reply.later()
      self.pending.withLock { $0.append(pending) }
    case "/dropped":
      _ = reply.later()
    case "/held":
      let number = ticket.add(1, ordering: .sequentiallyConsistent).newValue
      reply.send(status: 200, contentType: "text/plain", after: number) {
        $0.append("ticket ")
        $0.append(decimal: Int(number))
      }
      heldCount.add(1, ordering: .sequentiallyConsistent)
    case "/events":
      let stream = EventStream(backlogLimit: 65_536)
      streams.withLock { $0.append(stream) }
      reply.send(Response(status: 200, body: .events(stream)))
    case "/injected":
      reply.send(Response(status: 200, headers: [("X-Name", "a\r\nX-Evil: b")], body: .empty))
    case "/silent":
      break
    default:
      reply.send(Response(status: 404, text: "no such route"))
    }
  }
}

/// A running test server, shut down with the object.
final class TestServer {
  let server: Server
  let handler: TestSite
  let barrier = Barrier()
  var port: Int { server.localPort }

  init(
    file: FileBody? = nil, limits: Limits = Limits(), loops: Int = 1,
    configure: (inout ServerConfiguration) -> Void = { _ in }
  ) throws {
    handler = TestSite(file: file)
    var configuration = ServerConfiguration(
      address: "127.0.0.1:0", loopCount: loops, limits: limits)
    configure(&configuration)
    server = try Server(configuration: configuration, handler: handler, barrier: barrier)
    try server.start()
  }

  deinit { server.shutdown(deadlineSeconds: 0) }

  /// Sends raw bytes on a fresh connection and returns everything until the server closes.
  func exchange(_ text: String) -> String {
    let socket = RawSocket(port: port)
    socket.send(text)
    return socket.readToEnd()
  }
}

/// A plain TCP socket without any idea of HTTP.
final class RawSocket {
  let descriptor: Int32
  private var buffered: [UInt8] = []

  init(port: Int, receiveBuffer: Int32 = 0) {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if receiveBuffer > 0 {
      var size = receiveBuffer
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
    }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    var timeout = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(16))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(16))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  deinit { close(descriptor) }

  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  /// Reads what there is; empty at the end, on a reset and after 10 s.
  func readSome() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 65_536) { target, count in
      count = max(0, recv(descriptor, target.baseAddress, 65_536, 0))
    }
  }

  func readToEnd() -> String {
    var all = buffered
    while true {
      let some = readSome()
      if some.isEmpty { return String(decoding: all, as: UTF8.self) }
      all += some
    }
  }

  /// Reads until `marker` has appeared `count` times.
  func read(until marker: String, count: Int = 1) -> String {
    while true {
      let text = String(decoding: buffered, as: UTF8.self)
      if text.occurrences(of: marker) >= count { return text }
      let some = readSome()
      if some.isEmpty { return text }
      buffered += some
    }
  }
}

extension String {
  func occurrences(of marker: String) -> Int {
    var count = 0
    let wanted = Array(marker.utf8)
    let bytes = Array(utf8)
    guard bytes.count >= wanted.count else { return 0 }
    for start in 0...bytes.count - wanted.count
    where bytes[start] == wanted[0] && bytes[start..<start + wanted.count].elementsEqual(wanted) {
      count += 1
    }
    return count
  }
}

/// Waits until a condition holds; gives up after five seconds.
func eventually(_ condition: () -> Bool) -> Bool {
  for _ in 0..<5_000 {
    if condition() { return true }
    usleep(1_000)
  }
  return false
}
