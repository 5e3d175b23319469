// LogCollection: sends the ends of logs to the server, within its limit.

import Glibc
import HTTPClient
import UpdateModel

/// The logs of one `collect-logs` command.
struct LogCollection {
  /// The server takes 8 MiB of each log: the last ones, which tell of the trouble.
  static let bytesMax = 8 << 20

  let session: DeviceSession
  let command: Name

  /// Collects and sends each; one that cannot be had does not keep the others back.
  ///
  /// - Throws: `LinkError` when the server cannot be reached.
  func collect(
    _ sources: [AgentConfiguration.LogSource]
  ) throws(LinkError) -> CommandAnswer {
    var sent: [JSON] = []
    var faults: [JSON] = []
    for source in sources {
      do throws(LinkError) {
        let bytes = try LogCollection.bytes(of: source)
        let response = try session.send(
          "PUT", session.path("logs", source.name.text), query: "?command=\(command)",
          body: .bytes(bytes), headers: [("Content-Type", "application/octet-stream")])
        guard (200..<300).contains(response.status) else { throw ServerLink.refusal(response) }
        sent.append(["name": .string(source.name.text), "bytes": JSON(bytes.count)])
      } catch {
        if case .unreachable = error { throw error }
        faults.append([
          "name": .string(source.name.text),
          "error": .string(String(error.description.prefix(500))),
        ])
      }
    }
    let result = JSON.members([
      "logs": .array(sent), "errors": faults.isEmpty ? nil : .array(faults),
    ])
    return faults.isEmpty
      ? CommandAnswer(.done, result: result)
      : CommandAnswer(
        sent.isEmpty ? .failed : .done, result: result,
        text: "\(faults.count) of \(sources.count) logs could not be collected")
  }

  /// The bytes of a log, its end if there are too many.
  static func bytes(of source: AgentConfiguration.LogSource) throws(LinkError) -> [UInt8] {
    switch source.origin {
    case .program(let call):
      let program = CommandProgram(
        words: call.words, timeout: call.timeout, outputBytesMax: bytesMax)
      let result = program.run()
      guard result.isSuccess || !result.output.isEmpty else {
        throw .program(call.path, reason: result.text)
      }
      return result.output
    case .file(let path): return try tail(of: path, atMost: bytesMax)
    }
  }

  /// The last bytes of a file.
  static func tail(of path: String, atMost limit: Int) throws(LinkError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .system("read", path) }
    defer { close(descriptor) }
    let size = lseek(descriptor, 0, SEEK_END)
    guard size >= 0, lseek(descriptor, max(0, size - off_t(limit)), SEEK_SET) >= 0 else {
      throw .system("read", path)
    }
    var bytes = [UInt8](repeating: 0, count: min(limit, Int(size)))
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress?.advanced(by: filled), $0.count - filled)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system("read", path) }
      if count == 0 { break }
      filled += count
    }
    return Array(bytes[..<filled])
  }
}
