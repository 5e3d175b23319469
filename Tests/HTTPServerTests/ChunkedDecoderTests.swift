// The chunked coding as tables, whole and cut at each place.
import Testing

@testable import HTTPServer

@Suite struct ChunkedDecoderTests {
  /// Decodes a body that comes in pieces of `step` bytes.
  static func decode(_ text: String, step: Int, overhead: Int = 100) throws -> (String, Int?) {
    let bytes = Array(text.utf8)
    var decoder = ChunkedDecoder(overheadLimit: overhead)
    var body: [UInt8] = []
    var start = 0
    while start < bytes.count {
      let piece = Array(bytes[start..<min(start + step, bytes.count)])
      var position = 0
      decoding: while true {
        switch try decoder.next(piece.span, from: position) {
        case .needMore: break decoding
        case .data(let run):
          body += piece[run]
          position = run.upperBound
        case .end(let end): return (String(decoding: body, as: UTF8.self), start + end)
        }
      }
      start += step
    }
    return (String(decoding: body, as: UTF8.self), nil)
  }

  @Test(arguments: [
    ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("00005\r\nhello\r\n1;a=\"b;c\"\r\n!\r\n000\r\n\r\n", "hello!"),
    ("A\r\n0123456789\r\n0\r\nTrailer: x\r\nOther:\r\n\r\n", "0123456789"),
    ("a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n"),
  ])
  func `lawful bodies decode wherever they are cut`(_ text: String, _ body: String) throws {
    for step in [1, 2, 3, 5, 7, 1_000] {
      let (decoded, end) = try Self.decode(text, step: step)
      #expect(decoded == body, "step \(step)")
      #expect(end == text.utf8.count, "step \(step)")
    }
  }

  @Test(arguments: [
    ("0x5\r\nhello\r\n0\r\n\r\n", Rejection.malformedChunk),
    ("+5\r\nhello\r\n", .malformedChunk), ("-1\r\n", .malformedChunk),
    ("5 \r\nhello\r\n", .malformedChunk), (" 5\r\nhello\r\n", .malformedChunk),
    ("5\nhello\r\n", .malformedChunk), ("5\rhello\r\n", .malformedChunk),
    ("5\r\nhelloX\r\n", .malformedChunk), ("5\r\nhello\n", .malformedChunk),
    ("5\r\nhello\rX", .malformedChunk), ("\r\n", .malformedChunk), (";a\r\n", .malformedChunk),
    ("g\r\n", .malformedChunk), ("fffffffffffffffff\r\n", .malformedChunk),
    ("8000000000000000\r\n", .malformedChunk), ("5;a\nb\r\nhello", .malformedChunk),
    ("5;a\0\r\nhello", .malformedChunk), ("0\r\n: x\r\n\r\n", .malformedChunk),
    ("0\r\nbad trailer\r\n\r\n", .malformedChunk), ("0\r\nX: y\n\r\n", .malformedChunk),
    ("0\r\n\rX", .malformedChunk), ("0\r\n fold\r\n", .malformedChunk),
  ])
  func `unlawful bodies are refused`(_ text: String, _ reason: Rejection) {
    for step in [1, 1_000] {
      #expect(throws: reason) { try Self.decode(text, step: step) }
    }
  }

  @Test func `extensions and trailers share a limit`() throws {
    let inside = "1;" + String(repeating: "x", count: 100) + "\r\na\r\n0\r\n\r\n"
    #expect(try Self.decode(inside, step: 9).0 == "a")
    let outside = "1;" + String(repeating: "x", count: 101) + "\r\na\r\n0\r\n\r\n"
    #expect(throws: Rejection.chunkOverhead) { try Self.decode(outside, step: 9) }
    let dripping = String(repeating: "1;abcdefghi\r\na\r\n", count: 12)
    #expect(throws: Rejection.chunkOverhead) { try Self.decode(dripping, step: 9) }
    let trailers = "0\r\n" + String(repeating: "T: 345678\r\n", count: 12)
    #expect(throws: Rejection.chunkOverhead) { try Self.decode(trailers, step: 9) }
  }
}
