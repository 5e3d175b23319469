// ProgramRunner: how the agent calls other programs: a list of words, a time limit, no shell.

public import UpdateModel

/// One call of a program.
public struct ProgramCall: Equatable, Sendable {
  /// Most words of a call.
  public static let wordsMax = 32
  /// The path of the program and its arguments; at least the path.
  public let words: [String]
  /// After this time it is killed with all it started; 1 s to 1 h.
  public let timeout: Interval

  /// Joins a call; nil without a path, with too many words or with a zero byte in one.
  public init?(_ words: [String], timeout: Interval = .seconds(30)) {
    guard let path = words.first, path.utf8.first == UInt8(ascii: "/"),
      words.count <= ProgramCall.wordsMax,
      words.allSatisfy({ !$0.utf8.contains(0) })
    else { return nil }
    self.words = words
    self.timeout = timeout
  }

  /// The path of the program.
  public var path: String { words[0] }

  /// The same call with more words at its end; the caller's own, so there is room for them.
  public func adding(_ more: String...) -> ProgramCall {
    ProgramCall(words: words + more, timeout: timeout)
  }

  /// The same call with a shorter time limit, if `length` is shorter.
  public func limited(to length: Interval) -> ProgramCall {
    ProgramCall(words: words, timeout: min(timeout, length))
  }

  private init(words: [String], timeout: Interval) {
    self.words = words
    self.timeout = timeout
  }
}

/// How a program ended.
public struct ProgramResult: Equatable, Sendable {
  /// Bytes of output that are kept; the rest is read and dropped.
  public static let outputBytesMax = 64 << 10

  /// The end itself.
  public enum Ending: Equatable, Sendable {
    /// It ended by itself with this status; 0 is success.
    case exited(Int32)
    /// A signal ended it.
    case killed(signal: Int32)
    /// It took longer than allowed.
    case timedOut
    /// It could not be started: `errno`.
    case notStarted(Int32)
  }

  /// The end.
  public let ending: Ending
  /// Its output and error output together, cut at `outputBytesMax`.
  public let output: [UInt8]

  /// Joins a result.
  public init(_ ending: Ending, output: [UInt8] = []) {
    self.ending = ending
    self.output = output
  }

  /// Whether it ended with status 0.
  public var isSuccess: Bool { ending == .exited(0) }

  /// How it ended, after the name of the program.
  public var text: String {
    switch ending {
    case .exited(let status): "ended with status \(status)"
    case .killed(let signal): "was ended by signal \(signal)"
    case .timedOut: "took too long"
    case .notStarted(let code): "cannot be started: error \(code) of the system"
    }
  }
}

/// Starts programs and waits for them.
public protocol ProgramRunner: Sendable {
  /// Runs a program to its end or its time limit.
  func run(_ call: ProgramCall) -> ProgramResult
}
