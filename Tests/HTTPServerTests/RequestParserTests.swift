// The strict parser as tables: what is just inside, just outside, and malformed.
import Testing

@testable import HTTPServer

@Suite struct RequestParserTests {
  /// What became of some bytes.
  enum Verdict: Equatable {
    case complete
    case incomplete
    case refused(Rejection)
  }

  static func parse(_ text: String, limits: Limits = Limits()) -> (Verdict, RequestHead) {
    var head = RequestHead()
    let bytes = Array(text.utf8)
    do throws(Rejection) {
      let isComplete = try RequestParser(limits).parse(bytes.span, into: &head)
      return (isComplete ? .complete : .incomplete, head)
    } catch {
      return (.refused(error), head)
    }
  }

  static func text(_ run: ByteRun, of request: String) -> String {
    String(decoding: Array(request.utf8)[run.range], as: UTF8.self)
  }

  @Test func `a usual request is taken apart`() {
    let request = "GET /a/b?c=d&e HTTP/1.1\r\nHost: h:8080\r\nX-One:  two \t\r\nEmpty:\r\n\r\nrest"
    let (verdict, head) = Self.parse(request)
    #expect(verdict == .complete)
    #expect(head.method == .get)
    #expect(Self.text(head.path, of: request) == "/a/b")
    #expect(Self.text(head.query, of: request) == "c=d&e")
    #expect(Self.text(head.host, of: request) == "h:8080")
    #expect(head.fieldCount == 3)
    #expect(Self.text(head.fields[1].value, of: request) == "two")
    #expect(Self.text(head.fields[2].value, of: request) == "")
    #expect(head.byteCount == request.utf8.count - 4)
    #expect(head.keepsAlive)
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET http://other:80/x HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /%00%zz{}|[] HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    "BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "POST / HTTP/1.1\r\nhOST: h\r\ncontent-LENGTH: 999999999999999999\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nX: caf\u{e9}\tx\r\n\r\n",
  ])
  func `lawful heads are taken`(_ request: String) {
    #expect(Self.parse(request).0 == .complete)
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", Rejection.missingHost),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .repeatedHost),
    ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .malformedHost),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .malformedHost),
    ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .malformedHost),
    ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .malformedHost),
    ("P / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .repeatedLength),
    ("P / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", .malformedLength),
    ("P / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", .malformedLength),
    ("P / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", .malformedLength),
    ("P / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n", .malformedLength),
    ("P / HTTP/1.1\r\nHost: a\r\nContent-Length: 3 3\r\n\r\n", .malformedLength),
    ("P / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", .malformedLength),
    ("P / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000000000\r\n\r\n", .malformedLength),
    (
      "P / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      .lengthAndCoding
    ),
    (
      "P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
      .lengthAndCoding
    ),
    ("P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedCoding),
    ("P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", .malformedCoding),
    ("P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", .malformedCoding),
    ("P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", .malformedCoding),
    ("P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", .malformedCoding),
    ("P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", .malformedCoding),
    ("P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", .malformedCoding),
    (
      "P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
      .malformedCoding
    ),
    ("P / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .malformedCoding),
    ("P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", .malformedHeader),
    ("P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\u{b}: chunked\r\n\r\n", .malformedHeader),
    ("GET / HTTP/1.1\nHost: a\n\n", .bareLineEnd),
    ("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineEnd),
    ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", .bareLineEnd),
    ("GET / HTTP/1.1\r\nHost: a\r\n\rX", .bareLineEnd),
    ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", .foldedHeader),
    ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedHeader),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", .malformedHeader),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: 12345678\u{7f}2345678\r\n\r\n", .malformedHeader),
    ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", .malformedHeader),
    ("GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", .malformedHeader),
    ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", .unknownExpectation),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
    ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", .unsupportedVersion),
    ("GET / HTTP/11\r\nHost: a\r\n\r\n", .malformedVersion),
    ("GET / http/1.1\r\nHost: a\r\n\r\n", .malformedVersion),
    ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .malformedVersion),
    ("GET /\r\n", .malformedTarget),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedTarget),
    ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", .malformedVersion),
    ("GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", .malformedTarget),
    ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .malformedTarget),
    ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .malformedTarget),
    ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", .malformedTarget),
    ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", .unsupportedMethod),
    ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", .unsupportedMethod),
    ("\u{16}\u{3}\u{1}", .malformedRequestLine),
  ])
  func `unlawful heads are refused`(_ request: String, _ reason: Rejection) {
    #expect(Self.parse(request).0 == .refused(reason))
  }

  @Test func `a head is incomplete at each byte before its last`() {
    let request = "POST /x?y HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nX: y\r\n\r\n"
    let bytes = Array(request.utf8)
    for count in 0..<bytes.count {
      let part = String(decoding: bytes[..<count], as: UTF8.self)
      #expect(Self.parse(part).0 == .incomplete, "after \(count) bytes")
    }
    #expect(Self.parse(request).0 == .complete)
  }

  @Test func `limits hold just inside and just outside`() {
    var limits = Limits()
    limits.requestLineBytes = 40
    limits.headerBytes = 40
    limits.headerCount = 2
    func line(_ length: Int) -> String {
      "GET /" + String(repeating: "a", count: length - 16) + " HTTP/1.1\r\nHost: h\r\n\r\n"
    }
    #expect(Self.parse(line(40), limits: limits).0 == .complete)
    #expect(Self.parse(line(41), limits: limits).0 == .refused(.lineTooLong))
    func fields(_ length: Int) -> String {
      "GET / HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "a", count: length - 16) + "\r\n\r\n"
    }
    #expect(Self.parse(fields(40), limits: limits).0 == .complete)
    #expect(Self.parse(fields(41), limits: limits).0 == .refused(.headersTooLarge))
    let many = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d\r\n\r\n"
    #expect(Self.parse(many, limits: limits).0 == .refused(.headersTooLarge))
    let endless = "GET /" + String(repeating: "a", count: 50)
    #expect(Self.parse(endless, limits: limits).0 == .refused(.lineTooLong))
    let endlessField = "GET / HTTP/1.1\r\nHost: " + String(repeating: "a", count: 50)
    #expect(Self.parse(endlessField, limits: limits).0 == .refused(.headersTooLarge))
  }

  @Test(arguments: [
    ("HTTP/1.1", "X: y", true), ("HTTP/1.1", "Connection: close", false),
    ("HTTP/1.1", "Connection: foo , CLOSE", false), ("HTTP/1.0", "X: y", false),
    ("HTTP/1.0", "Connection: keep-alive", true),
    ("HTTP/1.0", "Connection: keep-alive, close", false),
  ])
  func `version and Connection decide about keep-alive`(
    _ version: String, _ field: String, _ keepsAlive: Bool
  ) {
    let (verdict, head) = Self.parse("GET / \(version)\r\nHost: h\r\n\(field)\r\n\r\n")
    #expect(verdict == .complete)
    #expect(head.keepsAlive == keepsAlive)
  }

  @Test func `the byte classes hold exactly the characters of the standards`() {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    let token = Set((letters + "!#$%&'*+-.^_`|~").utf8)
    let host = Set((letters + "-._~!$%&'()*+;=:[]").utf8)
    for byte in UInt8.min...UInt8.max {
      #expect(ByteClass.isToken(byte) == token.contains(byte), "token \(byte)")
      #expect(ByteClass.isHost(byte) == host.contains(byte), "host \(byte)")
    }
  }

  @Test func `mutated heads never trap and never read beyond their end`() {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix(seed: seed)
    let corpus = [
      "GET /a?b HTTP/1.1\r\nHost: h\r\nConnection: close, x\r\nRange: bytes=0-5\r\n\r\n",
      "POST http://h/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "5\r\nhello\r\n0\r\n\r\n",
      "PUT / HTTP/1.0\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n",
    ].map { Array($0.utf8) }
    var head = RequestHead()
    let parser = RequestParser(Limits())
    for _ in 0..<20_000 {
      var bytes = corpus[random.below(corpus.count)]
      for _ in 0...random.below(6) { random.mutate(&bytes) }
      // A refusal is a good answer; only a trap would be wrong.
      let isComplete = (try? parser.parse(bytes.span, into: &head)) ?? false
      if isComplete {
        #expect(head.byteCount <= bytes.count, "seed \(seed)")
        #expect(head.path.range.upperBound <= head.byteCount, "seed \(seed)")
      }
      var decoder = ChunkedDecoder(overheadLimit: 100)
      var position = 0
      while position < bytes.count {
        // As above.
        guard let step = try? decoder.next(bytes.span, from: position) else { break }
        guard case .data(let run) = step else { break }
        #expect(run.lowerBound >= position && run.upperBound <= bytes.count, "seed \(seed)")
        position = run.upperBound
      }
    }
  }
}

/// A small random generator with a seed, so that a failure can be repeated.
struct SplitMix {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// Changes, inserts, removes or repeats something.
  mutating func mutate(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    let place = below(bytes.count)
    let interesting: [UInt8] = [0, 9, 10, 13, 32, 44, 58, 59, 127, 255, 0x30, 0x2B]
    switch below(5) {
    case 0: bytes[place] = UInt8(truncatingIfNeeded: next())
    case 1: bytes[place] = interesting[below(interesting.count)]
    case 2: bytes.insert(interesting[below(interesting.count)], at: place)
    case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(8)))
    default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 20)], at: place)
    }
  }
}
