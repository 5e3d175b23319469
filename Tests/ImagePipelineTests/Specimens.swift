// Minimal images built by hand from each format's description, so that every recogniser has a
// positive case on any machine.
import Crypto
import ImagePipeline
import Testing

/// An image and what must be said of it.
struct Specimen: CustomTestStringConvertible {
  let kind: ImageFormat.Kind
  let version: String?
  let label: String?
  let bytes: [UInt8]
  /// True when no shorter file is still this format.
  let needsAllBytes: Bool

  var testDescription: String { kind.rawValue }

  static let all = [
    swu, rauc, mender, mcuboot, esp32, uf2, uImage, fit, elf, bzImage, intelHex, androidBoot,
  ]

  private static let payload = Array("the quick brown firmware jumps over the lazy device".utf8)

  private static var mcuboot: Specimen {
    var image = little(0x96F3_B83D) + little(0) + little16(32) + little16(0)
    image += little(UInt32(payload.count)) + little(0) + [1, 4] + little16(513) + little(77)
    image += little(0) + payload
    let digest = SHA256.value(of: image).bytes
    image += little16(0x6907) + little16(40) + little16(0x10) + little16(32) + digest
    return Specimen(
      kind: .mcuboot, version: "1.4.513+77", label: nil, bytes: image, needsAllBytes: true)
  }

  private static var esp32: Specimen {
    var segment = little(0xABCD_5432) + [UInt8](repeating: 0, count: 12)
    segment += padded("2.7.1-rc3", 32) + padded("thermostat", 32)
    segment += [UInt8](repeating: 0, count: 256 - segment.count) + payload
    segment += [UInt8](repeating: 0, count: 4 - segment.count % 4)
    var image: [UInt8] = [0xE9, 1, 2, 0x20] + little(0x4008_0000)
    image += [0xEE, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    image += little(0x3F40_0020) + little(UInt32(segment.count)) + segment
    while image.count % 16 != 15 { image.append(0) }
    image.append(segment.reduce(0xEF, ^))
    image += SHA256.value(of: image).bytes
    return Specimen(
      kind: .esp32, version: "2.7.1-rc3", label: "thermostat", bytes: image, needsAllBytes: true)
  }

  private static var uf2: Specimen {
    var image: [UInt8] = []
    for number: UInt32 in 0..<3 {
      var block = little(0x0A32_4655) + little(0x9E5D_5157) + little(0xA000)
      block += little(0x1000_0000 + number * 256) + little(256) + little(number) + little(3)
      block += little(0xE48B_FF56) + [UInt8](repeating: 0x55, count: 256)
      block += [9, 0xBC, 0xC7, 0x9F] + Array("0.9.2".utf8) + [0, 0, 0]
      block += [UInt8](repeating: 0, count: 508 - block.count) + little(0x0AB1_6F30)
      image += block
    }
    return Specimen(kind: .uf2, version: "0.9.2", label: nil, bytes: image, needsAllBytes: false)
  }

  private static var uImage: Specimen {
    var head = big(0x2705_1956) + big(0) + big(1_700_000_000) + big(UInt32(payload.count))
    head +=
      big(0x8000) + big(0x8000) + big(crc32(payload)) + [5, 22, 2, 0] + padded("Linux 6.1", 32)
    head.replaceSubrange(4..<8, with: big(crc32(head)))
    return Specimen(
      kind: .uImage, version: nil, label: "Linux 6.1", bytes: head + payload, needsAllBytes: true)
  }

  private static var fit: Specimen {
    let names = Array("description\0data\0".utf8)
    func node(_ name: String, _ inside: [UInt8]) -> [UInt8] {
      big(1) + aligned(Array(name.utf8) + [0], 4) + inside + big(2)
    }
    func property(_ name: UInt32, _ value: [UInt8]) -> [UInt8] {
      big(3) + big(UInt32(value.count)) + big(name) + aligned(value, 4)
    }
    let tree =
      node(
        "",
        property(0, Array("gateway 5.2\0".utf8))
          + node("images", node("kernel-1", property(12, payload)))
          + node("configurations", node("conf-1", []))) + big(9)
    let structure: UInt32 = 40 + 16
    let strings = structure + UInt32(tree.count)
    var image = big(0xD00D_FEED) + big(strings + UInt32(names.count)) + big(structure)
    image += big(strings) + big(40) + big(17) + big(16) + big(0) + big(UInt32(names.count))
    image += big(UInt32(tree.count)) + [UInt8](repeating: 0, count: 16) + tree + names
    return Specimen(
      kind: .fit, version: nil, label: "gateway 5.2", bytes: image, needsAllBytes: true)
  }

  private static var elf: Specimen {
    var image: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    image += little16(2) + little16(243) + little(1) + little64(0x8000) + little64(64) + little64(0)
    image += little(0) + little16(64) + little16(56) + little16(1) + little16(0) + little16(0)
    image += little16(0) + [UInt8](repeating: 0, count: 56)
    return Specimen(kind: .elf, version: nil, label: nil, bytes: image, needsAllBytes: true)
  }

  private static var bzImage: Specimen {
    var image = [UInt8](repeating: 0, count: 5 * 512 + 64)
    image[0x1F1] = 4
    image.replaceSubrange(0x1F4..<0x1F8, with: little(4))
    image.replaceSubrange(0x1FE..<0x200, with: [0x55, 0xAA])
    image.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
    image.replaceSubrange(0x206..<0x208, with: little16(0x20F))
    image.replaceSubrange(0x20E..<0x210, with: little16(0x200))
    image.replaceSubrange(0x400..<0x480, with: padded("6.1.0-56-amd64 (builder@host) #1 SMP", 128))
    return Specimen(
      kind: .bzImage, version: "6.1.0-56-amd64", label: nil, bytes: image, needsAllBytes: false)
  }

  private static var intelHex: Specimen {
    let text = """
      :10010000214601360121470136007EFE09D2190140
      :100110002146017E17C20001FF5F16002148011928
      :00000001FF

      """
    return Specimen(
      kind: .intelHex, version: nil, label: nil, bytes: Array(text.utf8), needsAllBytes: false)
  }

  private static var androidBoot: Specimen {
    var image = Array("ANDROID!".utf8) + little(51) + little(0) + little(7) + little(0) + little(0)
    image += little(0) + little(0) + little(2048) + little(2)
    image += little((13 << 14 | 2 << 7 | 1) << 11 | 23 << 4 | 9) + padded("tablet", 16)
    image += [UInt8](repeating: 0, count: 2048 - image.count) + payload
    image += [UInt8](repeating: 0, count: 4096 - image.count) + Array("ramdisk".utf8)
    return Specimen(
      kind: .androidBoot, version: "13.2.1", label: "tablet", bytes: image, needsAllBytes: true)
  }

  private static var rauc: Specimen {
    let manifest =
      "[update]\ncompatible=acme-gateway\nversion=2026.09-3\n\n[bundle]\nformat=verity\n"
    var image = Array("hsqs".utf8) + [UInt8](repeating: 0, count: 24) + little16(4) + little16(0)
    image += [UInt8](repeating: 0, count: 8) + little64(4096)
    image += [UInt8](repeating: 7, count: 4096 - image.count)
    var message: [UInt8] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02]
    message += [0x04, UInt8(manifest.utf8.count)] + Array(manifest.utf8)
    message = [0x30, 0x82] + Array(little16(UInt16(message.count)).reversed()) + message
    image += message + big(0) + big(UInt32(message.count))
    return Specimen(
      kind: .rauc, version: "2026.09-3", label: "acme-gateway", bytes: image, needsAllBytes: true)
  }

  private static var swu: Specimen {
    let description = """
      /* version = "0"; */
      software = {
        hardware-compatibility: [ "1.0" ];
        images: ({ filename = "rootfs"; version = "9"; });  # version = "8"
        version = "4.10.1";
      };
      """
    var image: [UInt8] = []
    for (name, body) in [
      ("sw-description", Array(description.utf8)), ("rootfs", payload), ("TRAILER!!!", []),
    ] {
      let sum = body.reduce(UInt32(0)) { $0 + UInt32($1) }
      var fields = [UInt32](repeating: 0, count: 13)
      (fields[6], fields[11], fields[12]) = (UInt32(body.count), UInt32(name.utf8.count + 1), sum)
      image += Array("070702".utf8) + fields.flatMap { Array(Hex.encode(big($0)).utf8) }
      image = aligned(image + Array(name.utf8) + [0], 4)
      image = aligned(image + body, 4)
    }
    return Specimen(
      kind: .swu, version: "4.10.1", label: nil, bytes: image, needsAllBytes: false)
  }

  private static var mender: Specimen {
    var image: [UInt8] = []
    for (name, body) in [
      ("version", Array("{\"format\":\"mender\",\"version\":3}".utf8)), ("manifest", payload),
      ("header.tar.gz", payload), ("data/0000.tar.gz", payload),
    ] {
      var head = padded(name, 100) + padded("0000644", 8) + padded("0000000", 8)
      head += padded("0000000", 8) + padded(octal(body.count, 11), 12) + padded("00000000000", 12)
      head += Array("        0".utf8) + [UInt8](repeating: 0, count: 100)
      head += Array("ustar\u{0}00".utf8) + [UInt8](repeating: 0, count: 247)
      let sum = head.reduce(0) { $0 + Int($1) }
      head.replaceSubrange(148..<156, with: padded(octal(sum, 6), 7) + [32])
      image += head + aligned(body, 512)
    }
    image += [UInt8](repeating: 0, count: 1024)
    return Specimen(
      kind: .mender, version: nil, label: "artifact format 3", bytes: image, needsAllBytes: false)
  }

  private static func octal(_ value: Int, _ width: Int) -> String {
    let digits = String(value, radix: 8)
    return String(repeating: "0", count: width - digits.count) + digits
  }

  private static func padded(_ text: String, _ count: Int) -> [UInt8] {
    Array(text.utf8) + [UInt8](repeating: 0, count: count - text.utf8.count)
  }

  private static func aligned(_ bytes: [UInt8], _ unit: Int) -> [UInt8] {
    bytes + [UInt8](repeating: 0, count: (unit - bytes.count % unit) % unit)
  }

  private static func big(_ value: UInt32) -> [UInt8] { little(value).reversed() }

  private static func little16(_ value: UInt16) -> [UInt8] {
    Array(little(UInt32(value)).prefix(2))
  }

  private static func little(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  private static func little64(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  /// Bit by bit, so that it shares nothing with the code under test.
  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
  }
}
