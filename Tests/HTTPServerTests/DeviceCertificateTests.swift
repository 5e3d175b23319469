// Certificates of our own authority over real TLS: a device with one is known by its key.
import Crypto
import Glibc
import HTTPClient
import HTTPServer
import Testing

@Suite struct DeviceCertificateTests {
  @Test(arguments: CredentialKeyKind.allCases)
  func `a device is known by the key in its certificate, and a foreign one is turned away`(
    kind: CredentialKeyKind
  ) throws {
    let certificate = try TestCertificate()
    let folder = certificate.folder
    let files = ["ca.pem", "ca.key", "device.pem", "device.key", "other.pem", "other.key"]
    defer { for name in files { unlink("\(folder)/\(name)") } }
    func authority(_ name: String) throws -> CertificateAuthority {
      try CertificateAuthority.loadOrCreate(
        certificatePath: "\(folder)/\(name).pem", keyPath: "\(folder)/\(name).key",
        name: "Devices", at: Int64(time(nil)))
    }
    let own = try authority("ca")
    let context = try TLSContext(
      server: certificate.identity, clientAuthorities: "\(folder)/ca.pem")
    let server = try TestServer { $0.tls = context }
    func ask(_ identity: TLSIdentity?) throws -> String {
      let options = TLSClientOptions(
        trust: .authorities(path: certificate.certificate), identity: identity)
      return try HTTPConnection(host: "127.0.0.1", port: server.port, tls: options)
        .send("GET", "/certificate").text
    }
    #expect(try ask(nil) == "none")

    let key = try CredentialPrivateKey.generate(kind)
    try key.save(to: "\(folder)/device.key")
    func issue(_ authority: CertificateAuthority) throws -> TLSIdentity {
      let issued = try authority.issue(
        for: key.publicKey, device: "pump-1", tenant: "acme", serial: try SecureRandom.bytes(16),
        validity: try CertificateValidity(days: 90, at: Int64(time(nil))))
      let path = "\(folder)/device.pem"
      unlink(path)
      let file = open(path, O_WRONLY | O_CREAT, 0o600)
      defer { close(file) }
      let bytes = Array(issued.pem.utf8)
      try #require(write(file, bytes, bytes.count) == bytes.count)
      return TLSIdentity(certificatePath: path, keyPath: "\(folder)/device.key")
    }
    let shown = try ask(try issue(own))
    let seen = try Certificate(der: try #require(Hex.decode(shown)))
    #expect(seen.fingerprint == key.publicKey.fingerprint)
    #expect(seen.commonName == "pump-1")
    #expect(seen.fault(under: own.certificate, at: Int64(time(nil))) == nil)
    // The same names and another key: only the signature differs.
    let foreign = try issue(try authority("other"))
    #expect(throws: HTTPClientError.self) { try ask(foreign) }
  }
}
