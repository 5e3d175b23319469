// Certificates and the authority: what it issues satisfies openssl, and who it vouches for.

import Crypto
import Glibc
import Testing

@Suite("Certificates")
struct CertificateTests {
  /// 2026-01-01T00:00:00Z.
  let now: Int64 = 1_767_225_600

  func authority(
    _ name: String = "Groundswell devices", at instant: Int64? = nil
  ) throws -> CertificateAuthority {
    try CertificateAuthority.selfSigned(
      try CredentialPrivateKey.generate(.p256), name: name,
      serial: try SecureRandom.bytes(16), at: instant ?? now)
  }

  func issue(
    _ authority: CertificateAuthority, _ key: CredentialKey, device: String = "pump-1",
    days: Int = 90
  ) throws -> Certificate {
    try authority.issue(
      for: key, device: device, tenant: "acme", serial: try SecureRandom.bytes(16),
      validity: try CertificateValidity(days: days, at: now))
  }

  @Test(arguments: CredentialKeyKind.allCases)
  func `openssl verifies an issued certificate and sees what was decided`(
    kind: CredentialKeyKind
  ) throws {
    let tool = try OpenSSLTool()
    let authority = try authority()
    let key = try CredentialPrivateKey.generate(kind)
    let request = try OfferedKey(pem: try key.signingRequest(commonName: "somebody-else"))
    let certificate = try issue(authority, request.key)
    #expect(certificate.commonName == "pump-1")
    #expect(certificate.organization == "acme")
    #expect(certificate.issuerName == "Groundswell devices")
    #expect(certificate.fingerprint == key.publicKey.fingerprint)
    #expect(certificate.publicKey == key.publicKey)
    #expect(certificate.notBefore == now - 3600)
    #expect(certificate.notAfter == now + 90 * 86_400)
    #expect(certificate.fault(under: authority.certificate, at: now) == nil)
    try tool.write("ca.pem", authority.certificate.pem)
    try tool.write("device.pem", certificate.pem)
    let check = try tool.run(
      "verify -x509_strict -purpose sslclient -attime \(now) -CAfile ca.pem device.pem")
    #expect(check.status == 0, "\(check.output)")
    let text = try tool.run("x509 -in device.pem -noout -text").output
    for line in [
      "Version: 3", "Issuer: CN = Groundswell devices", "Subject: O = acme, CN = pump-1",
      "Digital Signature", "TLS Web Client Authentication", "CA:FALSE",
      "X509v3 Subject Key Identifier", "X509v3 Authority Key Identifier",
      "ecdsa-with-SHA256", "Not Before: Dec 31 23:00:00 2025 GMT",
      "Not After : Apr  1 00:00:00 2026 GMT",
    ] {
      #expect(text.contains(line), "\(line) is missing in\n\(text)")
    }
    let serial = try tool.run("x509 -in device.pem -noout -serial").output
    #expect(serial.lowercased() == "serial=\(certificate.serial)\n")
    #expect(certificate.serial.count == 32)
    let root = try tool.run("x509 -in ca.pem -noout -text").output
    for line in ["CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign"] {
      #expect(root.contains(line), "\(line) is missing in\n\(root)")
    }
  }

  @Test func `an authority vouches only for its own, in time, for clients`() throws {
    let authority = try authority()
    let other = try self.authority()
    let key = try CredentialPrivateKey.generate(.ed25519).publicKey
    let certificate = try issue(authority, key)
    let root = authority.certificate
    let rows: [(Certificate, Certificate, Int64, String?)] = [
      (certificate, root, certificate.notBefore, nil),
      (certificate, root, certificate.notAfter - 1, nil),
      (certificate, root, certificate.notBefore - 1, "certificate is not yet valid"),
      (certificate, root, certificate.notAfter, "certificate has expired"),
      (certificate, other.certificate, now, "unable to get local issuer certificate"),
      (root, root, now, "is the authority itself"),
      (certificate, certificate, now, "is the authority itself"),
    ]
    for (subject, issuer, instant, fault) in rows {
      let found = subject.fault(under: issuer, at: instant)
      #expect(
        (found == nil) == (fault == nil), "\(found ?? "no fault") instead of \(fault ?? "none")")
      if let fault { #expect(found?.contains(fault) == true, "\(found ?? "") is not \(fault)") }
    }
  }

  @Test func `an authority of openssl vouches for a device, and a server certificate is no device`()
    throws
  {
    let tool = try OpenSSLTool()
    let ca = try tool.make(
      "ca.pem",
      "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -days 30 -subj /CN=Factory "
        + "-addext keyUsage=critical,keyCertSign")
    let authority = try Certificate(pem: ca)
    #expect(authority.publicKey == nil)
    #expect(authority.commonName == "Factory")
    _ = try tool.make("key.pem", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256")
    _ = try tool.make("req.pem", "req -new -key key.pem -subj /CN=SN-0042")
    let instant = Int64(time(nil))
    for (usage, isFine) in [("clientAuth", true), ("serverAuth", false)] {
      try tool.write("usage.txt", "extendedKeyUsage=\(usage)\n")
      let pem = try tool.make(
        "device.pem",
        "x509 -req -in req.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 7 -extfile usage.txt")
      let device = try Certificate(pem: pem)
      #expect(device.commonName == "SN-0042")
      let fault = device.fault(under: authority, at: instant)
      #expect((fault == nil) == isFine, "\(fault ?? "no fault")")
    }
  }

  @Test func `long ids get names of their own, and names are never more than text`() throws {
    let authority = try authority()
    let key = try CredentialPrivateKey.generate(.p256).publicKey
    let fits = String(repeating: "ü", count: 64)
    #expect(try issue(authority, key, device: fits).commonName == fits)
    let long = String(repeating: "d", count: 65)
    let first = try #require(try issue(authority, key, device: long).commonName)
    let second = try #require(try issue(authority, key, device: long + "e").commonName)
    #expect(first.hasPrefix("sha256-"))
    #expect(first.utf8.count == 64)
    #expect(first != second)
    for odd in ["a,CN=b", "/CN=x", "critical,CA:TRUE", "a+b=c", "\"quoted\""] {
      #expect(try issue(authority, key, device: odd).commonName == odd)
    }
  }

  @Test func `a certificate never outlives its authority`() throws {
    let authority = try authority(at: now - 3650 * 86_400 + 86_400)
    let key = try CredentialPrivateKey.generate(.p256).publicKey
    #expect(try issue(authority, key).notAfter == authority.certificate.notAfter)
    let late = try self.authority(at: now - 3651 * 86_400)
    #expect(throws: CryptoError.self) { try issue(late, key) }
    for days in [0, -1, 36_501, Int.max] {
      #expect(throws: CryptoError.self) { try CertificateValidity(days: days, at: now) }
    }
    for serial in [
      [], [UInt8](repeating: 0, count: 16), [1, 2, 3], [UInt8](repeating: 1, count: 21),
    ] {
      #expect(throws: CryptoError.self) {
        try authority.issue(
          for: key, device: "d", tenant: "t", serial: serial,
          validity: try CertificateValidity(days: 1, at: now))
      }
    }
  }

  @Test func `a device is no authority`() throws {
    let key = try CredentialPrivateKey.generate(.p256)
    let certificate = try issue(try authority(), key.publicKey)
    #expect(throws: CryptoError.self) {
      try CertificateAuthority(certificate: certificate, key: key)
    }
    let root = try authority().certificate
    #expect(throws: CryptoError.self) { try CertificateAuthority(certificate: root, key: key) }
  }

  @Test func `no damaged certificate has our authority behind it`() throws {
    let authority = try authority()
    let der = try issue(authority, try CredentialPrivateKey.generate(.p256).publicKey).derBytes
    var readable = 0
    for seed in UInt64(0)..<2_000 {
      var damage = Damage(seed: seed)
      let broken = damage.damaged(der)
      // What cannot be read is refused; the point is what can.
      guard broken != der, let certificate = try? Certificate(der: broken) else { continue }
      readable += 1
      #expect(certificate.fault(under: authority.certificate, at: now) != nil, "seed \(seed)")
    }
    // Otherwise the mutations would test only the reader.
    #expect(readable > 50)
    #expect(throws: CryptoError.self) { try Certificate(der: der + [0]) }
    #expect(throws: CryptoError.self) {
      try Certificate(der: [UInt8](repeating: 0x30, count: Certificate.byteCountMax + 1))
    }
  }
}

@Suite("The authority's files")
struct AuthorityFileTests {
  let now: Int64 = 1_767_225_600

  @Test func `an authority is made once and found again`() throws {
    let tool = try OpenSSLTool()
    let first = try open(tool)
    #expect(try open(tool).certificate == first.certificate)
    var facts = stat()
    #expect(stat(tool.path("ca.key"), &facts) == 0 && facts.st_mode & 0o7777 == 0o600)
    #expect(stat(tool.path("ca.pem"), &facts) == 0 && facts.st_mode & 0o7777 == 0o644)
  }

  @Test func `an interrupted creation is completed with the same key`() throws {
    let tool = try OpenSSLTool()
    let first = try open(tool)
    unlink(tool.path("ca.pem"))
    let second = try open(tool)
    #expect(second.certificate.publicKey == first.certificate.publicKey)
  }

  @Test func `a certificate without its key is not replaced`() throws {
    let tool = try OpenSSLTool()
    _ = try open(tool)
    unlink(tool.path("ca.key"))
    let error = #expect(throws: CryptoError.self) { try open(tool) }
    #expect(error?.description.contains("has lost its key") == true)
    #expect(access(tool.path("ca.key"), F_OK) != 0)
  }

  private func open(_ tool: OpenSSLTool) throws -> CertificateAuthority {
    try CertificateAuthority.loadOrCreate(
      certificatePath: tool.path("ca.pem"), keyPath: tool.path("ca.key"), name: "Test", at: now)
  }
}
