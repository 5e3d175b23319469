// TimeZoneSpecimens: TZif files from the system or made by hand, and what the C library says.

import Glibc
import Testing
import UpdateModel

/// Zones of both hemispheres, with offsets of half and three quarters of an hour, with changes of
/// half an hour, with a winter time behind standard time, across the date line, without any change.
let zoneNames = [
  "Europe/Paris", "America/New_York", "America/St_Johns", "Australia/Lord_Howe",
  "Australia/Adelaide", "Pacific/Chatham", "Asia/Kolkata", "America/Santiago", "Africa/Casablanca",
  "Europe/Dublin", "Pacific/Apia", "Asia/Kathmandu", "America/Nuuk", "Asia/Tehran", "Africa/Cairo",
  "America/Havana", "Antarctica/Troll", "Etc/GMT+12",
]

/// A small generator (SplitMix64), so that a seed repeats a run.
struct Chance: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// The bytes of a zone of the system.
func zoneFile(_ name: String) throws -> [UInt8] {
  let file = try #require(fopen("/usr/share/zoneinfo/\(name)", "r"), "install tzdata for \(name)")
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 1 << 16)
  let count = fread(&bytes, 1, bytes.count, file)
  return Array(bytes.prefix(count))
}

func zone(_ name: String) throws -> TimeZoneRules { try TimeZoneRules(tzif: zoneFile(name)) }

/// The instant of `2027-03-28T01:00:00Z`, or of `2027-03-28T01:00Z`.
func instant(_ text: String) throws -> Instant {
  let numbers = text.split { "-T:Z".contains($0) }.compactMap { Int32($0) }
  try #require(numbers.count == 5 || numbers.count == 6, "\(text)")
  var parts = tm()
  parts.tm_year = numbers[0] - 1900
  parts.tm_mon = numbers[1] - 1
  parts.tm_mday = numbers[2]
  parts.tm_hour = numbers[3]
  parts.tm_min = numbers[4]
  parts.tm_sec = numbers.count == 6 ? numbers[5] : 0
  return Instant(milliseconds: Int64(timegm(&parts)) * 1000)
}

/// A TZif file (RFC 9636) from its parts; the offset of a transition is an index into `types`.
struct ZoneSpecimen {
  var version: Character = "2"
  var transitions: [(at: Int64, type: UInt8)] = []
  var types: [Int32] = [0]
  var footer = ""
  var leapCount: UInt32 = 0

  private func block(timeBytes: Int) -> [UInt8] {
    func integer(_ value: some FixedWidthInteger) -> [UInt8] {
      withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
    var bytes = Array("TZif".utf8) + [version == "1" ? 0 : version.asciiValue ?? 0]
    bytes += [UInt8](repeating: 0, count: 15)
    for count in [0, 0, leapCount, UInt32(transitions.count), UInt32(types.count), 4] {
      bytes += integer(count)
    }
    for transition in transitions {
      bytes += timeBytes == 4 ? integer(Int32(transition.at)) : integer(transition.at)
    }
    bytes += transitions.map(\.type)
    for type in types { bytes += integer(type) + [0, 0] }
    bytes += Array("LMT\0".utf8)
    bytes += [UInt8](repeating: 0, count: Int(leapCount) * (timeBytes + 4))
    return bytes
  }

  var bytes: [UInt8] {
    let first = block(timeBytes: 4)
    return version == "1" ? first : first + block(timeBytes: 8) + Array("\n\(footer)\n".utf8)
  }

  func rules() throws -> TimeZoneRules { try TimeZoneRules(tzif: bytes) }
}

/// What `date` of the system, which asks the C library, says about instants in a zone.
func localTimes(_ instants: [Instant], in zone: String) throws -> [String] {
  var template = Array("/tmp/zone-tests-XXXXXX".utf8CString)
  let descriptor = mkstemp(&template)
  try #require(descriptor >= 0)
  let path = String(decoding: template.dropLast().map { UInt8($0) }, as: UTF8.self)
  defer { unlink(path) }
  let input = try #require(fdopen(descriptor, "w"))
  for instant in instants { fputs("@\(instant.milliseconds / 1000)\n", input) }
  fclose(input)
  let command = "TZ='\(zone)' LC_ALL=C date --file=\(path) '+%Y-%m-%d %H:%M:%S %u %::z'"
  let output = try #require(popen(command, "r"))
  var lines: [String] = []
  var line = [CChar](repeating: 0, count: 128)
  while fgets(&line, Int32(line.count), output) != nil {
    lines.append(String(decoding: line.prefix { $0 != 10 }.map { UInt8($0) }, as: UTF8.self))
  }
  try #require(pclose(output) == 0)
  return lines
}

/// The same line from our rules.
func localTime(_ instant: Instant, in rules: TimeZoneRules) throws -> String {
  func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
  func clock(_ seconds: Int64) -> String {
    "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
  }
  let local = rules.localTime(at: instant)
  let date = Instant(milliseconds: local.day * 86_400_000).description.prefix(10)
  let weekday = try #require(Weekday.allCases.firstIndex(of: local.weekday)) + 1
  let offset = rules.offset(at: instant).wholeSeconds
  return "\(date) \(clock(local.second)) \(weekday) \(offset < 0 ? "-" : "+")\(clock(abs(offset)))"
}
