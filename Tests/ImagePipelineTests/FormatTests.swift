// Recognition of good images, and what becomes of bad ones.
import Glibc
import ImagePipeline
import Testing

@Suite("Image formats")
struct FormatTests {
  let folder = Folder()

  @Test(arguments: Specimen.all)
  func `a minimal image is recognised with its version`(specimen: Specimen) throws {
    let found = try ImageFormat.detect(try folder.image(specimen.bytes))
    #expect(found.kind == specimen.kind, "\(found)")
    #expect(found.version == specimen.version)
    #expect(found.label == specimen.label)
    #expect(found.damage == nil)
  }

  @Test func `every format has a specimen`() {
    #expect(Set(Specimen.all.map(\.kind)).union([.raw]) == Set(ImageFormat.Kind.allCases))
  }

  @Test(arguments: Specimen.all)
  func `no cut-off image is taken for a whole one`(specimen: Specimen) throws {
    let count = specimen.bytes.count
    // Every length near both ends, and a spread between.
    let lengths = Set(0..<min(count, 200)).union((count - min(count, 200))..<count)
      .union(stride(from: 0, to: count, by: 97))
    for length in lengths {
      let found = try ImageFormat.detect(try folder.image(Array(specimen.bytes.prefix(length))))
      if specimen.needsAllBytes {
        #expect(found.kind == .raw, "\(specimen.kind) cut at \(length) of \(count)")
      } else {
        #expect([.raw, specimen.kind].contains(found.kind))
      }
    }
  }

  @Test(arguments: Specimen.all)
  func `a mutated image is recognised, refused or raw, never something else`(
    specimen: Specimen
  ) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededBytes(seed: seed)
    // Where a checksum covers everything after the header's free fields.
    let isChecked = [ImageFormat.Kind.uImage, .intelHex].contains(specimen.kind)
    for round in 0..<300 {
      var bytes = specimen.bytes
      for _ in 0...(round % 4) {
        let at = Int(random.next() % UInt64(bytes.count))
        // Extreme values find more arithmetic mistakes than random ones.
        let choices: [UInt8] = [0, 0xFF, 0x7F, 0x80, UInt8(truncatingIfNeeded: random.next())]
        let value = choices[Int(random.next() % 5)]
        for offset in at..<min(at + 1 + round % 5, bytes.count) { bytes[offset] = value }
      }
      let found = try ImageFormat.detect(try folder.image(bytes))
      #expect([.raw, specimen.kind].contains(found.kind), "seed \(seed), round \(round)")
      if isChecked, round % 20 == 0, found.kind == specimen.kind {
        #expect(bytes == specimen.bytes, "seed \(seed), round \(round)")
      }
    }
  }

  @Test(arguments: [
    (ImageFormat.Kind.mcuboot, 40, "looks like MCUboot image, but its SHA-256 does not match"),
    (.esp32, 300, "looks like ESP32 application, but its checksum does not match"),
    (.uImage, 70, "looks like U-Boot uImage, but its data checksum does not match"),
    (.uImage, 20, "looks like U-Boot uImage, but its header checksum does not match"),
    (.uf2, 1020, "looks like UF2, but block 1 is malformed"),
    (.intelHex, 60, "looks like Intel HEX, but record 2 is malformed"),
    (.swu, -170, "looks like SWUpdate package, but the checksum of rootfs does not match"),
  ])
  func `damage is named`(kind: ImageFormat.Kind, at: Int, message: String) throws {
    var bytes = try #require(Specimen.all.first { $0.kind == kind }).bytes
    // Negative positions count from the end.
    bytes[at < 0 ? bytes.count + at : at] ^= 1
    let found = try ImageFormat.detect(try folder.image(bytes))
    #expect(found.kind == .raw)
    #expect(found.damage == message)
  }

  @Test func `noise, zeros and tiny files are raw`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededBytes(seed: seed)
    for count in [1, 2, 3, 4, 7, 8, 23, 24, 63, 64, 511, 512, 513, 5000] {
      for bytes in [random.bytes(count), [UInt8](repeating: 0, count: count)] {
        let found = try ImageFormat.detect(try folder.image(bytes))
        #expect(found.kind == .raw && found.damage == nil, "seed \(seed), \(count) bytes")
      }
    }
    // A single byte is no proof, even with a plausible header behind it.
    let chance: [UInt8] = [0xE9, 1] + [UInt8](repeating: 0, count: 400)
    #expect(try ImageFormat.detect(try folder.image(chance)).damage == nil)
  }

  @Test func `a plain device tree and a plain cpio are no firmware images`() throws {
    let tree: [UInt8] =
      [0xD0, 0x0D, 0xFE, 0xED, 0, 0, 0, 72, 0, 0, 0, 56, 0, 0, 0, 72, 0, 0, 0, 40]
      + [0, 0, 0, 17, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16]
      + [UInt8](repeating: 0, count: 16) + [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 9]
    let found = try ImageFormat.detect(try folder.image(tree))
    #expect(found.kind == .raw && found.damage == nil)
  }

  @Test(.enabled(if: isInstalled("/usr/bin/mkimage"), "needs u-boot-tools"))
  func `images made by mkimage are recognised`() throws {
    _ = try folder.image(Array("kernel".utf8), named: "kernel")
    let output = "\(folder.path)/uImage"
    let arguments = ["-A", "arm64", "-O", "linux", "-T", "kernel", "-C", "none"]
    let status = run(
      "/usr/bin/mkimage",
      arguments + ["-n", "board 7", "-d", "\(folder.path)/kernel", output])
    try #require(status == 0)
    let found = try ImageFormat.detect(try ImageFile(path: output))
    #expect(found.kind == .uImage && found.label == "board 7")
  }

  @Test(.enabled(if: isInstalled("/usr/bin/cpio"), "needs cpio"), arguments: ["newc", "crc"])
  func `packages made by cpio are recognised`(variant: String) throws {
    _ = try folder.image(Array("software = { version = \"1.2\"; };".utf8), named: "sw-description")
    _ = try folder.image([1, 2, 3], named: "zImage")
    let script = """
      cd "$0" && printf 'sw-description\\nzImage\\n' | cpio --quiet -o -H \(variant) > package.swu
      """
    try #require(run("/bin/sh", ["-c", script, folder.path]) == 0)
    let found = try ImageFormat.detect(try ImageFile(path: "\(folder.path)/package.swu"))
    #expect(found.kind == .swu && found.version == "1.2", "\(found)")
  }

  @Test(arguments: [
    ("/usr/lib/u-boot/qemu-riscv64/uboot.elf", ImageFormat.Kind.elf),
    ("/usr/lib/u-boot/qemu_arm/uboot.elf", .elf),
    ("/usr/lib/u-boot/maltael/uboot.elf", .elf),
    ("/usr/lib/u-boot/qemu-riscv64/u-boot.bin", .raw),
    ("/usr/lib/u-boot/qemu-x86/u-boot.rom", .raw),
    ("/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf", .elf),
    ("/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.bin", .raw),
  ])
  func `real firmware is recognised when it is installed`(
    path: String, kind: ImageFormat.Kind
  ) throws {
    guard access(path, R_OK) == 0 else {
      try Test.cancel("\(path) is not installed")
    }
    // Packages link to versions of themselves; images are opened without following links.
    var resolved = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    try #require(realpath(path, &resolved) != nil)
    let name = String(
      decoding: resolved.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let found = try ImageFormat.detect(try ImageFile(path: name))
    #expect(found.kind == kind && found.damage == nil, "\(found)")
  }
}
