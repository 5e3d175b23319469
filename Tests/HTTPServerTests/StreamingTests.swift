// Long bodies in both directions: uploads with backpressure, event streams, held replies.
import Glibc
import HTTPClient
import HTTPServer
import Synchronization
import Testing

@Suite struct StreamingTests {
  @Test(arguments: ["/upload", "/slow-upload"])
  func `an upload of 50 MB arrives whole in pieces of bounded size`(_ target: String) throws {
    let server = try TestServer()
    let file = try PatternFile(count: 50_000_000)
    let client = try HTTPConnection(host: "127.0.0.1", port: server.port)
    let response = try client.send("PUT", target, body: .file(path: file.path, progress: nil))
    #expect(response.status == 201)
    #expect(response.text == "50000000")
    let seen = server.handler.sinks.withLock { $0[0].state.withLock { $0 } }
    #expect(seen.mismatches == 0)
    // The shared read buffer is all the memory an upload needs, paused or not.
    #expect(seen.largestPiece <= 131_072)
    #expect(seen.callsWhilePaused == 0)
    #expect((seen.pauses > 100) == (target == "/slow-upload"))
  }

  @Test func `a chunked upload with pauses arrives whole, and the next request after it`() throws {
    let server = try TestServer()
    let socket = RawSocket(port: server.port)
    socket.send("POST /slow-upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    let piece = "1000\r\n" + String(repeating: "x", count: 4_096) + "\r\n"
    socket.send(String(repeating: piece, count: 300))
    socket.send("0\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
    let answer = socket.read(until: "hello")
    #expect(answer.contains("\r\n\r\n\(300 * 4_096)"))
  }

  @Test func `a lost connection aborts its upload`() throws {
    let server = try TestServer()
    do {
      let socket = RawSocket(port: server.port)
      socket.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc")
      #expect(eventually { server.handler.sinks.withLock { !$0.isEmpty } })
    }
    #expect(
      eventually { server.handler.sinks.withLock { $0[0].state.withLock { $0.isAborted } } })
  }

  @Test func `a sink may answer before the body ends`() throws {
    let server = try TestServer()
    let socket = RawSocket(port: server.port)
    socket.send("POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
    socket.send(String(repeating: "x", count: 100_000))
    let answer = socket.readToEnd()
    #expect(answer.hasPrefix("HTTP/1.1 409 "))
    #expect(answer.contains("Connection: close"))
    #expect(answer.hasSuffix("seen enough"))
    let isAborted = server.handler.early.isAborted.load(ordering: .acquiring)
    #expect(!isAborted)
  }

  @Test func `a malformed chunk aborts its upload`() throws {
    let server = try TestServer()
    let answer = server.exchange(
      "POST /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naXX")
    #expect(answer.hasPrefix("HTTP/1.1 400 "))
    #expect(server.handler.sinks.withLock { $0[0].state.withLock { $0.isAborted } })
  }

  @Test func `events arrive in order and the end is told`() throws {
    let server = try TestServer()
    let handler = server.handler
    Background.run {
      guard eventually({ handler.streams.withLock { !$0.isEmpty } }) else { return }
      let stream = handler.streams.withLock { $0[0] }
      for number in 0..<100 { stream.send(Array("id: \(number)\ndata: n\(number)\n\n".utf8)) }
      stream.close()
    }
    let client = try HTTPConnection(host: "127.0.0.1", port: server.port)
    var events: [ServerEvent] = []
    let response = try client.events("/events") { event in
      events.append(event)
      return true
    }
    #expect(response.header("Content-Type") == "text/event-stream")
    #expect(events.count == 100)
    #expect(events.last == ServerEvent(data: "n99", id: "99"))
  }

  @Test func `a slow reader of events is dropped`() throws {
    let server = try TestServer()
    let socket = RawSocket(port: server.port, receiveBuffer: 4_096)
    socket.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n")
    _ = socket.read(until: "\r\n\r\n")
    let stream = server.handler.streams.withLock { $0[0] }
    let done = Done()
    stream.onClose = { done.signal() }
    let event = Array(("data: " + String(repeating: "x", count: 4_000) + "\n\n").utf8)
    for _ in 0..<5_000 where stream.isOpen { stream.send(event) }
    #expect(!stream.isOpen)
    #expect(eventually { done.isSignalled })
    #expect(eventually { server.server.statistics.openConnections == 0 })
  }

  @Test func `a reader that leaves closes its stream`() throws {
    let server = try TestServer()
    do {
      let socket = RawSocket(port: server.port)
      socket.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n")
      _ = socket.read(until: "\r\n\r\n")
    }
    #expect(eventually { server.handler.streams.withLock { !$0[0].isOpen } })
  }

  @Test func `held replies leave in order when their ticket is reached`() throws {
    let server = try TestServer()
    let sockets = (0..<3).map { _ in RawSocket(port: server.port) }
    for (index, socket) in sockets.enumerated() {
      socket.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(eventually { server.handler.heldCount.load(ordering: .acquiring) == index + 1 })
    }
    #expect(!Self.isReadable(sockets[0]))
    server.barrier.advance(to: 2)
    #expect(sockets[0].read(until: "hello").contains("ticket 1"))
    #expect(sockets[1].read(until: "hello").contains("ticket 2"))
    #expect(!Self.isReadable(sockets[2]))
    server.barrier.advance(to: 3)
    #expect(sockets[2].read(until: "hello").contains("ticket 3"))
  }

  @Test func `held replies of a failed commit become 503, later ones do not`() throws {
    let server = try TestServer()
    let sockets = (0..<3).map { _ in RawSocket(port: server.port) }
    for (index, socket) in sockets.enumerated() {
      socket.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /held HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(eventually { server.handler.heldCount.load(ordering: .acquiring) == index + 1 })
    }
    server.barrier.advance(to: 1)
    server.barrier.fail(through: 2)
    server.barrier.advance(to: 3)
    #expect(sockets[0].read(until: "ticket").contains("ticket 1"))
    let failed = sockets[1].read(until: "could not be stored")
    #expect(failed.contains("HTTP/1.1 503 "))
    #expect(failed.contains("Retry-After: 5\r\n"))
    #expect(failed.contains("application/problem+json"))
    #expect(!failed.contains("ticket"))
    #expect(sockets[2].read(until: "ticket").contains("ticket 3"))
  }

  @Test func `ten thousand held replies are all released`() throws {
    let server = try TestServer(loops: 2)
    let handler = server.handler
    let barrier = server.barrier
    let done = Done()
    Background.run {
      while !done.isSignalled {
        barrier.advance(to: handler.ticket.load(ordering: .sequentiallyConsistent))
        usleep(100)
      }
    }
    let sockets = (0..<10).map { _ in RawSocket(port: server.port) }
    for socket in sockets {
      socket.send(String(repeating: "GET /held HTTP/1.1\r\nHost: h\r\n\r\n", count: 200))
    }
    for socket in sockets {
      #expect(socket.read(until: "ticket ", count: 200).occurrences(of: "200 OK") == 200)
    }
    done.signal()
  }

  private static func isReadable(_ socket: RawSocket) -> Bool {
    var entry = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 20) > 0
  }
}
