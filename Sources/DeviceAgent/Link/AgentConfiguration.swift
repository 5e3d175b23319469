// AgentConfiguration: everything that the owner of a device tells its agent, checked once.

import Crypto
import Glibc
public import UpdateModel

/// The contents of the configuration file; each key and its default stand in `AgentDocument`.
public struct AgentConfiguration: Sendable {
  /// Where the file is unless said otherwise.
  public static let usualPath = "/etc/groundswell/agent.json"
  /// A larger file is no configuration.
  public static let bytesMax = 256 << 10

  /// The server's URL.
  public var server: String
  /// The tenant at the server.
  public var tenant: Name
  /// The id that the device wants; the server may give it another when nil.
  public var device: DeviceID?
  /// The claim code on the label, or the file that holds it.
  public var claim: Claim?
  /// The file that holds the device's own token, for a device that was registered with one.
  public var tokenFile: String?
  /// PEM file of the authority that the server's certificate is checked against; nil: the system's.
  public var authorityFile: String?
  /// Whether to show the certificate that enrolment gave.
  public var showsCertificate: Bool
  /// Slots, boot loader, checks, hooks: what the disk side needs.
  public var setup: DeviceSetup
  /// Whether signing keys are written in the file; else those of the enrolment count.
  public var hasPinnedKeys: Bool
  /// Whether a reboot means that the agent ends with `AgentExit.rebooting`, for a supervisor.
  public var rebootEndsAgent: Bool
  /// Puts the device back into its first state.
  public var factoryReset: ProgramCall?
  /// Lets the device show itself.
  public var identify: ProgramCall?
  /// Called, with the desired properties as input, when they changed.
  public var desiredChanged: ProgramCall?
  /// What a server may command beyond the standard commands.
  public var capabilities: [Capability]
  /// What `collect-logs` collects.
  public var logs: [LogSource]
  /// The file that the product rewrites with what it reports.
  public var reportedFile: String?
  /// What the device always reports.
  public var reportedProperties: JSON
  /// What the device itself demands before it downloads or installs.
  public var conditions: LocalConditions
  /// Whether images may come over a network that the product reports as metered.
  public var allowsMetered: Bool
  /// Least rate of a download in bytes per second, on average over `downloadWindow`.
  public var downloadRateMin: Int64
  /// Over how long the rate is measured, 1 s to 10 min.
  public var downloadWindow: Interval
  /// How often to poll.
  public var pacing: NextPoll
  /// Port of the status page on 127.0.0.1; nil for no page.
  public var statusPort: Int?

  /// Where the claim code is.
  public enum Claim: Equatable, Sendable {
    /// Here.
    case code(String)
    /// In a file, written at the factory.
    case file(String)

    /// The code; nil when the file is not there any more.
    func code() throws(LinkError) -> String? {
      switch self {
      case .code(let code): return code
      case .file(let path):
        guard let bytes = try StateDirectory.read(path, atMost: 4096) else { return nil }
        let words = String(decoding: bytes, as: UTF8.self).split { $0.isWhitespace }
        guard words.count == 1, let code = words.first else {
          throw .damaged(path: path, reason: "it does not hold one claim code")
        }
        return String(code)
      }
    }
  }

  /// A command of the product.
  public struct Capability: Equatable, Sendable {
    /// What the server calls it.
    public var name: Name
    /// For people.
    public var title: String?
    /// JSON schema of its arguments, for people and the server.
    public var arguments: JSON?
    /// Whether it disturbs the use of the device.
    public var isDisruptive: Bool
    /// The program; `{name}` in a word stands for the argument of that name.
    public var program: ProgramCall

    /// How it is advertised in the reported state.
    var document: JSON {
      .members([
        "name": .string(name.text), "title": title.map { .string($0) }, "arguments": arguments,
        "disruptive": .bool(isDisruptive),
      ])
    }
  }

  /// One log that can be collected.
  public struct LogSource: Equatable, Sendable {
    /// Where it comes from.
    public enum Origin: Equatable, Sendable {
      /// The output of a program.
      case program(ProgramCall)
      /// The end of a file.
      case file(String)
    }

    /// What the server calls it.
    public var name: Name
    /// Where it comes from.
    public var origin: Origin
  }

  /// Names the server and tenant, to notice when a device is sent elsewhere.
  public var place: String { "\(server) \(tenant)" }

  /// Whom to believe, and the certificate to show.
  func tls(_ state: StateDirectory) -> TLSClientPlan {
    let certificate = state.file(DeviceIdentity.certificateFile)
    let shows = showsCertificate && access(certificate, R_OK) == 0
    return TLSClientPlan(
      trust: authorityFile.map { .authorities(path: $0) } ?? .system,
      identity: shows
        ? TLSIdentity(
          certificatePath: certificate, keyPath: state.file(DeviceIdentity.keyFile)) : nil)
  }
}

/// How the agent secures its connection.
struct TLSClientPlan: Equatable, Sendable {
  var trust: TLSTrust
  var identity: TLSIdentity?
}
