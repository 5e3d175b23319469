// QR codes: the structure that the standard demands, and the very modules of the qrencode command.

import Glibc
import Testing

@testable import Labels

@Suite("QR codes")
struct QRCodeTests {
  static let texts = [
    "A", "0123456789", "HELLO WORLD", "groundswell:claim?t=acme&c=7EE03ZTTEZH113A4RCMPXC2Q",
    "groundswell:claim?t=acme&d=pump-17&c=7EE03ZTTEZH113A4RCMPXC2Q&u=https://ota.example.com",
    "Größe €", String(repeating: "claim ", count: 200),
  ]

  @Test(arguments: texts)
  func `every code has finders, timing, a valid format of level M and, from 7 on, its version`(
    text: String
  ) throws {
    let code = try QRCode(text)
    let last = code.side - 7
    for (column, row) in [(0, 0), (last, 0), (0, last)] {
      for y in -1...7 {
        for x in -1...7 {
          // Rings: dark border, light ring, dark core, and a light separator around all.
          let distance = max(abs(x - 3), abs(y - 3))
          let inside = (0..<code.side).contains(column + x) && (0..<code.side).contains(row + y)
          guard inside else { continue }
          #expect(code.isDark(column: column + x, row: row + y) == (distance != 2 && distance != 4))
        }
      }
    }
    for position in 8..<code.side - 8 {
      #expect(code.isDark(column: position, row: 6) == position.isMultiple(of: 2))
      #expect(code.isDark(column: 6, row: position) == position.isMultiple(of: 2))
    }
    #expect(code.isDark(column: 8, row: code.side - 8))
    let format = formatBits(code)
    // Level M is 00; the remainder by the generator of the BCH(15,5) code is zero (annex C).
    #expect(format >> 13 == 0)
    #expect(remainder(format, by: 0b101_0011_0111, bits: 15, degree: 10) == 0)
    if code.version >= 7 {
      let version = versionBits(code)
      #expect(version >> 12 == code.version)
      #expect(remainder(version, by: 0b1_1111_0010_0101, bits: 18, degree: 12) == 0)
    }
  }

  /// The format without its mask, from beside the first finder, most significant bit first.
  private func formatBits(_ code: QRCode) -> Int {
    let places = [
      (0, 8), (1, 8), (2, 8), (3, 8), (4, 8), (5, 8), (7, 8), (8, 8), (8, 7), (8, 5), (8, 4),
      (8, 3), (8, 2), (8, 1), (8, 0),
    ]
    let bits = places.reduce(0) { $0 << 1 | (code.isDark(column: $1.0, row: $1.1) ? 1 : 0) }
    return bits ^ 0b101_0100_0001_0010
  }

  private func versionBits(_ code: QRCode) -> Int {
    (0..<18).reversed().reduce(0) { bits, index in
      bits << 1 | (code.isDark(column: index / 3, row: code.side - 11 + index % 3) ? 1 : 0)
    }
  }

  private func remainder(_ value: Int, by generator: Int, bits: Int, degree: Int) -> Int {
    var value = value
    for shift in (0..<bits - degree).reversed() where value & (1 << (shift + degree)) != 0 {
      value ^= generator << shift
    }
    return value
  }

  @Test func `a code can be made larger but not smaller than it has to be`() throws {
    let usual = try QRCode("hello")
    #expect(usual.version == 1)
    #expect(try QRCode("hello", atLeast: 7).version == 7)
    let long = try QRCode(String(repeating: "x", count: 300), atLeast: 2)
    #expect(long.version > 2)
    #expect(long.side == 17 + 4 * long.version)
  }

  @Test func `texts that do not fit are refused by their size`() throws {
    let most = QRCode.textByteCountMax
    _ = try QRCode(String(repeating: "x", count: most))
    for text in ["", String(repeating: "x", count: most + 1), "a\u{0}b"] {
      #expect(throws: LabelError.unencodable(byteCount: text.utf8.count)) { try QRCode(text) }
    }
  }

  @Test func `outside of a code everything is light`() throws {
    let code = try QRCode("x")
    for (column, row) in [(-1, 0), (0, -1), (21, 0), (0, 21), (Int.min, 5), (5, Int.max)] {
      #expect(!code.isDark(column: column, row: row))
    }
  }

  @Test(arguments: texts)
  func `outlines enclose exactly the dark modules`(text: String) throws {
    let code = try QRCode(text)
    let polygons = CodeOutline(code).polygons
    // The winding number of each module's middle, from the vertical edges to its left.
    var winding = [Int](repeating: 0, count: code.side * code.side)
    for polygon in polygons {
      for (index, point) in polygon.enumerated() {
        let next = polygon[(index + 1) % polygon.count]
        try #require((point.x == next.x) != (point.y == next.y))
        guard point.x == next.x else { continue }
        for row in min(point.y, next.y)..<max(point.y, next.y) {
          for column in point.x..<code.side {
            winding[row * code.side + column] += next.y < point.y ? 1 : -1
          }
        }
      }
    }
    let dark = (0..<code.side * code.side).map { place in
      code.isDark(column: place % code.side, row: place / code.side) ? 1 : 0
    }
    #expect(winding == dark)
  }

  @Test(.enabled(if: Program.exists("qrencode")), arguments: texts)
  func `the modules are those that the qrencode command draws`(text: String) throws {
    let code = try QRCode(text)
    let drawn = try Program.run(
      ["qrencode", "--level=M", "--type=ASCII", "--margin=0", "--output=-", text])
    let rows = (0..<code.side).map { row in
      (0..<code.side).map { code.isDark(column: $0, row: row) ? "##" : "  " }.joined()
    }
    #expect(String(decoding: drawn, as: UTF8.self) == rows.map { $0 + "\n" }.joined())
  }
}
