// ManagementUploadTests: images on their way in: refused early, broken off, sent twice.

import Gateways
import Glibc
import HTTPClient
import Testing
import UpdateModel

struct ManagementUploadTests {
  private static let binary = "application/octet-stream"

  @Test func `an upload that breaks off leaves no file`() throws {
    let service = try ManagementService()
    let client = try ManagementClient(service)
    for _ in 0..<3 {
      let socket = try RawSocket(port: service.port)
      socket.send(
        "POST \(ManagementService.tenant)/artifacts?name=a&version=1&hardware=b HTTP/1.1\r\n"
          + "Host: x\r\nAuthorization: Bearer \(service.token)\r\nContent-Length: 500000\r\n\r\n"
          + String(repeating: "x", count: 200_000))
      #expect(try waits(for: client) { service.files(in: "incoming").count == 1 })
      socket.close()
      #expect(try waits(for: client) { service.files(in: "incoming").isEmpty })
    }
    #expect(service.storedImages == [])
    #expect(try client.expect(200, "GET", "T/artifacts")["items"] == [])
  }

  /// Asks for the health of the service until something holds; false when it never does.
  private func waits(for client: ManagementClient, _ condition: () -> Bool) throws -> Bool {
    for _ in 0..<20_000 {
      if condition() { return true }
      _ = try client.send("GET", "/healthz")
    }
    return false
  }

  @Test func `the same bytes are stored once`() throws {
    let service = try ManagementService()
    let client = try ManagementClient(service)
    let bytes = String(repeating: "0123456789", count: 9000)
    func upload(_ status: Int, _ query: String) throws -> JSON {
      try client.expect(
        status, "POST", "T/artifacts?" + query, bytes, type: ManagementUploadTests.binary)
    }
    let first = try upload(201, "name=a&version=1&hardware=b")
    let files = service.storedImages
    #expect(files.contains(first["sha256"]?.string ?? ""))
    #expect(first["compressedSize"] != nil)
    #expect(try upload(200, "name=a&version=1&hardware=b") == first)
    #expect(try upload(201, "name=a&version=2&hardware=b")["id"] == 2)
    #expect(service.storedImages == files)
    _ = try client.expect(204, "DELETE", "T/artifacts/1")
    #expect(service.storedImages == files)
    _ = try client.expect(204, "DELETE", "T/artifacts/2")
    #expect(service.storedImages == [])
    #expect(service.files(in: "incoming") == [])
  }

  @Test func `an image that does not fit its description is refused`() throws {
    let service = try ManagementService(imageBytesMax: 100)
    let client = try ManagementClient(service)
    let good = "name=a&version=1&hardware=b"
    let zeros = String(repeating: "0", count: 64)
    let cases: [(String, String?, String, Int)] = [
      ("", "x", ManagementUploadTests.binary, 400),
      ("name=a+b&version=&hardware=,&component=/&fileName=..&sha256=x", "x", "", 400),
      ("name=a&version=1&hardware=b,b", "x", ManagementUploadTests.binary, 400),
      (good + "&sha256=" + zeros, "x", ManagementUploadTests.binary, 422),
      (good, String(repeating: "x", count: 101), ManagementUploadTests.binary, 413),
      (good, "x", "multipart/form-data; boundary=x", 415),
      (good, nil, ManagementUploadTests.binary, 400), (good, "", "", 400),
      (good + "&name=b", "x", ManagementUploadTests.binary, 400),
    ]
    for (query, body, type, status) in cases {
      let fields = type.isEmpty ? ManagementUploadTests.binary : type
      let response = try client.send("POST", "T/artifacts?" + query, body, type: fields)
      #expect(response.status == status, "\(query): \(response.text)")
    }
    let faults = try client.expect(
      400, "POST", "T/artifacts?hardware=%20&sha256=0", "x", type: ManagementUploadTests.binary)
    #expect(
      faults["errors"]?.array?.map { $0["field"] } == ["name", "version", "hardware", "sha256"])
    #expect(service.files(in: "incoming") == [] && service.storedImages == [])
  }

  @Test func `a long image arrives whole although the sender has to wait`() throws {
    let service = try ManagementService(imageBytesMax: 1 << 25)
    let client = try ManagementClient(service)
    var state: UInt32 = 1
    let bytes = (0..<(20 << 20) / 4).flatMap { _ -> [UInt8] in
      state = state &* 1_664_525 &+ 1_013_904_223
      return withUnsafeBytes(of: state) { Array($0) }
    }
    let fields = [
      ("Authorization", "Bearer \(service.token)"), ("Content-Type", ManagementUploadTests.binary),
    ]
    let stored = try client.connection.send(
      "POST", ManagementService.tenant + "/artifacts?name=a&version=1&hardware=b", headers: fields,
      body: .bytes(bytes))
    #expect(stored.status == 201)
    let back = try client.connection.send(
      "GET", ManagementService.tenant + "/artifacts/1/content", headers: fields,
      bodyLimit: 1 << 25)
    #expect(back.body == bytes)
  }

  @Test func `a chunked image is taken and a longer one is not`() throws {
    let service = try ManagementService(imageBytesMax: 10)
    for (bytes, status) in [("0123456789", "201"), ("0123456789x", "413")] {
      let socket = try RawSocket(port: service.port)
      socket.send(
        "POST \(ManagementService.tenant)/artifacts?name=a&version=1&hardware=b HTTP/1.1\r\n"
          + "Host: x\r\nAuthorization: Bearer \(service.token)\r\n"
          + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
      for byte in bytes.utf8 { socket.send("1\r\n\(Character(UnicodeScalar(byte)))\r\n") }
      socket.send("0\r\n\r\n")
      #expect(socket.readToEnd().hasPrefix("HTTP/1.1 \(status) "))
    }
    #expect(service.files(in: "incoming") == [])
  }
}

/// A connection on which anything can be sent.
final class RawSocket {
  private var descriptor: Int32

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Failure("connect: \(errno)") }
  }

  deinit { close() }

  func send(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Makes reading give up after a while, as if the other end had closed.
  func waitsAtMost(seconds: Int) {
    var wait = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
  }

  /// What has come, once something has.
  func readSome() -> String {
    var piece = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &piece, piece.count)
    return String(decoding: piece.prefix(max(0, count)), as: UTF8.self)
  }

  func readToEnd() -> String {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(descriptor, &piece, piece.count)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += piece.prefix(count)
    }
  }

  func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }
}
