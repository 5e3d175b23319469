// Claim codes and links: what people get wrong is forgiven or found, and nothing prints a secret.

import Testing
import UpdateModel

@Suite("Claim codes")
struct ClaimCodeTests {
  let entropy: [UInt8] = [
    0x3B, 0x9C, 0x01, 0xFF, 0x5A, 0x77, 0xE2, 0x10, 0x8D, 0x44, 0xC3, 0x29, 0x6E, 0xB0, 0x55,
  ]
  var code: ClaimCode { ClaimCode(entropy: entropy) }

  @Test func `the same bytes give the same code for ever`() throws {
    #expect(code.text == "7EE0-3ZTT-EZH1-13A4-RCMP-XC2Q")
    #expect(code.symbols == "7EE03ZTTEZH113A4RCMPXC2Q")
    #expect(code.groups.joined() == code.symbols)
    #expect(code.digestInput == Array("groundswell-claim\n\(code.symbols)".utf8))
    #expect(try ClaimCode(code.text) == code)
  }

  @Test func `each of the 115 bits makes another code`() {
    var seen: Set<ClaimCode> = [code]
    for bit in 0..<115 {
      var other = entropy
      other[bit / 8] ^= 0x80 >> UInt8(bit % 8)
      #expect(seen.insert(ClaimCode(entropy: other)).inserted, "bit \(bit)")
    }
  }

  @Test func `case, spaces, dashes and lookalikes are forgiven`() throws {
    let text = code.text
    let spellings = [
      text.lowercased(), text.split(separator: "-").joined(separator: " "), code.symbols,
      " \(text)\n", text.split(separator: "-").joined(separator: " – "),
      String(text.map { $0 == "0" ? "O" : $0 == "1" ? "l" : $0 }),
      String(text.map { $0 == "0" ? "o" : $0 == "1" ? "I" : $0 }),
    ]
    for spelling in spellings { #expect(try ClaimCode(spelling) == code, "\(spelling)") }
  }

  @Test func `every single error is found`() {
    let symbols = Array(code.symbols)
    for position in symbols.indices {
      for other in "0123456789ABCDEFGHJKMNPQRSTVWXYZ" where other != symbols[position] {
        var wrong = symbols
        wrong[position] = other
        #expect(throws: InvalidValue.self) { try ClaimCode(String(wrong)) }
      }
    }
  }

  @Test func `every exchange of two symbols is found`() {
    let symbols = Array(code.symbols)
    for first in symbols.indices {
      for second in symbols.indices where symbols[first] != symbols[second] {
        var wrong = symbols
        wrong.swapAt(first, second)
        #expect(throws: InvalidValue.self) { try ClaimCode(String(wrong)) }
      }
    }
  }

  @Test(arguments: ["", "-", "7K3M", "U", "ü", "７", "\u{0}"])
  func `other text is refused with the cause`(part: String) throws {
    let text = part + String(code.symbols.dropFirst(1))
    #expect(throws: InvalidValue.self) { try ClaimCode(text) }
    let long = code.text + String(repeating: " ", count: 99)
    #expect(try ClaimCode(long) == code)
    #expect(throws: InvalidValue.self) { try ClaimCode(long + " ") }
  }

  @Test func `a code never prints and no error repeats it`() throws {
    var dumped = ""
    dump(code, to: &dumped)
    for text in ["\(code)", String(reflecting: code), dumped, "\(Optional(code) as Any)"] {
      #expect(!text.contains("7EE0") && !text.contains("values"), "\(text)")
    }
    var wrong = Array(code.symbols)
    wrong[3] = wrong[3] == "5" ? "6" : "5"
    let error = #expect(throws: InvalidValue.self) { try ClaimCode(String(wrong)) }
    #expect(error?.reason.contains("7EE") == false)
  }
}

@Suite("Claim links")
struct ClaimLinkTests {
  let code = ClaimCode(entropy: [UInt8](repeating: 7, count: 15))

  @Test func `a link survives its text`() throws {
    let tenant = try Name("acme")
    let rows: [(DeviceID?, String?)] = [
      (nil, nil), (try DeviceID("pump-1"), nil), (nil, "https://ota.example.com:8443/x?a=b&c=d"),
      (try DeviceID("a&b=c%20ü+#?"), "http://[::1]:8080"),
    ]
    for (device, server) in rows {
      let link = try ClaimLink(tenant: tenant, device: device, code: code, server: server)
      #expect(try ClaimLink(link.text) == link)
      #expect(link.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
    }
    let link = try ClaimLink(
      tenant: tenant, device: try DeviceID("pump-1"), code: code, server: "https://ota.example.com")
    #expect(
      link.text
        == "groundswell:claim?t=acme&d=pump-1&c=\(code.symbols)&u=https://ota.example.com")
  }

  @Test func `order, unknown names, encodings and case of the scheme do not matter`() throws {
    let link = try ClaimLink("GROUNDSWELL:claim?x=1&c=\(code.text.lowercased())&t=%61cme")
    #expect(link.tenant.text == "acme")
    #expect(link.code == code)
    #expect(link.device == nil)
  }

  @Test func `the longest id fits and everything malformed is refused`() throws {
    let id = try DeviceID(String(repeating: "ü", count: 128))
    let server = "https://" + String(repeating: "h", count: 292)
    let link = try ClaimLink(
      tenant: try Name(String(repeating: "t", count: 64)), device: id, code: code, server: server)
    #expect(link.text.utf8.count <= ClaimLink.byteCountMax)
    #expect(try ClaimLink(link.text) == link)
    for text in [
      "", "groundswell:", "groundswell:claim?", "groundswell:claim?t=a", "https://claim?t=a&c=b",
      "groundswell:claim?t=a&c=123", "groundswell:claim?t=a&t=b&c=\(code.symbols)",
      "groundswell:claim?t=a&c=\(code.symbols)&d=%2",
      "groundswell:claim?t=a&c=\(code.symbols)&d=%FF",
      "groundswell:claim?t=a&c=\(code.symbols)&d=", "groundswell:claim?t=%2F&c=\(code.symbols)",
      "groundswell:claim?t=a&c=\(code.symbols)&u=javascript:alert(1)",
      "groundswell:claim?t=a&c=\(code.symbols)&x",
      link.text + "&" + String(repeating: "x", count: 1536),
    ] {
      #expect(throws: InvalidValue.self, "\(text)") { try ClaimLink(text) }
    }
    for address in ["ota.example.com", "ftp://x", "https://a b", "https://ü", server + "h"] {
      #expect(throws: InvalidValue.self) {
        try ClaimLink(tenant: link.tenant, device: nil, code: code, server: address)
      }
    }
  }
}
