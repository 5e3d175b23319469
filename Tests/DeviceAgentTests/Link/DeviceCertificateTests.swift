// The device's certificate: shown while it counts, left out when it does not, renewed in time.

import Crypto
import HTTPClient
import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct DeviceCertificateTests {
  private static let day: Int64 = 86_400
  private let bench: AgentBench
  private let now = Agent.wallTime().milliseconds / 1000

  init() throws {
    bench = try AgentBench()
    bench.members = ["clientCertificate": true]
  }

  /// A certificate of 90 days that was issued some days ago.
  private func certificate(for key: SigningKey, daysAgo: Int64) throws -> String {
    let authority = try CertificateAuthority.selfSigned(
      try CredentialPrivateKey.generate(.p256), name: "fleet",
      serial: [UInt8](repeating: 1, count: 16), at: now - 365 * Self.day)
    return try authority.issue(
      for: try CredentialKey(pem: try key.verifyingKey.pem()), device: "device-1",
      tenant: "DEFAULT", serial: [UInt8](repeating: 2, count: 16),
      validity: try CertificateValidity(days: 90, at: now - daysAgo * Self.day)
    ).pem
  }

  private func enrolled() throws -> (agent: Agent, key: SigningKey) {
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    return (agent, try DeviceIdentity.key(in: try StateDirectory(bench.directory.file("state"))))
  }

  private func enrolments() -> Int {
    bench.counter.seen { $0.requests.count { $0.hasSuffix("/enrol") } }
  }

  @Test(arguments: [(0, true), (50, true), (88, true), (90, false), (200, false)])
  func `a certificate is shown until it ends`(_ daysAgo: Int64, _ isShown: Bool) throws {
    let (agent, key) = try enrolled()
    try bench.directory.write(
      try certificate(for: key, daysAgo: daysAgo), to: "state/certificate.pem")
    #expect((agent.tlsPlan().identity != nil) == isShown)
  }

  @Test func `a certificate of another key is not shown, nor is what is none`() throws {
    let (agent, _) = try enrolled()
    try bench.directory.write(
      try certificate(for: try SigningKey.generate(), daysAgo: 1), to: "state/certificate.pem")
    #expect(agent.tlsPlan().identity == nil)
    try bench.directory.write("torn", to: "state/certificate.pem")
    #expect(agent.tlsPlan().identity == nil)
  }

  @Test(arguments: [Int64(80), 95])
  func `a certificate near its end or beyond is replaced by a fresh one`(_ daysAgo: Int64) throws {
    let (agent, key) = try enrolled()
    let old = try certificate(for: key, daysAgo: daysAgo)
    try bench.directory.write(old, to: "state/certificate.pem")
    let fresh = try certificate(for: key, daysAgo: 0)
    bench.counter.set { $0.certificate = fresh }
    let before = enrolments()
    _ = try agent.cycle(mayWait: false)
    #expect(enrolments() == before + 1)
    #expect(try bench.directory.text("state/certificate.pem") == fresh)
    _ = try agent.cycle(mayWait: false)
    #expect(enrolments() == before + 1)
    #expect(agent.troubleNow == nil)
  }

  @Test func `a server that gives no certificate is not asked at every poll`() throws {
    let (agent, key) = try enrolled()
    _ = try agent.cycle(mayWait: false)
    #expect(enrolments() == 1)
    try bench.directory.write(try certificate(for: key, daysAgo: 95), to: "state/certificate.pem")
    for _ in 0..<3 { _ = try agent.cycle(mayWait: false) }
    #expect(enrolments() == 2)
  }

  @Test func `when the server breaks off, the next connection goes without the certificate`() throws
  {
    let (agent, key) = try enrolled()
    try bench.directory.write(try certificate(for: key, daysAgo: 1), to: "state/certificate.pem")
    _ = agent.noteFailure(.unreachable(.refused("x")))
    #expect(agent.tlsPlan().identity != nil)
    _ = agent.noteFailure(.unreachable(.tls("x", reason: "alert certificate expired")))
    #expect(agent.tlsPlan().identity == nil)
  }

  @Test func `devices ask one after the other, in the last third of a certificate's life`() throws {
    var due: Set<Int64> = []
    for _ in 0..<8 {
      let text = try certificate(for: try SigningKey.generate(), daysAgo: 0)
      let certificate = try Certificate(pem: text)
      #expect(CertificateStanding(certificate, at: now + 59 * Self.day) == .good)
      #expect(CertificateStanding(certificate, at: now + 76 * Self.day) == .fading)
      let first = (59...76).first {
        CertificateStanding(certificate, at: now + $0 * Self.day) == .fading
      }
      due.insert(first ?? 0)
    }
    #expect(due.count > 1)
  }
}
