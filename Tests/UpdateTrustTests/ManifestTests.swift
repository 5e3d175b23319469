// ManifestTests: the signed form is one and the same for everybody, and binds what it should.

import Crypto
import Testing
import UpdateModel
import UpdateTrust

@Suite struct ManifestTests {
  private func manifest(
    version: String = "1.2.3", hardware: [String] = ["board-b", "board-a"], size: Int64 = 5
  ) throws -> ArtifactManifest {
    ArtifactManifest(
      name: try Name("router"), version: try FirmwareVersion(version),
      hardware: try hardware.map { try Name($0) }, component: try Name("os"), size: size,
      sha256: try #require(
        Digest(hex: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")))
  }

  @Test func `the signed bytes are the canonical form, whatever the order of the hardware`() throws
  {
    let text = String(decoding: try manifest().signedBytes, as: UTF8.self)
    #expect(
      text == #"{"artifact":"router","component":"os","hardware":["board-a","board-b"],"#
        + #""sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","#
        + #""size":5,"version":"1.2.3"}"#)
  }

  @Test func `a signature is good for its manifest and no other`() throws {
    let key = try SigningKey(seed: [UInt8](repeating: 7, count: 32))
    let signature = try manifest().signature(by: key)
    #expect(try manifest().isSigned(signature, by: key.verifyingKey))
    #expect(try !manifest(version: "1.2.4").isSigned(signature, by: key.verifyingKey))
    #expect(try !manifest(hardware: ["board-c"]).isSigned(signature, by: key.verifyingKey))
    #expect(try !manifest(size: 6).isSigned(signature, by: key.verifyingKey))
    let stranger = try SigningKey(seed: [UInt8](repeating: 8, count: 32))
    #expect(try !manifest().isSigned(signature, by: stranger.verifyingKey))
    #expect(try !manifest().isSigned("zz", by: key.verifyingKey))
    #expect(try !manifest().isSigned("", by: key.verifyingKey))
  }

  @Test func `canonical JSON sorts by bytes, escapes two characters and knows no fractions`() throws
  {
    let value: JSON = [
      "z": 1, "a10": 2, "a2": 3, "_type": "q\"b\\n\n", "Z": .bool(true), "B": .null,
      "\u{E9}": "NFC", "e\u{301}": "NFD",
    ]
    let text = String(decoding: try CanonicalJSON.encode(value), as: UTF8.self)
    #expect(
      text == "{\"B\":null,\"Z\":true,\"_type\":\"q\\\"b\\\\n\n\",\"a10\":2,\"a2\":3,"
        + "\"e\u{301}\":\"NFD\",\"z\":1,\"\u{E9}\":\"NFC\"}")
    #expect(throws: CanonicalJSON.NotCanonical.self) {
      try CanonicalJSON.encode(.array([.decimal("1.0")]))
    }
  }
}
