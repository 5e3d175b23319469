// Files as bodies: ranges, conditions, HEAD, and readers that are too slow.
import Glibc
import HTTPClient
import HTTPServer
import Testing

/// A file of a known pattern, removed with the object.
final class PatternFile {
  let path: String

  init(count: Int) throws {
    var template = Array("/tmp/groundswell-test-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var written = 0
    while written < count {
      let piece = min(Self.table.count, count - written)
      written += max(1, Self.table.withUnsafeBytes { write(descriptor, $0.baseAddress, piece) })
    }
    close(descriptor)
  }

  deinit { unlink(path) }

  /// One period of the pattern; a prime length, so that no buffer size hides a shift.
  private static let table = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }

  static func byte(_ index: Int) -> UInt8 { table[index % table.count] }

  static func bytes(_ range: Range<Int>) -> [UInt8] {
    var bytes: [UInt8] = []
    var position = range.lowerBound
    while position < range.upperBound {
      let start = position % table.count
      let count = min(table.count - start, range.upperBound - position)
      bytes += table[start..<start + count]
      position += count
    }
    return bytes
  }

  func body() throws -> FileBody {
    let file = try #require(OpenFile(path: path))
    return FileBody(
      file: file, contentType: "application/octet-stream", etag: "\"v1\"",
      lastModified: 784_111_777,
      contentEncoding: nil, disposition: "attachment; filename=\"a.bin\"")
  }
}

@Suite struct FileTests {
  private func get(
    _ server: TestServer, _ headers: [(name: String, value: String)], method: String = "GET"
  ) throws -> HTTPResponse {
    try HTTPConnection(host: "127.0.0.1", port: server.port).send(method, "/file", headers: headers)
  }

  @Test func `a whole file comes with its metadata`() throws {
    let file = try PatternFile(count: 3_000_000)
    let server = try TestServer(file: file.body())
    let response = try get(server, [])
    #expect(response.status == 200)
    #expect(response.body == PatternFile.bytes(0..<3_000_000))
    #expect(response.header("etag") == "\"v1\"")
    #expect(response.header("Last-Modified") == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(response.header("Accept-Ranges") == "bytes")
    #expect(response.header("Content-Disposition") == "attachment; filename=\"a.bin\"")
    let head = try get(server, [], method: "HEAD")
    #expect(head.header("Content-Length") == "3000000")
    #expect(head.body.isEmpty)
  }

  @Test(arguments: [
    ("bytes=0-0", 0..<1), ("bytes=10-19", 10..<20), ("bytes=990-", 990..<1_000),
    ("bytes=-5", 995..<1_000), ("bytes=0-5000", 0..<1_000), ("bytes=-5000", 0..<1_000),
    ("Bytes= 7-8", 7..<9), ("bytes=999-999,2000-", 999..<1_000),
  ])
  func `one range is sent as 206`(_ range: String, _ expected: Range<Int>) throws {
    let file = try PatternFile(count: 1_000)
    let server = try TestServer(file: file.body())
    let response = try get(server, [("Range", range)])
    #expect(response.status == 206)
    #expect(response.body == PatternFile.bytes(expected))
    #expect(
      response.header("Content-Range")
        == "bytes \(expected.lowerBound)-\(expected.upperBound - 1)/1000")
  }

  @Test(arguments: [
    "bytes=5-4", "bytes=a-b", "bytes=", "items=0-1", "bytes=1", "bytes=--1", "bytes=0-10,5-20",
    "bytes=99999999999999999999-",
    "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,"
      + "20-20,22-22,24-24,26-26,28-28,30-30,32-32",
  ])
  func `unusable ranges get the whole file`(_ range: String) throws {
    let file = try PatternFile(count: 1_000)
    let server = try TestServer(file: file.body())
    let response = try get(server, [("Range", range)])
    #expect(response.status == 200)
    #expect(response.body.count == 1_000)
  }

  @Test(arguments: ["bytes=1000-", "bytes=1000-1001,5000-", "bytes=-0"])
  func `ranges outside the file get 416`(_ range: String) throws {
    let file = try PatternFile(count: 1_000)
    let server = try TestServer(file: file.body())
    let response = try get(server, [("Range", range)])
    #expect(response.status == 416)
    #expect(response.header("Content-Range") == "bytes */1000")
  }

  @Test func `several ranges are sent as multipart`() throws {
    let file = try PatternFile(count: 1_000)
    let server = try TestServer(file: file.body())
    let response = try get(server, [("Range", "bytes=500-509, 0-4,-1")])
    #expect(response.status == 206)
    let type = try #require(response.header("Content-Type"))
    #expect(type.hasPrefix("multipart/byteranges; boundary="))
    let boundary = type.dropFirst("multipart/byteranges; boundary=".count)
    var expected: [UInt8] = []
    for range in [500..<510, 0..<5, 999..<1_000] {
      expected += Array(
        ("\r\n--\(boundary)\r\nContent-Type: application/octet-stream\r\nContent-Range: "
          + "bytes \(range.lowerBound)-\(range.upperBound - 1)/1000\r\n\r\n").utf8)
      expected += PatternFile.bytes(range)
    }
    expected += Array("\r\n--\(boundary)--\r\n".utf8)
    #expect(response.body == expected)
  }

  @Test(arguments: [
    ("\"v1\"", 206), ("\"v2\"", 200), ("W/\"v1\"", 200),
    ("Sun, 06 Nov 1994 08:49:37 GMT", 206), ("Sun, 06 Nov 1994 08:49:38 GMT", 200),
  ])
  func `a range holds only for the version it was asked for`(_ value: String, _ status: Int) throws
  {
    let file = try PatternFile(count: 1_000)
    let server = try TestServer(file: file.body())
    #expect(try get(server, [("Range", "bytes=5-9"), ("If-Range", value)]).status == status)
  }

  @Test(arguments: [
    ("If-None-Match", "\"v1\"", 304), ("If-None-Match", "\"x\", W/\"v1\"", 304),
    ("If-None-Match", "*", 304), ("If-None-Match", "\"v2\"", 200),
    ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", 304),
    ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT", 200),
    ("If-Modified-Since", "yesterday", 200),
  ])
  func `a cached version is not sent again`(_ name: String, _ value: String, _ status: Int) throws {
    let file = try PatternFile(count: 1_000)
    let server = try TestServer(file: file.body())
    let response = try get(server, [(name, value)])
    #expect(response.status == status)
    #expect(response.body.isEmpty == (status == 304))
  }

  @Test func `a reader that stops reading is dropped`() throws {
    let file = try PatternFile(count: 20_000_000)
    var limits = Limits()
    limits.writeTimeout = .milliseconds(300)
    let server = try TestServer(file: file.body(), limits: limits)
    let socket = RawSocket(port: server.port, receiveBuffer: 4_096)
    socket.send("GET /file HTTP/1.1\r\nHost: h\r\n\r\n")
    _ = socket.readSome()
    #expect(eventually { server.server.statistics.openConnections == 0 })
  }

  @Test func `a download is resumed where it broke`() throws {
    let file = try PatternFile(count: 500_000)
    let server = try TestServer(file: file.body())
    let client = try HTTPConnection(host: "127.0.0.1", port: server.port)
    var received: [UInt8] = []
    #expect(throws: HTTPClientError.cancelled) {
      try client.download("/file") { _, bytes in
        received += bytes
        return received.count < 100_000
      }
    }
    let headers = [(name: "Range", value: "bytes=\(received.count)-"), ("If-Range", "\"v1\"")]
    let response = try client.download("/file", headers: headers) { response, bytes in
      received += bytes
      return response.status == 206
    }
    #expect(response.status == 206)
    #expect(received == PatternFile.bytes(0..<500_000))
  }
}
