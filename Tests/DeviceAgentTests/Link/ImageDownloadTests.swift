// Downloads: resumed where they stopped, dropped when too slow, proven by digest.

import Crypto
import Glibc
import HTTPClient
import HTTPServer
import Synchronization
import Testing
import UpdateModel

@testable import DeviceAgent

/// Serves one file, and remembers what was asked for.
private final class ImageSite: RequestHandler {
  let file: FileBody
  let ranges = Mutex<[String]>([])

  init(_ path: String, tag: String) throws {
    let opened = try #require(OpenFile(path: path))
    file = FileBody(file: opened, contentType: "application/octet-stream", etag: tag)
  }

  func plan(_ head: Request) -> BodyPlan { .buffer(limit: 0) }

  func handle(_ request: Request, _ reply: inout Reply) {
    let range = request.header("Range").map { String(decoding: $0, as: UTF8.self) } ?? "-"
    let condition = request.header("If-Range").map { String(decoding: $0, as: UTF8.self) } ?? "-"
    ranges.withLock { $0.append("\(range) \(condition)") }
    reply.send(Response(status: 200, body: .file(file)))
  }
}

@Suite struct ImageDownloadTests {
  private let directory: TestDirectory
  private let state: StateDirectory
  /// More than the kernel holds for a connection, so that a cut is felt.
  private let bytes = [UInt8](repeatElement(patternBytes(1_000_000), count: 14).joined())
  private let image: UpdateImage
  private let downloads: DownloadDirectory

  init() throws {
    directory = try TestDirectory()
    state = try StateDirectory(directory.file("state"))
    image = try signedImage(
      bytes, version: "2.0", key: try SigningKey.generate(), source: "/app.bin")
    try directory.write(bytes, to: "app.bin")
    downloads = DownloadDirectory(disk: POSIXDisk(), stateDirectory: directory.file("state"))
  }

  private func serve(_ site: ImageSite) throws -> Server {
    let server = try Server(
      configuration: ServerConfiguration(address: "127.0.0.1:0", loopCount: 1), handler: site,
      barrier: Barrier())
    try server.start()
    return server
  }

  private func fetch(
    _ port: Int, least: Int64 = 0, window: Interval = .minutes(1), seconds: Int = 10,
    progress: (Int64) -> Bool = { _ in true }
  ) throws -> ImageDownload.Outcome {
    var download = ImageDownload(
      state: state, part: try PartFile(image, in: downloads),
      rate: DownloadRate(least: least, window: window, at: DeviceClock.system.now()),
      clock: .system)
    return try download.run(
      try HTTPConnection(host: "127.0.0.1", port: port, timeoutSeconds: seconds),
      target: "/app.bin", headers: [], progress: progress)
  }

  @Test func `a download that the server cut goes on where it stopped`() throws {
    let first = try ImageSite(directory.file("app.bin"), tag: "\"one\"")
    let cut = try serve(first)
    // The server goes down in the middle of the answer.
    let broken = try fetch(cut.localPort) { bytes in
      if bytes > 500_000 { cut.shutdown(deadlineSeconds: 0) }
      return true
    }
    guard case .interrupted = broken else {
      Issue.record("ended as \(broken)")
      return
    }
    let reached = try PartFile(image, in: downloads).offset
    #expect(reached > 500_000 && reached < 14_000_000)
    let second = try ImageSite(directory.file("app.bin"), tag: "\"one\"")
    let server = try serve(second)
    defer { server.shutdown(deadlineSeconds: 0) }
    #expect(try fetch(server.localPort) == .complete)
    #expect(second.ranges.withLock { $0 } == ["bytes=\(reached)- \"one\""])
    try PartFile(image, in: downloads).verify()
  }

  @Test func `a file that changed at the server is fetched from its start`() throws {
    let first = try ImageSite(directory.file("app.bin"), tag: "\"old\"")
    let server = try serve(first)
    #expect(try fetch(server.localPort) { $0 < 1_000_000 } == .stopped)
    server.shutdown(deadlineSeconds: 0)
    let second = try ImageSite(directory.file("app.bin"), tag: "\"new\"")
    let again = try serve(second)
    defer { again.shutdown(deadlineSeconds: 0) }
    #expect(try fetch(again.localPort) == .complete)
    #expect(second.ranges.withLock { $0.first?.hasSuffix("\"old\"") } == true)
    try PartFile(image, in: downloads).verify()
  }

  @Test func `a caller that stops keeps what came`() throws {
    let server = try serve(try ImageSite(directory.file("app.bin"), tag: "\"one\""))
    defer { server.shutdown(deadlineSeconds: 0) }
    #expect(try fetch(server.localPort) { _ in false } == .stopped)
    let reached = try PartFile(image, in: downloads).offset
    #expect(reached > 0 && reached < 14_000_000)
    #expect(try fetch(server.localPort) == .complete)
  }

  @Test func `bytes of another image are noticed at the end and begun anew`() throws {
    try directory.write(bytes.reversed(), to: "other.bin")
    let wrong = try serve(try ImageSite(directory.file("other.bin"), tag: "\"two\""))
    #expect(try fetch(wrong.localPort) == .complete)
    wrong.shutdown(deadlineSeconds: 0)
    #expect(throws: AgentError.self) { try PartFile(image, in: downloads).verify() }
    #expect(try PartFile(image, in: downloads).offset == 0)
    let right = try serve(try ImageSite(directory.file("app.bin"), tag: "\"one\""))
    defer { right.shutdown(deadlineSeconds: 0) }
    #expect(try fetch(right.localPort) == .complete)
    try PartFile(image, in: downloads).verify()
  }

  @Test func `an image that is longer than its manifest is not kept`() throws {
    try directory.write(bytes + [1, 2, 3], to: "long.bin")
    let server = try serve(try ImageSite(directory.file("long.bin"), tag: "\"long\""))
    defer { server.shutdown(deadlineSeconds: 0) }
    guard case .interrupted = try fetch(server.localPort) else {
      Issue.record("a longer image was taken")
      return
    }
    #expect(try PartFile(image, in: downloads).offset == 0)
  }

  @Test func `a refusal is told with its status and writes nothing`() throws {
    let counter = try DeviceCounter()
    var download = ImageDownload(
      state: state, part: try PartFile(image, in: downloads),
      rate: DownloadRate(least: 0, window: .minutes(1), at: .zero), clock: .system)
    let outcome = try download.run(
      try HTTPConnection(host: "127.0.0.1", port: counter.port), target: "/nowhere/at/all/today",
      headers: []
    ) { _ in true }
    #expect(outcome == .refused(status: 404, detail: "no such route", retryAfter: nil))
    #expect(try PartFile(image, in: downloads).offset == 0)
  }

  @Test func `a connection below the least rate is dropped and what came is kept`() throws {
    let drip = try DripServer(total: 14_000_000, piece: patternBytes(2_000), pauseMilliseconds: 50)
    // About 40 kB/s come; 10 MB/s are wanted.
    let outcome = try fetch(drip.port, least: 10_000_000, window: Interval(milliseconds: 1500))
    guard case .tooSlow(let rate) = outcome else {
      Issue.record("ended as \(outcome)")
      return
    }
    #expect(rate > 0 && rate < 1_000_000)
    #expect(try PartFile(image, in: downloads).offset > 0)
  }

  @Test func `a silent connection is too slow as well`() throws {
    let drip = try DripServer(total: 14_000_000, piece: [1], pauseMilliseconds: 60_000)
    #expect(try fetch(drip.port, seconds: 1) == .tooSlow(bytesPerSecond: 0))
  }

  @Test func `the rate is that of each window for itself`() {
    var rate = DownloadRate(least: 100, window: .seconds(10), at: .zero)
    // 1,000 bytes in 10 s are just enough, 999 are too few.
    #expect(rate.isTooSlow(after: 1_000, at: .seconds(9)) == nil)
    #expect(rate.isTooSlow(after: 0, at: .seconds(10)) == nil)
    #expect(rate.isTooSlow(after: 998, at: .seconds(19)) == nil)
    #expect(rate.isTooSlow(after: 1, at: .seconds(20)) == 99)
    #expect(rate.isTooSlow(after: 2_000, at: .seconds(30)) == nil)
  }
}

/// Sends an answer in small pieces with pauses, as a bad network does.
private final class DripServer {
  let port: Int
  private let descriptor: Int32

  init(total: Int, piece: [UInt8], pauseMilliseconds: UInt32) throws {
    let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let failed = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listening, $0, size) != 0 || listen(listening, 1) != 0
          || getsockname(listening, $0, &size) != 0
      }
    }
    guard !failed else { throw LinkError.system("listen on", "a port") }
    descriptor = listening
    port = Int(UInt16(bigEndian: address.sin_port))
    TestThread.start {
      let client = accept(listening, nil, nil)
      guard client >= 0 else { return }
      defer { close(client) }
      var request = [UInt8](repeating: 0, count: 4096)
      _ = recv(client, &request, request.count, 0)
      let head = Array("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n".utf8)
      guard send(client, head, head.count, Int32(MSG_NOSIGNAL)) > 0 else { return }
      for _ in 0..<(total / piece.count) {
        guard send(client, piece, piece.count, Int32(MSG_NOSIGNAL)) > 0 else { return }
        usleep(pauseMilliseconds * 1000)
      }
    }
  }

  deinit {
    shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }
}

/// A thread beside the test.
enum TestThread {
  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  static func start(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
        return nil
      }, box.toOpaque())
    pthread_detach(thread)
  }
}
