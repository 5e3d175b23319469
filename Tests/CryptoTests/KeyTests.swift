// Ed25519 vectors, key files and everything a key must refuse.
import Crypto
import Glibc
import Testing

@Suite("Keys")
struct KeyTests {
  // RFC 8032 section 7.1, tests 1, 2, 3 and the SHA(abc) one.
  @Test(arguments: [
    (
      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    ),
    (
      "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    ),
    (
      "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    ),
    (
      "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
      "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
      "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        + "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
    ),
  ])
  func `published Ed25519 vectors sign and verify`(
    seed: String, publicKey: String, message: String, signature: String
  ) throws {
    let key = try SigningKey(seed: try #require(Hex.decode(seed)))
    let message = try #require(Hex.decode(message))
    let expected = try #require(Hex.decode(signature))
    #expect(key.verifyingKey.hex == publicKey)
    #expect(Hex.encode(try key.sign(message)) == signature)
    let verifier = try VerifyingKey(hex: publicKey)
    #expect(verifier.isValid(expected, for: message))
    #expect(!verifier.isValid(expected, for: message + [0]))
    #expect(!verifier.isValid(Array(expected.dropLast()), for: message))
    for position in [0, 31, 32, 63] {
      var damaged = expected
      damaged[position] ^= 1
      #expect(!verifier.isValid(damaged, for: message))
    }
  }

  @Test func `a signature of another key is not valid`() throws {
    let key = try SigningKey.generate()
    let other = try SigningKey.generate()
    let signature = try key.sign([1, 2, 3])
    #expect(key.verifyingKey.isValid(signature, for: [1, 2, 3]))
    #expect(!other.verifyingKey.isValid(signature, for: [1, 2, 3]))
    #expect(key.verifyingKey.keyID == SHA256.value(of: key.verifyingKey.rawBytes).hex)
  }

  @Test func `a public key survives each of its spellings`() throws {
    let key = try SigningKey.generate().verifyingKey
    #expect(try VerifyingKey(pem: try key.pem()) == key)
    #expect(try VerifyingKey(hex: key.hex) == key)
    #expect(try VerifyingKey(rawBytes: key.rawBytes) == key)
    #expect(try key.pem().hasPrefix("-----BEGIN PUBLIC KEY-----\n"))
    for text in ["", "junk", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
      #expect(throws: CryptoError.self) { try VerifyingKey(pem: text) }
    }
    #expect(throws: CryptoError.self) { try VerifyingKey(hex: String(key.hex.dropLast(2))) }
    #expect(throws: CryptoError.self) { try VerifyingKey(rawBytes: []) }
  }

  @Test func `a public key of another algorithm is refused by name`() {
    // P-256, generator point as the public key (RFC 5480).
    let pem = """
      -----BEGIN PUBLIC KEY-----
      MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
      6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
      -----END PUBLIC KEY-----
      """
    let error = #expect(throws: CryptoError.self) { try VerifyingKey(pem: pem) }
    #expect(error?.description == "public key: is not an Ed25519 key")
  }

  @Test func `a private key never prints`() throws {
    let seed = [UInt8](repeating: 7, count: 32)
    let key = try SigningKey(seed: seed)
    var dumped = ""
    dump(key, to: &dumped)
    for text in ["\(key)", String(reflecting: key), dumped, "\(Optional(key) as Any)"] {
      #expect(text.contains("hidden"))
      #expect(!text.contains(Hex.encode(seed)))
    }
  }
}

@Suite("Key files")
final class KeyFileTests {
  let folder: String

  init() throws {
    var template = Array("/tmp/groundswell-keys-XXXXXX".utf8CString)
    folder = String(cString: try #require(mkdtemp(&template)))
  }

  deinit {
    for name in ["key.pem", "link.pem"] { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }

  @Test func `a key file has mode 0600 whatever the umask and loads as the same key`() throws {
    let key = try SigningKey.generate()
    let path = "\(folder)/key.pem"
    try key.save(to: path)
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode == S_IFREG | 0o600)
    #expect(status.st_nlink == 1)
    let loaded = try SigningKey.load(from: path)
    #expect(loaded.verifyingKey == key.verifyingKey)
    #expect(try loaded.sign([1]) == key.sign([1]))
  }

  @Test func `saving never replaces a key and leaves no temporary file`() throws {
    let path = "\(folder)/key.pem"
    let first = try SigningKey.generate()
    try first.save(to: path)
    let error = #expect(throws: CryptoError.self) { try SigningKey.generate().save(to: path) }
    #expect(error == .file(operation: "create", path: path, code: EEXIST))
    #expect(try SigningKey.load(from: path).verifyingKey == first.verifyingKey)
    #expect(names() == ["key.pem"])
  }

  @Test(arguments: [0o604, 0o640, 0o660, 0o644, 0o601] as [mode_t])
  func `a key others can reach is refused with the cure`(mode: mode_t) throws {
    let path = "\(folder)/key.pem"
    try SigningKey.generate().save(to: path)
    chmod(path, mode)
    let error = #expect(throws: CryptoError.self) { try SigningKey.load(from: path) }
    #expect(error == .exposedKey(path: path, mode: mode))
    #expect(error?.description.contains("chmod 600") == true)
  }

  @Test func `links, folders, absent and empty files are no keys`() throws {
    let path = "\(folder)/key.pem"
    #expect(throws: CryptoError.file(operation: "open", path: path, code: ENOENT)) {
      try SigningKey.load(from: path)
    }
    close(open(path, O_CREAT | O_WRONLY, 0o600))
    #expect(throws: CryptoError.malformed(subject: path, reason: "holds no unencrypted PEM key")) {
      try SigningKey.load(from: path)
    }
    symlink(path, "\(folder)/link.pem")
    #expect(throws: CryptoError.file(operation: "open", path: "\(folder)/link.pem", code: ELOOP)) {
      try SigningKey.load(from: "\(folder)/link.pem")
    }
    #expect(throws: CryptoError.malformed(subject: folder, reason: "is not a regular file")) {
      try SigningKey.load(from: folder)
    }
  }

  private func names() -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
