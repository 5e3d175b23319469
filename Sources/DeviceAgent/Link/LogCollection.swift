// LogCollection: sends the ends of logs to the server, within its limit, beside the agent's thread.

import Glibc
import HTTPClient
import UpdateModel

/// The logs of one `collect-logs` command, one after the other: each is read, then sent. Only one
/// is in memory.
struct LogCollection {
  /// The server takes 8 MiB of each log: the last ones, which tell of the trouble.
  static let bytesMax = 8 << 20
  /// Longest silence of the server while a log is sent.
  private static let silenceSecondsMax = 60

  private enum Step {
    case reads(SideWork<Result<[UInt8], LinkError>>)
    case sends(SideWork<Result<Void, LinkError>>, bytes: Int)
    case rests
  }

  let command: Name
  private let leash: ProgramLeash
  private let ended: @Sendable () -> Void
  private let count: Int
  private var rest: ArraySlice<AgentConfiguration.LogSource>
  private var step = Step.rests
  private var sent: [JSON] = []
  private var faults: [JSON] = []

  /// Plans the collection; `ended` is called on another thread when `advance` has something to do.
  init(
    _ sources: [AgentConfiguration.LogSource], for command: Name, leash: ProgramLeash,
    ended: @escaping @Sendable () -> Void
  ) {
    self.command = command
    self.leash = leash
    self.ended = ended
    count = sources.count
    rest = sources[...]
  }

  /// Begins what can be begun; one log that cannot be had does not keep the others back.
  ///
  /// - Returns: the answer to the command, once all was tried.
  mutating func advance(_ session: DeviceSession?) -> CommandAnswer? {
    // Without one nothing can be sent; it is there again after the next poll.
    guard let session else { return nil }
    while let source = rest.first {
      switch step {
      case .rests: gather(source)
      case .reads(let work):
        guard let outcome = work.outcome else { return nil }
        switch outcome {
        case .success(let bytes): send(bytes, of: source, session)
        case .failure(let error): finish(source, error)
        }
      case .sends(let work, let bytes):
        guard let outcome = work.outcome else { return nil }
        switch outcome {
        case .success: finish(source, bytes: bytes)
        case .failure(let error): finish(source, error)
        }
      }
    }
    return answer
  }

  /// How far it is, for people.
  var progress: String { "\(count - rest.count) of \(count) logs were collected" }

  private mutating func gather(_ source: AgentConfiguration.LogSource) {
    let leash = leash
    let work = SideWork.start(ended: ended) { () -> Result<[UInt8], LinkError> in
      do throws(LinkError) {
        return .success(try LogCollection.bytes(of: source, leash: leash))
      } catch {
        return .failure(error)
      }
    }
    guard let work else { return finish(source, LogCollection.noThread) }
    step = .reads(work)
  }

  private mutating func send(
    _ bytes: [UInt8], of source: AgentConfiguration.LogSource, _ session: DeviceSession
  ) {
    let link = session.link
    let target = link.target(session.path("logs", source.name.text)) + "?command=\(command)"
    let upload: @Sendable () -> Result<Void, LinkError>
    do throws(LinkError) {
      let proof = try session.proof()
      let open = link.opener(secondsMax: LogCollection.silenceSecondsMax)
      upload = {
        do throws(LinkError) {
          return .success(try LogCollection.put(bytes, to: target, proof, try open()))
        } catch {
          return .failure(error)
        }
      }
    } catch {
      return finish(source, error)
    }
    guard let work = SideWork.start(ended: ended, upload) else {
      return finish(source, LogCollection.noThread)
    }
    step = .sends(work, bytes: bytes.count)
  }

  private static func put(
    _ bytes: [UInt8], to target: String, _ proof: [(name: String, value: String)],
    _ connection: HTTPConnection
  ) throws(LinkError) {
    let response: HTTPResponse
    do throws(HTTPClientError) {
      response = try connection.send(
        "PUT", target, headers: [("Content-Type", "application/octet-stream")] + proof,
        body: .bytes(bytes), bodyLimit: ServerLink.answerBytesMax)
    } catch {
      throw .unreachable(error)
    }
    guard (200..<300).contains(response.status) else { throw ServerLink.refusal(response) }
  }

  private mutating func finish(_ source: AgentConfiguration.LogSource, bytes: Int) {
    sent.append(["name": .string(source.name.text), "bytes": JSON(bytes)])
    rest.removeFirst()
    step = .rests
  }

  private mutating func finish(_ source: AgentConfiguration.LogSource, _ error: LinkError) {
    faults.append([
      "name": .string(source.name.text),
      "error": .string(String(error.description.prefix(500))),
    ])
    rest.removeFirst()
    step = .rests
  }

  private static var noThread: LinkError {
    .program("a log", reason: "the system has no thread to give")
  }

  private var answer: CommandAnswer {
    let result = JSON.members([
      "logs": .array(sent), "errors": faults.isEmpty ? nil : .array(faults),
    ])
    return faults.isEmpty
      ? CommandAnswer(.done, result: result)
      : CommandAnswer(
        sent.isEmpty ? .failed : .done, result: result,
        text: "\(faults.count) of \(count) logs could not be collected")
  }

  /// The bytes of a log, its end if there are too many.
  static func bytes(
    of source: AgentConfiguration.LogSource, leash: ProgramLeash
  ) throws(LinkError) -> [UInt8] {
    switch source.origin {
    case .program(let call):
      let program = CommandProgram(
        words: call.words, timeout: call.timeout, outputBytesMax: bytesMax)
      let result = program.run(leash)
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
