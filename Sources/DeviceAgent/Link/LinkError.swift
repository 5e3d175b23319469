// LinkError: what can go wrong between the agent, its server and its own files.

public import Crypto
public import HTTPClient
public import UpdateModel

/// Why the agent could not do something; each case carries the facts for a person.
public enum LinkError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The configuration file cannot be used; the faults have lines and keys.
  case configuration(path: String, faults: [Problem.Fault])
  /// A file of the agent cannot be read or written.
  case file(action: String, path: String, reason: String)
  /// A file that the agent wrote earlier does not say what it should.
  case damaged(path: String, reason: String)
  /// There is no answer of the server.
  case unreachable(HTTPClientError)
  /// The server refused; `retryAfter` is in seconds when it said when to come again.
  case refused(status: Int, detail: String, retryAfter: Int?)
  /// The server's answer is not what the protocol says.
  case malformedAnswer(String)
  /// A key or signature could not be made.
  case crypto(CryptoError)
  /// This needs an enrolled device.
  case notEnrolled
  /// The disk side of the agent failed.
  case device(AgentError)
  /// A program that the configuration names could not be run or failed.
  case program(String, reason: String)

  /// What happened, with which value, and what to do next.
  public var description: String {
    switch self {
    case .configuration(let path, let faults):
      let lines = faults.map { fault in
        (fault.line.map { "line \($0), " } ?? "") + "\(fault.field): \(fault.reason)"
      }
      return "\(path): " + lines.joined(separator: "; ")
    case .file(let action, let path, let reason): return "cannot \(action) \(path): \(reason)"
    case .damaged(let path, let reason): return "\(path) is damaged: \(reason)"
    case .unreachable(let error): return error.description
    case .refused(let status, let detail, _): return "the server refused (\(status)): \(detail)"
    case .malformedAnswer(let reason): return "the server's answer is not understood: \(reason)"
    case .crypto(let error): return error.description
    case .notEnrolled:
      return "this device is not enrolled; give it a claim code or its key a place at the server"
    case .device(let error): return error.description
    case .program(let name, let reason): return "\(name): \(reason)"
    }
  }
}
