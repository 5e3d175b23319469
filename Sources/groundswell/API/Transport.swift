// Transport: provisional, plain sockets until HTTPClient is merged.

import Glibc

struct Transport {
  let server: ServerAddress
  let authorities: String?

  enum Body {
    case none
    case bytes([UInt8])
    case file(String, progress: (Int) -> Void)
  }

  struct Reply {
    let status: Int
    let body: [UInt8]
  }

  func exchange(
    _ method: String, _ path: String, _ headers: [(String, String)], _ body: Body
  ) throws(Failure) -> Reply {
    let fd = try connect()
    defer { close(fd) }
    var content: [UInt8] = []
    var note: ((Int) -> Void)?
    switch body {
    case .none: break
    case .bytes(let bytes): content = bytes
    case .file(let path, let progress):
      content = try LocalFile.read(path, atMost: 1 << 30)
      note = progress
    }
    try send(fd, head(method, path, headers, content.count))
    var done = 0
    while done < content.count {
      let next = min(content.count, done + 1 << 20)
      try send(fd, Array(content[done..<next]))
      done = next
      note?(done)
    }
    var received: [UInt8] = []
    while let piece = receive(fd) { received += piece }
    guard let end = headEnd(received) else { throw .unreachable("no answer from \(server)") }
    let status = Int(String(decoding: received[..<end], as: UTF8.self).split(separator: " ")[1])
    return Reply(status: status ?? 0, body: Array(received[(end + 4)...]))
  }

  func events(
    _ path: String, _ headers: [(String, String)], _ each: (String, [UInt8]) -> Bool
  ) throws(Failure) {
    let fd = try connect()
    defer { close(fd) }
    try send(fd, head("GET", path, headers, 0))
    var text = ""
    while let piece = receive(fd) {
      text += String(decoding: piece, as: UTF8.self)
      while let range = blankLine(text) {
        let event = text[..<range]
        text = String(text[text.index(range, offsetBy: 2)...])
        var name = "message"
        var data = ""
        for line in event.split(separator: "\n") {
          if line.hasPrefix("event:") { name = String(line.dropFirst(6).drop { $0 == " " }) }
          if line.hasPrefix("data:") { data += line.dropFirst(5) }
        }
        if !data.isEmpty, !each(name, Array(data.utf8)) { return }
      }
    }
  }

  private func blankLine(_ text: String) -> String.Index? {
    var index = text.startIndex
    while let newline = text[index...].firstIndex(of: "\n") {
      let next = text.index(after: newline)
      if next < text.endIndex, text[next] == "\n" { return newline }
      index = next
    }
    return nil
  }

  private func headEnd(_ bytes: [UInt8]) -> Int? {
    bytes.indices.dropLast(3).first {
      bytes[$0] == 13 && bytes[$0 + 1] == 10 && bytes[$0 + 2] == 13 && bytes[$0 + 3] == 10
    }
  }

  private func head(
    _ method: String, _ path: String, _ headers: [(String, String)], _ length: Int
  ) -> [UInt8] {
    var text = "\(method) \(path) HTTP/1.0\r\nHost: \(server.host)\r\n"
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    return Array((text + "Content-Length: \(length)\r\n\r\n").utf8)
  }

  private func connect() throws(Failure) -> Int32 {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = server.port.bigEndian
    inet_pton(AF_INET, server.host, &address.sin_addr)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      close(fd)
      throw .unreachable(
        "cannot reach \(server): \(String(cString: strerror(errno)))",
        hint: "groundswell serve, or --server URL for a server elsewhere")
    }
    return fd
  }

  private func send(_ fd: Int32, _ bytes: [UInt8]) throws(Failure) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          fd, $0.baseAddress?.advanced(by: done), bytes.count - done, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw .unreachable("\(server) hung up") }
      done += count
    }
  }

  private func receive(_ fd: Int32) -> [UInt8]? {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = recv(fd, &chunk, chunk.count, 0)
    return count > 0 ? Array(chunk[..<count]) : nil
  }
}
