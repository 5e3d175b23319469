// CertificateAccessTests: devices that prove themselves in the TLS handshake.

import Crypto
import HTTPClient
import Orchestrator
import Testing
import UpdateModel

@Suite struct CertificateAccessTests {
  @Test func `a certificate for an active key is enough, until the key is revoked`() throws {
    let service = try ManagementService(isSecure: true)
    let desk = try ManagementClient(service)
    let codes = try desk.provision(#"{"name":"two","ids":["d1","d2"]}"#)
    let unit = try EnrollingUnit(service)
    let answer = try JSON.parse(try unit.enrol(claim: codes["d1"]).body)
    let certificate = try #require(answer["certificate"]?.string)
    try unit.key.save(to: service.directory + "/device.key")
    try write(certificate, to: service.directory + "/device.pem")
    let connection = try service.connect(
      as: TLSIdentity(
        certificatePath: service.directory + "/device.pem",
        keyPath: service.directory + "/device.key"))
    func status(_ path: String) throws -> Int { try connection.send("GET", path).status }
    #expect(try status("/device/v1/DEFAULT/d1") == 200)
    #expect(try status("/device/v1/DEFAULT/d1/twin") == 200)
    #expect(try status("/DEFAULT/controller/v1/d1") == 200)
    let log = try connection.send(
      "PUT", "/device/v1/DEFAULT/d1/logs/system.log", body: .bytes([0x61]))
    #expect(log.status == 201)
    #expect(try status("/device/v1/DEFAULT/d2/twin") == 401)
    #expect(try status("/device/v1/other/d1/twin") == 401)
    #expect(try desk.expect(200, "GET", "T/devices/d1")["state"] == "active")
    // A name in a certificate is nothing: the key decides.
    #expect(try EnrollingUnit(service).enrol(claim: codes["d2"]).status == 201)
    #expect(try status("/device/v1/DEFAULT/d2") == 401)
    let fingerprint = unit.key.publicKey.fingerprint.hex
    _ = try desk.expect(204, "DELETE", "T/devices/d1/credentials/\(fingerprint)")
    // The connection and its handshake are older than the revocation.
    #expect(try status("/device/v1/DEFAULT/d1") == 401)
    #expect(try status("/DEFAULT/controller/v1/d1") == 401)
  }

  @Test func `without a certificate nothing is proved by the connection`() throws {
    let service = try ManagementService(isSecure: true)
    let desk = try ManagementClient(service)
    let code = try desk.provision(one: "d1")
    let unit = try EnrollingUnit(service)
    #expect(try unit.enrol(claim: code).status == 201)
    #expect(try service.connect().send("GET", "/device/v1/DEFAULT/d1").status == 401)
    // A certificate of a stranger ends the handshake.
    let stranger = try CredentialPrivateKey.generate(.p256)
    let own = try CertificateAuthority.selfSigned(
      stranger, name: "d1", serial: [UInt8](repeating: 9, count: 16),
      at: SystemClock().now.milliseconds / 1000)
    try stranger.save(to: service.directory + "/stranger.key")
    try write(own.certificate.pem, to: service.directory + "/stranger.pem")
    let identity = TLSIdentity(
      certificatePath: service.directory + "/stranger.pem",
      keyPath: service.directory + "/stranger.key")
    #expect(throws: HTTPClientError.self) {
      try service.connect(as: identity).send("GET", "/device/v1/DEFAULT/d1")
    }
  }
}
