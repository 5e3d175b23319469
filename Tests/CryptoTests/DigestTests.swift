// Published digest vectors, streams against one shots, encodings, comparison, randomness.
import Crypto
import Testing

@Suite("Digests and encodings")
struct DigestTests {
  // FIPS 180-4 examples and RFC 1321 section A.5.
  @Test(arguments: [
    (
      "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "da39a3ee5e6b4b0d3255bfef95601890afd80709", "d41d8cd98f00b204e9800998ecf8427e"
    ),
    (
      "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "a9993e364706816aba3e25717850c26c9cd0d89d", "900150983cd24fb0d6963f7d28e17f72"
    ),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1", "8215ef0796a20bcaaae116d3876c664a"
    ),
  ])
  func `published vectors come out of every way to digest`(
    text: String, sha256: String, sha1: String, md5: String
  ) throws {
    let bytes = Array(text.utf8)
    #expect(SHA256.value(of: text).hex == sha256)
    #expect(SHA256.value(of: bytes).hex == sha256)
    #expect(Hex.encode(bytes.withUnsafeBytes { SHA256.digest(of: $0) }) == sha256)
    for (kind, expected) in [(DigestKind.sha256, sha256), (.sha1, sha1), (.md5, md5)] {
      var digest = try StreamDigest(kind)
      // Byte by byte, so that every block boundary is crossed.
      for byte in bytes { try feed(&digest, [byte]) }
      #expect(Hex.encode(try digest.finish()) == expected)
    }
    let all = try digests(of: bytes)
    #expect(all.sha256.hex == sha256)
    #expect(Hex.encode(all.sha1) == sha1)
    #expect(Hex.encode(all.md5) == md5)
  }

  @Test func `an artifact larger than a piece has the digests of the whole`() throws {
    let bytes = (0..<100_001).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let all = try digests(of: bytes)
    #expect(all.sha256 == SHA256.value(of: bytes))
    var sha1 = try StreamDigest(.sha1)
    try feed(&sha1, bytes)
    #expect(all.sha1 == (try sha1.finish()))
  }

  @Test func `a digest value has one spelling`() throws {
    let value = SHA256.value(of: "abc")
    #expect(SHA256.Value(hex: value.hex) == value)
    #expect(SHA256.Value(value.bytes) == value)
    #expect(SHA256.Value(hex: value.hex.uppercased()) == nil)
    #expect(SHA256.Value(hex: String(value.hex.dropLast())) == nil)
    #expect(SHA256.Value(hex: value.hex.dropLast() + "/") == nil)
    #expect(SHA256.Value([UInt8](repeating: 0, count: 31)) == nil)
    #expect(value.matchesInConstantTime(value))
    #expect(!value.matchesInConstantTime(SHA256.value(of: "abd")))
  }

  @Test func `digest values sort like their text`() {
    let values = (0..<64).map { SHA256.value(of: "\($0)") }
    #expect(values.sorted().map(\.hex) == values.map(\.hex).sorted())
  }

  @Test func `constant-time comparison looks at every byte and the length`() {
    let secret: [UInt8] = [1, 2, 3, 4]
    #expect(constantTimeEquals(secret, [1, 2, 3, 4]))
    #expect(!constantTimeEquals(secret, [0, 2, 3, 4]))
    #expect(!constantTimeEquals(secret, [1, 2, 3, 5]))
    #expect(!constantTimeEquals(secret, [1, 2, 3]))
    #expect(constantTimeEquals([], []))
  }

  // RFC 4648 section 10, with the URL forms of section 5.
  @Test(arguments: [
    ("", "", ""), ("f", "Zg==", "Zg"), ("fo", "Zm8=", "Zm8"), ("foo", "Zm9v", "Zm9v"),
    ("foob", "Zm9vYg==", "Zm9vYg"), ("fooba", "Zm9vYmE=", "Zm9vYmE"),
    ("foobar", "Zm9vYmFy", "Zm9vYmFy"), ("\u{fb}\u{ff}", "w7vDvw==", "w7vDvw"),
  ])
  func `base64 round-trips`(text: String, standard: String, url: String) {
    let bytes = Array(text.utf8)
    #expect(Base64.standard.encode(bytes) == standard)
    #expect(Base64.url.encode(bytes) == url)
    #expect(Base64.standard.decode(standard) == bytes)
    #expect(Base64.url.decode(url) == bytes)
  }

  @Test(arguments: [
    "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "====", "Z===", "Zg==Zg==", "-_==",
  ])
  func `base64 refuses a second spelling`(text: String) {
    #expect(Base64.standard.decode(text) == nil)
  }

  @Test(arguments: ["Z", "Zh", "Zg==", "+/8", "Zm9v=", "Zm9vY"])
  func `base64url refuses a second spelling`(text: String) {
    #expect(Base64.url.decode(text) == nil)
  }

  @Test func `hexadecimal refuses odd counts and foreign characters`() {
    #expect(Hex.decode("00fF10") == [0, 255, 16])
    #expect(Hex.decode("00fF10", lowercaseOnly: true) == nil)
    for text in ["0", "0g", " 00", "0x00", "٠٠"] { #expect(Hex.decode(text) == nil) }
  }

  @Test func `32 random bytes are 43 characters, decode again and do not repeat`() throws {
    let tokens = try (0..<100).map { _ in Base64.url.encode(try SecureRandom.bytes(32)) }
    #expect(Set(tokens).count == 100)
    for token in tokens {
      #expect(token.utf8.count == 43)
      #expect(Base64.url.decode(token)?.count == 32)
    }
    #expect(try SecureRandom.bytes(0).isEmpty)
  }
}

private func feed(_ digest: inout StreamDigest, _ bytes: [UInt8]) throws {
  try bytes.withUnsafeBytes { try digest.update($0) }
}

private func digests(of bytes: [UInt8]) throws -> ArtifactDigests {
  var hasher = try ArtifactHasher()
  try bytes.withUnsafeBytes { try hasher.update($0) }
  return try hasher.finish()
}
