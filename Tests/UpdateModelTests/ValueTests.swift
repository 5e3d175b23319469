// ValueTests: the small values that are read from text: just inside, just outside, malformed.

import Testing
import UpdateModel

@Suite struct ValueTests {
  @Test(arguments: [
    ("0s", 0), ("1s", 1000), ("90s", 90_000), ("15m", 900_000), ("12h", 43_200_000),
    ("7d", 604_800_000), ("250ms", 250), ("1h30m", 5_400_000), ("3650d", 315_360_000_000),
    ("1d1h1m1s1ms", 90_061_001),
  ])
  func `lengths of time are read`(text: String, milliseconds: Int64) throws {
    let interval = try #require(Interval(text: text))
    #expect(interval.milliseconds == milliseconds)
    #expect(Interval(text: interval.description) == interval)
  }

  @Test(arguments: [
    "", "s", "10", "10x", "-1s", "+1s", "1.5h", "1 h", " 1h", "1h ", "3651d", "3650d1ms",
    "99999999d", "9999999999999s", "1hm", "١s", "1S", String(repeating: "1s", count: 17),
  ])
  func `other lengths are refused`(text: String) { #expect(Interval(text: text) == nil) }

  @Test(arguments: [(90_000, "1m30s"), (0, "0s"), (-5000, "-5s"), (86_400_001, "1d1ms")])
  func `lengths are written shortly`(milliseconds: Int64, text: String) {
    #expect(Interval(milliseconds: milliseconds).description == text)
  }

  @Test func `whole seconds are rounded down`() {
    #expect(Interval(milliseconds: 1999).wholeSeconds == 1)
    #expect(Interval(milliseconds: -1).wholeSeconds == -1)
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00Z"), (951_782_400_000, "2000-02-29T00:00:00Z"),
    (1_709_251_199_999, "2024-02-29T23:59:59Z"), (4_107_542_399_000, "2100-02-28T23:59:59Z"),
    (4_107_542_400_000, "2100-03-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
    (1_795_240_800_000, "2026-11-21T06:00:00Z"),
  ])
  func `instants are written in UTC`(milliseconds: Int64, text: String) {
    #expect(Instant(milliseconds: milliseconds).description == text)
  }

  @Test(arguments: [
    ("0%", 0), ("100%", 10_000), ("5%", 500), ("0.5%", 50), ("12.25%", 1225), ("0.01%", 1),
    ("007%", 700),
  ])
  func `shares are read`(text: String, basisPoints: Int) throws {
    let share = try #require(Share(text: text))
    #expect(share.basisPoints == basisPoints)
    #expect(Share(text: share.description) == share)
  }

  @Test(arguments: [
    "", "%", "5", "5 %", "100.01%", "-1%", "0.001%", ".5%", "5.%", "1e1%", "5%%", "٥%",
    "9999999999%", "1.2.3%",
  ])
  func `other shares are refused`(text: String) { #expect(Share(text: text) == nil) }

  @Test func `a share of a whole is rounded up and exceeded by one more`() throws {
    let five = try #require(Share(text: "5%"))
    #expect([0, 1, 19, 20, 21, 40, 41].map(five.roundedUp(of:)) == [0, 1, 1, 1, 2, 2, 3])
    #expect(!five.isExceeded(by: 1, of: 20))
    #expect(five.isExceeded(by: 2, of: 39))
    #expect(!five.isExceeded(by: 2, of: 40))
    #expect(!five.isExceeded(by: 0, of: 0))
    #expect(Share.whole.roundedUp(of: 7) == 7)
  }

  @Test(arguments: ["a", "A.b_c-9", "_x", "0", String(repeating: "n", count: 64)])
  func `names are read`(text: String) throws { #expect(try Name(text).text == text) }

  @Test(arguments: [
    "", ".a", "-a", "a b", "a/b", "ä", "a\n", "a%", "..", String(repeating: "n", count: 65),
  ])
  func `other names are refused`(text: String) {
    let error = #expect(throws: InvalidValue.self) { try Name(text, field: "group") }
    #expect(error?.field == "group")
  }

  @Test(arguments: ["d", "a:b_c.d-e%20", "gerät", "?#&", String(repeating: "x", count: 256)])
  func `device ids are read`(text: String) throws { #expect(try DeviceID(text).text == text) }

  @Test(arguments: [
    "", " ", "a b", "a\tb", "a/b", "a\u{7F}", "a\u{0}", "a\u{A0}b", "a\u{2003}b",
    String(repeating: "x", count: 257), String(repeating: "é", count: 129),
  ])
  func `other device ids are refused`(text: String) {
    #expect(throws: InvalidValue.self) { try DeviceID(text) }
  }

  @Test(arguments: ["11", "101", "2147483647"])
  func `action ids are read`(text: String) {
    #expect(ActionID(decimal: text)?.description == text)
  }

  @Test(arguments: [
    "", "0", "9", "10", "20", "100", "011", "+11", "-11", "11 ", "2147483648", "4294967307", "1x",
  ])
  func `other action ids are refused`(text: String) { #expect(ActionID(decimal: text) == nil) }

  @Test func `the next action id is never a multiple of ten and wraps`() throws {
    #expect(try #require(ActionID(19)).following.number == 21)
    #expect(try #require(ActionID(11)).following.number == 12)
    #expect(try #require(ActionID(2_147_483_647)).following.number == 11)
  }

  @Test(arguments: ["1.0", "v2.3.4-rc1+b5", "ß", String(repeating: "1", count: 128)])
  func `versions are read`(text: String) throws {
    #expect(try FirmwareVersion(text).text == text)
  }

  @Test(arguments: ["", "1 0", "1\n", "\u{7F}", String(repeating: "1", count: 129)])
  func `other versions are refused`(text: String) {
    #expect(throws: InvalidValue.self) { try FirmwareVersion(text) }
  }

  @Test func `a digest is read in both cases and written in lower case`() throws {
    let lower = String(repeating: "0123456789abcdef", count: 4)
    let digest = try #require(Digest(hex: lower))
    #expect(digest.description == lower)
    #expect(Digest(hex: lower.uppercased()) == digest)
    #expect(Digest(bytes: digest.bytes) == digest)
    #expect(Digest(hex: String(lower.dropLast())) == nil)
    #expect(Digest(hex: lower.dropLast() + "g") == nil)
    #expect(Digest(bytes: [1, 2, 3]) == nil)
  }
}
