// StatusPage: shows the status to a browser on the device itself. It reads and changes nothing.

import Glibc
import UpdateModel

/// Answers `GET /` and `GET /status.json` on 127.0.0.1, one request for each connection.
public final class StatusPage: Sendable {
  /// Bounds on what a browser may send and how long it may take.
  private enum Limits {
    static let headBytes = 8192
    static let seconds = 2
    static let restPieces = 32
  }

  /// The port that was given, or taken when 0 was asked for.
  public let port: Int
  private let descriptor: Int32
  private let board: StatusBoard

  /// Starts to listen; the requests are answered by `serve`.
  public init(port: Int, board: StatusBoard) throws(LinkError) {
    self.board = board
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let name = "127.0.0.1:\(port)"
    guard descriptor >= 0 else { throw .system("listen on", name) }
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(4))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(clamping: port)).bigEndian
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let failed = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, size) != 0 || listen(descriptor, 8) != 0
          || getsockname(descriptor, address, &size) != 0
      }
    }
    guard !failed else {
      let error = LinkError.system("listen on", name)
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.port = Int(UInt16(bigEndian: address.sin_port))
  }

  deinit { close(descriptor) }

  /// Answers requests until the process ends.
  public func serve() {
    while true {
      let client = accept(descriptor, nil, nil)
      if client < 0 {
        // Out of descriptors: a pause, since the reason will not go away at once.
        if errno != EINTR, errno != ECONNABORTED { usleep(200_000) }
        continue
      }
      answer(client)
      close(client)
    }
  }

  private func answer(_ client: Int32) {
    var limit = timeval(tv_sec: Limits.seconds, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    guard let head = StatusPage.head(of: client) else { return }
    let (status, type, body) = StatusPage.reply(to: head, board.latest)
    let fields = [
      "HTTP/1.1 \(status)", "Content-Type: \(type)", "Content-Length: \(body.count)",
      "Cache-Control: no-store", "X-Content-Type-Options: nosniff",
      "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'",
      "Connection: close",
    ]
    let bytes = Array((fields.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        send(
          client, $0.baseAddress?.advanced(by: sent), $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      sent += count
    }
    shutdown(client, Int32(SHUT_WR))
    // Closing with unread bytes would take back what was sent (RFC 9112 section 9.6).
    var rest = [UInt8](repeating: 0, count: 2048)
    for _ in 0..<Limits.restPieces {
      if recv(client, &rest, rest.count, 0) <= 0 { return }
    }
  }

  private static func head(of client: Int32) -> String? {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 2048)
    let end = Array("\r\n\r\n".utf8)
    // A sender of single bytes gets as many as the head may have, and no more.
    for _ in 0..<Limits.headBytes {
      let count = recv(client, &piece, piece.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return nil }
      bytes += piece[..<count]
      if bytes.count > Limits.headBytes { return nil }
      if let last = bytes.indices.first(where: { bytes[...$0].suffix(4).elementsEqual(end) }) {
        return String(decoding: bytes[...last], as: UTF8.self)
      }
    }
    return nil
  }

  /// The answer to a request head.
  static func reply(
    to head: String, _ status: JSON
  ) -> (status: String, type: String, body: [UInt8]) {
    let lines = head.split(separator: "\r\n", omittingEmptySubsequences: true)
    let words = lines.first?.split(separator: " ") ?? []
    let plain = "text/plain; charset=utf-8"
    guard words.count == 3 else { return ("400 Bad Request", plain, Array("no request\n".utf8)) }
    // Pages of the world must not read it through a name that points here.
    let host =
      lines.dropFirst().first { $0.lowercased().hasPrefix("host:") }?
      .dropFirst(5).drop { $0 == " " } ?? ""
    let name = host.split(separator: ":").first ?? ""
    guard name == "127.0.0.1" || name == "localhost" else {
      return ("421 Misdirected Request", plain, Array("ask for 127.0.0.1\n".utf8))
    }
    guard words[0] == "GET" || words[0] == "HEAD" else {
      return ("405 Method Not Allowed", plain, Array("this page only shows\n".utf8))
    }
    switch words[1] {
    case "/": return ("200 OK", "text/html; charset=utf-8", Array(page(status).utf8))
    case "/status.json": return ("200 OK", "application/json", status.prettyText)
    default: return ("404 Not Found", plain, Array("there are / and /status.json\n".utf8))
    }
  }

  private static func page(_ status: JSON) -> String {
    var rows = ""
    for line in StatusText.lines(status) {
      rows += "<tr><th>\(escaped(line.name))</th><td>\(escaped(line.value))</td></tr>\n"
    }
    return """
      <!doctype html><html lang="en"><meta charset="utf-8"><title>Groundswell agent</title>
      <meta name="viewport" content="width=device-width">
      <style>body{font:16px sans-serif;margin:2em;max-width:50em}th{text-align:left;
      padding:.3em 1.5em .3em 0;vertical-align:top;font-weight:600}td{padding:.3em 0}</style>
      <h1>Groundswell agent</h1>
      <table>
      \(rows)</table>
      </html>

      """
  }

  private static func escaped(_ text: String) -> String {
    var output = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "<": output += "&lt;"
      case ">": output += "&gt;"
      case "&": output += "&amp;"
      case "\"": output += "&quot;"
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }
}
