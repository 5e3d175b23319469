// Requests and replies over a live socket: pipelining, dripping, refusals, late answers.
import Glibc
import HTTPClient
import HTTPServer
import Synchronization
import Testing

@Suite struct ExchangeTests {
  @Test func `three pipelined requests with a chunked body in the middle are answered in order`()
    throws
  {
    let server = try TestServer()
    let answer = server.exchange(
      "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
        + "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: v\r\n\r\n"
        + "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    #expect(answer.occurrences(of: "HTTP/1.1 200 OK") == 3)
    #expect(answer.occurrences(of: "hello") == 2)
    #expect(answer.occurrences(of: "\r\n\r\nabcdefg") == 1)
    #expect(answer.occurrences(of: "Connection: close") == 1)
  }

  @Test(arguments: [
    "Content-Length: 7\r\n\r\nabcdefg",
    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
  ])
  func `a request that drips in byte by byte is answered`(_ body: String) throws {
    let server = try TestServer()
    let socket = RawSocket(port: server.port)
    let text =
      "POST /echo HTTP/1.1\r\nHost: h\r\n" + body + "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
    for byte in text.utf8 { socket.send([byte]) }
    let answer = socket.read(until: "hello")
    #expect(answer.contains("abcdefg"))
    #expect(answer.occurrences(of: "200 OK") == 2)
  }

  @Test func `a thousand pipelined requests are answered without a deep stack`() throws {
    let server = try TestServer()
    let socket = RawSocket(port: server.port)
    let one = "GET /long HTTP/1.1\r\nHost: h\r\n\r\n"
    socket.send(String(repeating: one, count: 1_000))
    let answer = socket.read(until: "200 OK", count: 1_000)
    #expect(answer.occurrences(of: "200 OK") == 1_000)
    #expect(answer.contains("Content-Length: 1000\r\n"))
  }

  @Test func `the body of HEAD is left out but its length told`() throws {
    let server = try TestServer()
    let answer = server.exchange(
      "HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\nHEAD /later HTTP/1.1\r\nHost: h\r\n\r\n"
        + "HEAD /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    #expect(answer.occurrences(of: "HTTP/1.1 ") == 3)
    #expect(answer.contains("Content-Length: 5\r\n"))
    #expect(answer.contains("Content-Length: 4\r\n"))
    #expect(!answer.contains("hello"))
    #expect(answer.hasSuffix("\r\n\r\n"))
  }

  @Test func `a client that expects 100-continue gets it, and the answer after the body`() throws {
    let server = try TestServer()
    let socket = RawSocket(port: server.port)
    socket.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    #expect(socket.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
    socket.send("12345")
    #expect(socket.read(until: "12345").contains("HTTP/1.1 200 OK"))
  }

  @Test func `a refused expectation never sees 100`() throws {
    let server = try TestServer()
    let answer = server.exchange(
      "POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 401 "))
    #expect(answer.contains("Connection: close"))
  }

  @Test func `a refused body that is already there does not cost the connection`() throws {
    let server = try TestServer()
    let socket = RawSocket(port: server.port)
    socket.send(
      "POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345"
        + "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
    let answer = socket.read(until: "hello")
    #expect(answer.contains("401 Unauthorized"))
    #expect(answer.contains("200 OK"))
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\nHost: a\n\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n", 400),
    ("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", 413),
    ("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901", 413),
    ("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999\r\n\r\n", 413),
    ("GET /" + String(repeating: "a", count: 9_000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: x\r\n\r\n", 417),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 40_000) + "\r\n\r\n", 431),
    (
      "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 100) + "\r\n", 431
    ),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;"
        + String(repeating: "x", count: 65_536) + "\r\na\r\n0\r\n\r\n", 400
    ),
  ])
  func `what is refused is answered once and the connection closed`(
    _ request: String, _ status: Int
  ) throws {
    let server = try TestServer()
    let answer = server.exchange(request + "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
    #expect(answer.occurrences(of: "Connection: close") == 1)
    #expect(answer.occurrences(of: "Content-Length:") == 1)
    #expect(answer.contains("\"status\":\(status)"))
  }

  @Test func `a header of 20 kB fits the default and arrives`() throws {
    let server = try TestServer()
    let agent = String(repeating: "a", count: 20_000)
    let answer = server.exchange(
      "GET /inspect?q=1 HTTP/1.1\r\nHost: h:1\r\nUser-Agent: \(agent)\r\nConnection: close\r\n\r\n")
    #expect(answer.contains("h:1|q=1|\(agent)|false|127.0.0.1"))
  }

  @Test func `HTTP 1.0 closes unless asked to stay`() throws {
    let server = try TestServer()
    #expect(server.exchange("GET /hello HTTP/1.0\r\n\r\n").hasSuffix("hello"))
    let socket = RawSocket(port: server.port)
    socket.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    #expect(socket.read(until: "hello").contains("Connection: keep-alive"))
    socket.send("GET /hello HTTP/1.0\r\n\r\n")
    #expect(socket.readToEnd().occurrences(of: "hello") == 2)
  }

  @Test func `answers from another thread arrive, and pipelined requests wait for them`() throws {
    let server = try TestServer()
    let answer = server.exchange(
      "GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /dropped HTTP/1.1\r\nHost: h\r\n\r\n"
        + "GET /silent HTTP/1.1\r\nHost: h\r\n\r\n"
        + "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    #expect(answer.occurrences(of: "HTTP/1.1 200 OK") == 2)
    #expect(answer.occurrences(of: "HTTP/1.1 500 ") == 2)
    #expect(answer.contains("late"))
    #expect(answer.hasSuffix("hello"))
  }

  @Test func `a pending reply learns that its connection is gone`() throws {
    let server = try TestServer()
    do {
      let socket = RawSocket(port: server.port)
      socket.send("GET /keep HTTP/1.1\r\nHost: h\r\n\r\nx")
      #expect(eventually { server.handler.pending.withLock { !$0.isEmpty } })
      #expect(server.handler.pending.withLock { $0[0].isConnected })
      var linger = linger(l_onoff: 1, l_linger: 0)
      setsockopt(socket.descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(8))
    }
    #expect(eventually { server.handler.pending.withLock { !$0[0].isConnected } })
    server.handler.pending.withLock { $0[0].complete(Response(status: 200)) }
    #expect(eventually { server.server.statistics.openConnections == 0 })
  }

  @Test func `mutated conversations leave a server that works`() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix(seed: seed)
    let server = try TestServer()
    let corpus = [
      "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", "GET /later HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "PUT /slow-upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "2\r\nab\r\n0\r\n\r\n",
      "PUT /early HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n123456789",
      "POST /refuse HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
    ].map { Array($0.utf8) }
    for _ in 0..<400 {
      let socket = RawSocket(port: server.port)
      for _ in 0...random.below(4) {
        var request = corpus[random.below(corpus.count)]
        for _ in 0..<random.below(3) { random.mutate(&request) }
        let cut = random.below(request.count + 1)
        socket.send(Array(request[..<cut]))
        socket.send(Array(request[cut...]))
      }
      shutdown(socket.descriptor, Int32(SHUT_WR))
      _ = socket.readToEnd()
    }
    #expect(eventually { server.server.statistics.openConnections == 0 }, "seed \(seed)")
    let client = try HTTPConnection(host: "127.0.0.1", port: server.port)
    #expect(try client.send("GET", "/hello").text == "hello", "seed \(seed)")
  }

  @Test func `header values cannot break out of their line`() throws {
    let server = try TestServer()
    let answer = server.exchange("GET /injected HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    #expect(answer.contains("X-Name: a  X-Evil: b\r\n"))
    #expect(!answer.contains("\r\nX-Evil"))
  }

  @Test func `the client keeps its connection and survives a lost one`() throws {
    var server: TestServer? = try TestServer()
    let port = try #require(server?.port)
    let client = try HTTPConnection(host: "127.0.0.1", port: port)
    for _ in 0..<3 {
      let response = try client.send("POST", "/echo", body: .bytes(Array("ping".utf8)))
      #expect(response.status == 200)
      #expect(response.text == "ping")
    }
    #expect(server?.server.statistics.openConnections == 1)
    let address = "127.0.0.1:\(port)"
    server = nil
    #expect(throws: HTTPClientError.refused(address)) { try client.send("GET", "/hello") }
    server = try TestServer { $0.address = address }
    #expect(try client.send("GET", "/hello").text == "hello")
    #expect(throws: HTTPClientError.tooLarge(limit: 4)) {
      try client.send("GET", "/hello", bodyLimit: 4)
    }
  }
}
