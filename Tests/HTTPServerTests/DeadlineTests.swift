// Slow and too many clients, draining, and the limits that bound them.
import Glibc
import HTTPClient
import HTTPServer
import Synchronization
import Testing

@Suite struct DeadlineTests {
  @Test func `clients that drip their heads are cut by the deadline while others are served`()
    throws
  {
    var limits = Limits()
    limits.headerTimeout = .milliseconds(400)
    let server = try TestServer(limits: limits)
    let sockets = (0..<50).map { _ in RawSocket(port: server.port) }
    for socket in sockets { socket.send("GET /hello HT") }
    let client = try HTTPConnection(host: "127.0.0.1", port: server.port)
    #expect(try client.send("GET", "/hello").status == 200)
    for socket in sockets {
      socket.send("T")
      #expect(socket.readToEnd().hasPrefix("HTTP/1.1 408 "))
    }
    #expect(try client.send("GET", "/hello").status == 200)
  }

  @Test func `a body below the minimum rate is cut and its sink aborted`() throws {
    var limits = Limits()
    limits.bodyTimeout = .milliseconds(300)
    let server = try TestServer(limits: limits)
    let socket = RawSocket(port: server.port)
    socket.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc")
    #expect(socket.readToEnd().hasPrefix("HTTP/1.1 408 "))
    #expect(server.handler.sinks.withLock { $0[0].state.withLock { $0.isAborted } })
  }

  @Test func `idle connections are closed without a word`() throws {
    var limits = Limits()
    limits.idleTimeout = .milliseconds(200)
    let server = try TestServer(limits: limits)
    let socket = RawSocket(port: server.port)
    socket.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(socket.readToEnd().hasSuffix("hello"))
  }

  @Test func `connections above the limit are told to come later`() throws {
    var limits = Limits()
    limits.connections = 4
    let server = try TestServer(limits: limits)
    let sockets = (0..<4).map { _ in RawSocket(port: server.port) }
    for socket in sockets {
      socket.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(socket.read(until: "hello").contains("200 OK"))
    }
    let answer = RawSocket(port: server.port).readToEnd()
    #expect(answer.hasPrefix("HTTP/1.1 503 "))
    #expect(answer.contains("Retry-After: 5\r\n"))
  }

  @Test func `buffered bodies share a bounded memory`() throws {
    var limits = Limits()
    limits.bufferedBodyBytesTotal = 1_000
    let server = try TestServer(limits: limits)
    let first = RawSocket(port: server.port)
    first.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n")
    first.send("Expect: 100-continue\r\n\r\n")
    #expect(first.read(until: "\r\n\r\n").contains("100 Continue"))
    let head = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n"
    #expect(server.exchange(head).hasPrefix("HTTP/1.1 503 "))
    first.send(String(repeating: "a", count: 900))
    #expect(first.read(until: "aaaa").contains("200 OK"))
    let second = RawSocket(port: server.port)
    second.send(head)
    second.send(String(repeating: "b", count: 101))
    #expect(second.read(until: "bbbb").contains("200 OK"))
  }

  @Test func `a drained server finishes what runs and closes the rest`() throws {
    let server = try TestServer()
    let idle = RawSocket(port: server.port)
    idle.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
    _ = idle.read(until: "hello")
    let busy = RawSocket(port: server.port)
    busy.send("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(eventually { server.handler.pending.withLock { !$0.isEmpty } })
    let running = server.server
    let done = Done()
    Background.run {
      running.shutdown(deadlineSeconds: 10)
      done.signal()
    }
    #expect(idle.readToEnd().hasSuffix("hello"))
    #expect(!done.isSignalled)
    server.handler.pending.withLock { $0[0].complete(Response(status: 200, text: "finished")) }
    let answer = busy.readToEnd()
    #expect(answer.hasSuffix("finished"))
    #expect(answer.contains("Connection: close"))
    #expect(eventually { done.isSignalled })
    #expect(running.statistics.openConnections == 0)
  }

  @Test func `a drained server cuts what does not end`() throws {
    let server = try TestServer()
    let busy = RawSocket(port: server.port)
    busy.send("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(eventually { server.handler.pending.withLock { !$0.isEmpty } })
    server.server.shutdown(deadlineSeconds: 0)
    #expect(busy.readToEnd().isEmpty)
    #expect(server.handler.pending.withLock { !$0[0].isConnected })
  }
}

/// Tells one thread that another came to its end.
final class Done: Sendable {
  private let flag = Atomic<Bool>(false)

  var isSignalled: Bool { flag.load(ordering: .acquiring) }

  func signal() { flag.store(true, ordering: .releasing) }
}
