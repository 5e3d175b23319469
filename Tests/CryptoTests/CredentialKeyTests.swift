// The keys of devices: against the openssl command in both directions, and everything they refuse.

import Crypto
import Glibc
import Testing

/// How openssl makes a key of each kind.
private let generation: [CredentialKeyKind: String] = [
  .ed25519: "genpkey -algorithm ed25519",
  .p256: "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
]

@Suite("Credential keys")
struct CredentialKeyTests {
  @Test(arguments: CredentialKeyKind.allCases)
  func `a key of openssl is read, and its fingerprint is the digest that openssl computes`(
    kind: CredentialKeyKind
  ) throws {
    let tool = try OpenSSLTool()
    _ = try tool.make("key.pem", try #require(generation[kind]))
    let pem = try tool.make("public.pem", "pkey -in key.pem -pubout")
    _ = try tool.make("public.der", "pkey -in key.pem -pubout -outform DER")
    let key = try CredentialKey(pem: pem)
    #expect(key.kind == kind)
    #expect(key.pem == pem)
    #expect(key.derBytes == (try tool.read("public.der")))
    let digest = try tool.run("dgst -sha256 -r public.der").output
    #expect(digest.hasPrefix(key.fingerprint.hex))
    let offered = try OfferedKey(pem: pem)
    #expect(offered.key == key)
    #expect(!offered.provesPossession)
    let own = try CredentialPrivateKey.load(from: tool.path("key.pem"))
    #expect(own.publicKey == key)
  }

  @Test(arguments: CredentialKeyKind.allCases)
  func `signatures are accepted by openssl and those of openssl are accepted here`(
    kind: CredentialKeyKind
  ) throws {
    let tool = try OpenSSLTool()
    let message = Array("groundswell-session\nacme\npump-1\nabc".utf8)
    let raw = kind == .ed25519 ? " -rawin" : " -rawin -digest sha256"
    try tool.write("message", message)
    let own = try CredentialPrivateKey.generate(kind)
    try own.save(to: tool.path("own.pem"))
    try tool.write("own.pub", own.publicKey.pem)
    try tool.write("own.sig", try own.sign(message))
    let check = "pkeyutl -verify -pubin -inkey own.pub -sigfile own.sig -in message\(raw)"
    #expect(try tool.run(check).status == 0)
    let signing = "pkeyutl -sign -inkey own.pem -in message\(raw) -out theirs.sig"
    try #require(try tool.run(signing).status == 0)
    let signature = try tool.read("theirs.sig")
    #expect(own.publicKey.isValid(signature, for: message))
    #expect(!own.publicKey.isValid(signature, for: message + [0]))
    #expect(!(try CredentialPrivateKey.generate(kind)).publicKey.isValid(signature, for: message))
  }

  @Test(arguments: [
    ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024", "", "is an RSA key"),
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", "", "is a P-384 key"),
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521", "", "is a P-521 key"),
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", "", "is a secp256k1 key"),
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1", "", "another"),
    ("genpkey -algorithm ed448", "", "is an Ed448 key"),
    ("genpkey -algorithm x25519", "", "is an X25519 key"),
    (
      "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", " -ec_conv_form compressed",
      "send the point uncompressed"
    ),
    (
      "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", " -ec_param_enc explicit",
      "unnamed curve"
    ),
  ])
  func `other keys are refused by name`(making: String, form: String, reason: String) throws {
    let tool = try OpenSSLTool()
    _ = try tool.make("key.pem", making)
    let pem = try tool.make("public.pem", "pkey -in key.pem -pubout\(form)")
    let error = #expect(throws: CryptoError.self) { try OfferedKey(pem: pem) }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test func `private keys and other blocks are refused with what to send instead`() throws {
    let tool = try OpenSSLTool()
    let pem = try tool.make("key.pem", "genpkey -algorithm ed25519")
    let error = #expect(throws: CryptoError.self) { try OfferedKey(pem: pem) }
    #expect(error?.description.contains("must never leave its device") == true)
    for text in [
      "", "junk", "-----BEGIN PUBLIC KEY-----\n", String(repeating: "x", count: 16_385),
      "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
      "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n",
      pem.replacingEvery("PRIVATE KEY", with: "CRL"),
    ] {
      #expect(throws: CryptoError.self) { try OfferedKey(pem: text) }
    }
  }

  @Test func `text may stand around a key up to 16 KiB and not a byte more`() throws {
    let pem = try CredentialPrivateKey.generate(.p256).publicKey.pem
    let room = OfferedKey.byteCountMax - pem.utf8.count
    let filling = String(repeating: "a", count: room - 1) + "\n"
    #expect(try OfferedKey(pem: filling + pem).key.pem == pem)
    #expect(throws: CryptoError.self) { try OfferedKey(pem: "a" + filling + pem) }
  }

  @Test func `a point beside the curve is refused`() throws {
    var der = try CredentialPrivateKey.generate(.p256).publicKey.derBytes
    der[90] ^= 1
    let error = #expect(throws: CryptoError.self) { try CredentialKey(der: der) }
    #expect(error?.description == "public key: is not a point on its curve")
  }

  @Test(arguments: CredentialKeyKind.allCases)
  func `damaged signatures are never valid and damaged keys never crash`(
    kind: CredentialKeyKind
  ) throws {
    let own = try CredentialPrivateKey.generate(kind)
    let message: [UInt8] = [1, 2, 3]
    let signature = try own.sign(message)
    for seed in UInt64(0)..<2_000 {
      var damage = Damage(seed: seed)
      let broken = damage.damaged(signature)
      if broken != signature {
        #expect(!own.publicKey.isValid(broken, for: message), "seed \(seed)")
      }
      let der = damage.damaged(own.publicKey.derBytes)
      // A damaged key may be another good one, and then has its own name.
      if let key = try? CredentialKey(der: der) {
        #expect(key.derBytes == der, "seed \(seed)")
        #expect(key == own.publicKey || key.fingerprint != own.publicKey.fingerprint)
      }
    }
    for count in [0, 1, 63, 65, 73, 10_000] {
      #expect(!own.publicKey.isValid([UInt8](repeating: 0x30, count: count), for: message))
    }
  }

  @Test func `a device's private key never prints and is never replaced`() throws {
    let tool = try OpenSSLTool()
    let own = try CredentialPrivateKey.generate(.p256)
    try own.save(to: tool.path("own.pem"))
    let secret = String(decoding: try tool.read("own.pem"), as: UTF8.self)
    var dumped = ""
    dump(own, to: &dumped)
    for text in ["\(own)", String(reflecting: own), dumped] {
      #expect(text.contains("hidden"))
      #expect(!text.contains(secret.split(separator: "\n")[1]))
    }
    #expect(throws: CryptoError.file(operation: "create", path: tool.path("own.pem"), code: EEXIST))
    { try own.save(to: tool.path("own.pem")) }
  }
}

extension String {
  fileprivate func replacingEvery(_ part: String, with other: String) -> String {
    let parts = split(separator: part, omittingEmptySubsequences: false)
    return parts.joined(separator: other)
  }
}

@Suite("Signing requests")
struct SigningRequestTests {
  @Test(arguments: CredentialKeyKind.allCases)
  func `a request of openssl proves possession and names its wish`(
    kind: CredentialKeyKind
  ) throws {
    let tool = try OpenSSLTool()
    _ = try tool.make("key.pem", try #require(generation[kind]))
    let pem = try tool.make("req.pem", "req -new -key key.pem -subj /O=evil/CN=pump-7")
    let offered = try OfferedKey(pem: pem)
    #expect(offered.provesPossession)
    #expect(offered.commonName == "pump-7")
    #expect(offered.key == (try CredentialPrivateKey.load(from: tool.path("key.pem"))).publicKey)
    let older = try tool.make(
      "old.pem", "req -new -newhdr -sha512 -key key.pem -subj /CN=a/CN=b")
    #expect(older.contains("NEW CERTIFICATE REQUEST"))
    // Two common names are no name.
    #expect(try OfferedKey(pem: older).commonName == nil)
  }

  @Test(arguments: CredentialKeyKind.allCases)
  func `openssl accepts our requests`(kind: CredentialKeyKind) throws {
    let tool = try OpenSSLTool()
    let own = try CredentialPrivateKey.generate(kind)
    let pem = try own.signingRequest(commonName: "Pumpe Süd")
    #expect(try OfferedKey(pem: pem).commonName == "Pumpe Süd")
    try tool.write("req.pem", pem)
    let seen = try tool.run("req -in req.pem -verify -noout -subject -nameopt utf8,-esc_msb")
    #expect(seen.status == 0)
    #expect(seen.output.contains("verify OK"))
    #expect(seen.output.contains("CN=Pumpe Süd") || seen.output.contains("CN = Pumpe Süd"))
    #expect(throws: CryptoError.self) { try own.signingRequest(commonName: "") }
    #expect(throws: CryptoError.self) {
      try own.signingRequest(commonName: String(repeating: "n", count: 65))
    }
  }

  @Test func `requests of other keys, other signers and weak digests are refused`() throws {
    let tool = try OpenSSLTool()
    _ = try tool.make("rsa.pem", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024")
    let rsa = try tool.make("rsa.req", "req -new -key rsa.pem -subj /CN=x")
    let error = #expect(throws: CryptoError.self) { try OfferedKey(pem: rsa) }
    #expect(error?.description.contains("is an RSA key") == true)
    _ = try tool.make("key.pem", try #require(generation[.p256]))
    let weak = try tool.make("weak.req", "req -new -sha1 -key key.pem -subj /CN=x")
    let refusal = #expect(throws: CryptoError.self) { try OfferedKey(pem: weak) }
    #expect(refusal?.description.contains("SHA-256 or better") == true)
  }

  @Test(arguments: CredentialKeyKind.allCases)
  func `no damaged request is accepted`(kind: CredentialKeyKind) throws {
    let tool = try OpenSSLTool()
    let own = try CredentialPrivateKey.generate(kind)
    try tool.write("req.pem", try own.signingRequest(commonName: "pump-1"))
    _ = try tool.make("req.der", "req -in req.pem -outform DER")
    let der = try tool.read("req.der")
    var accepted = 0
    for seed in UInt64(0)..<2_000 {
      var damage = Damage(seed: seed)
      let broken = damage.damaged(der)
      let text =
        "-----BEGIN CERTIFICATE REQUEST-----\n" + Base64.standard.encode(broken)
        + "\n-----END CERTIFICATE REQUEST-----\n"
      // Refusals are what is expected; the point is what is left.
      guard let offered = try? OfferedKey(pem: text) else { continue }
      accepted += 1
      // Cuts and insertions can undo each other; anything else would be a forgery.
      #expect(broken == der, "seed \(seed)")
      #expect(offered.key == own.publicKey)
    }
    #expect(accepted < 50)
  }
}
