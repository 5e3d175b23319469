// ELF (System V ABI, chapter 4): the identification must agree with the header and its tables.

enum ELFProbe: FormatProbe {
  static let kind = ImageFormat.Kind.elf

  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding {
    guard reader.starts(with: [0x7F, 0x45, 0x4C, 0x46]), let head = try reader.bytes(at: 0, 52),
      (1...2).contains(head[4]), (1...2).contains(head[5]), head[6] == 1
    else { return .foreign }
    let isWide = head[4] == 2
    guard let head = try reader.bytes(at: 0, isWide ? 64 : 52) else {
      return .damaged("it ends inside the header")
    }
    let isLittle = head[5] == 1
    func half(_ at: Int) -> Int { Int(isLittle ? head.little16(at) : head.big16(at)) }
    func address(_ at: Int) -> UInt64 {
      if isWide { return isLittle ? head.little64(at) : head.big64(at) }
      return UInt64(isLittle ? head.little32(at) : head.big32(at))
    }
    guard half(isWide ? 52 : 40) == (isWide ? 64 : 52), half(16) != 0 else { return .foreign }
    let programHeaders = Int64(clamping: address(isWide ? 32 : 28))
    let entrySize = half(isWide ? 54 : 42)
    let count = half(isWide ? 56 : 44)
    if count > 0 {
      guard entrySize >= (isWide ? 56 : 32),
        reader.holds(programHeaders, Int64(entrySize * count))
      else { return .damaged("its program headers lie outside the file") }
    }
    return .found(ImageFormat(.elf))
  }
}
