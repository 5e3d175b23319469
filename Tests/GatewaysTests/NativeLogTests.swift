// NativeLogTests: logs on their way from a device to the disk and to people, and what is refused.

import Glibc
import HTTPClient
import Orchestrator
import Testing
import UpdateModel

struct NativeLogTests {
  private let fleet: DDIFleet
  private let device: NativeDevice

  init() throws {
    fleet = try DDIFleet()
    device = try NativeDevice(fleet)
  }

  private func put(
    _ path: String, _ bytes: [UInt8], headers: [(name: String, value: String)] = []
  ) throws -> HTTPResponse {
    let token = device.token ?? ""
    return try device.connection.send(
      "PUT", "\(device.base)/\(path)",
      headers: [("Authorization", "Bearer \(token)")] + headers, body: .bytes(bytes))
  }

  private func list() throws -> [JSON] {
    try fleet.desk.expect(200, "GET", "T/devices/d1/logs?limit=1000")["items"]?.array ?? []
  }

  private func text(_ count: Int, _ fill: UInt8 = 0x61) -> [UInt8] {
    [UInt8](repeating: fill, count: count)
  }

  @Test func `a log is kept as it was sent and noted with its command`() throws {
    let sent = try fleet.desk.expect(
      201, "POST", "T/devices/d1/commands", #"{"name":"collect-logs"}"#)
    let id = try #require(sent["id"]?.string)
    _ = try device.poll()
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let answer = try put("logs/system.log?command=\(id)", bytes)
    #expect(answer.status == 201, "\(answer.text)")
    #expect(
      try list() == [
        ["name": "system.log", "size": 3_000_000, "at": .string("\(fleet.clock.now)")]
      ])
    let fetched = try fleet.desk.connection.send(
      "GET", "\(ManagementService.tenant)/devices/d1/logs/system.log",
      headers: [("Authorization", "Bearer \(fleet.service.token)")], body: .none,
      bodyLimit: 16 << 20)
    #expect(fetched.body == bytes && fetched.header("X-Content-Type-Options") == "nosniff")
    #expect(fetched.header("Content-Disposition")?.contains("system.log") ?? false)
    let command = try fleet.desk.expect(200, "GET", "T/devices/d1/commands/\(id)")
    #expect(command["logs"] == ["system.log"])
    // On the disk where it is said to be, and nothing beside it.
    #expect(fleet.service.logFiles == ["DEFAULT/d1/system.log"])
    _ = try fleet.desk.expect(204, "DELETE", "T/devices/d1/logs/system.log")
    _ = try fleet.desk.expect(404, "GET", "T/devices/d1/logs/system.log")
    #expect(fleet.service.logFiles.isEmpty)
  }

  @Test func `a log of the same name takes the place of the older one`() throws {
    #expect(try put("logs/a", text(10)).status == 201)
    #expect(try put("logs/a", text(20, 0x62)).status == 201)
    #expect(try list().map { $0["size"] } == [20])
    #expect(try fleet.desk.send("GET", "T/devices/d1/logs/a").body == text(20, 0x62))
  }

  @Test(arguments: [
    "..", ".", "%2e%2e", "..%2f..%2fadmin.token", "a%2fb", "a%00b", ".hidden", "-rf", "",
    String(repeating: "a", count: 65), "a%20b", "%ff",
  ])
  func `a bad name is refused and nothing is written`(name: String) throws {
    let answer = try put("logs/\(name)", text(10))
    #expect((400...404).contains(answer.status), "\(name): \(answer.status)")
    #expect(fleet.service.logFiles.isEmpty)
  }

  @Test func `a log that is too large leaves nothing`() throws {
    let most = 8 << 20
    #expect(try put("logs/most", text(most)).status == 201)
    #expect(try put("logs/over", text(most + 1)).status == 413)
    // Without a length it is found out on the way.
    let chunked = try NativeDevice(fleet.service, "d1", token: device.token)
    #expect(try chunked.sendChunked("logs/chunked", bytes: most + 1) == 413)
    #expect(try put("logs/empty", []).status == 422)
    #expect(try list().map { $0["name"] } == ["most"])
    #expect(fleet.service.logFiles == ["DEFAULT/d1/most"])
  }

  @Test func `the oldest logs of a device make room, by number and by size`() throws {
    for number in 0..<66 {
      fleet.clock.move(by: .seconds(1))
      #expect(try put("logs/n\(number)", text(10)).status == 201)
    }
    let names = try list().compactMap { $0["name"]?.string }
    #expect(names.count == 64 && names.first == "n65" && names.last == "n2")
    for number in 0..<9 {
      fleet.clock.move(by: .seconds(1))
      #expect(try put("logs/big\(number)", text(8 << 20)).status == 201)
    }
    #expect(try list().compactMap { $0["name"]?.string } == (1...8).reversed().map { "big\($0)" })
    #expect(fleet.service.logFiles.count == 8)
  }

  @Test func `strangers and strange queries are refused before the bytes come`() throws {
    let stranger = try NativeDevice(fleet.service, "d1", token: "wrong-token-wrong-token")
    #expect(try stranger.send("PUT", "logs/a", "x").status == 401)
    #expect(try put("logs/a?command=zero", text(1)).status == 400)
    #expect(try put("logs/a?commnd=1", text(1)).status == 400)
    #expect(try device.send("GET", "logs/a").status == 405)
    #expect(try device.send("PUT", "logs", "x").status == 404)
    // A log is worth keeping, whatever it was for.
    #expect(try put("logs/a?command=99", text(1)).status == 201)
  }

  @Test func `ids that are no plain words have folders of their own`() throws {
    let odd = ["..", "ü", "a%b", String(repeating: "d", count: 256)]
    for id in odd {
      let body = JSON.members(["id": .string(id), "hardware": "board-a"])
      let answer = try fleet.desk.expect(
        201, "POST", "T/devices", String(decoding: body.text, as: UTF8.self))
      let path = id.utf8.map { byte in
        "%" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
      }.joined()
      let device = try NativeDevice(fleet.service, path, token: answer["token"]?.string)
      #expect(try device.send("PUT", "logs/a", id).status == 201, "\(id)")
      #expect(try fleet.desk.send("GET", "T/devices/\(path)/logs/a").text == id)
    }
    let files = fleet.service.logFiles
    #expect(files.count == odd.count && files.allSatisfy { $0.hasPrefix("DEFAULT/=") })
  }

  @Test func `a removed device takes its logs with it`() throws {
    #expect(try put("logs/a", text(10)).status == 201)
    _ = try fleet.desk.expect(204, "DELETE", "T/devices/d1")
    #expect(fleet.service.logFiles.isEmpty)
  }

  @Test func `old logs go, and a start finds what is there`() throws {
    #expect(try put("logs/a", text(10)).status == 201)
    fleet.clock.move(by: .days(89))
    fleet.service.plane.removeOldLogs()
    #expect(try list().count == 1)
    fleet.clock.move(by: .days(2))
    fleet.service.plane.removeOldLogs()
    #expect(try list().isEmpty && fleet.service.logFiles.isEmpty)
  }
}

extension ManagementService {
  /// The files below the folder of logs, by their path in it.
  var logFiles: [String] {
    func below(_ path: String, _ prefix: String) -> [String] {
      files(inFolder: path).flatMap { name -> [String] in
        let inner = below("\(path)/\(name)", "\(prefix)\(name)/")
        var facts = stat()
        let isFile = lstat("\(path)/\(name)", &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
        return isFile ? [prefix + name] : inner
      }
    }
    return below("\(directory)/logs", "").sorted()
  }
}

extension NativeDevice {
  /// Sends so many bytes without saying how many; returns the status.
  func sendChunked(_ path: String, bytes: Int) throws -> Int {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(servicePort).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected else { throw Failure("connect: \(errno)") }
    func write(_ text: [UInt8]) -> Bool {
      var done = 0
      while done < text.count {
        let count = text.withUnsafeBytes {
          Glibc.send(
            socket, $0.baseAddress?.advanced(by: done), text.count - done,
            Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return false }
        done += count
      }
      return true
    }
    _ = write(
      Array(
        ("PUT \(base)/\(path) HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token ?? "")\r\n"
          + "Transfer-Encoding: chunked\r\n\r\n").utf8))
    let piece = [UInt8](repeating: 0x61, count: 65_536)
    var rest = bytes
    while rest > 0 {
      let size = min(rest, piece.count)
      let head = Array((String(size, radix: 16) + "\r\n").utf8)
      // The server may have answered and closed.
      guard write(head + piece.prefix(size) + [0x0D, 0x0A]) else { break }
      rest -= size
    }
    _ = write(Array("0\r\n\r\n".utf8))
    var answer = [UInt8](repeating: 0, count: 64)
    let count = recv(socket, &answer, answer.count, 0)
    let words = String(decoding: answer.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
    return words.count > 1 ? Int(words[1]) ?? 0 : 0
  }
}
