// Linux x86 kernel (Documentation/arch/x86/boot.rst).

enum BzImageProbe: FormatProbe {
  static let kind = ImageFormat.Kind.bzImage

  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding {
    guard let head = try reader.bytes(at: 0, 0x268), head.little16(0x1FE) == 0xAA55,
      head[0x202..<0x206].elementsEqual("HdrS".utf8),
      (0x200...0x2FF).contains(head.little16(0x206))
    else { return .foreign }
    let sectors = head[0x1F1] == 0 ? 4 : Int64(head[0x1F1])
    let setupEnd = (sectors + 1) * 512
    let total = setupEnd + Int64(head.little32(0x1F4)) * 16
    // The size counts paragraphs, so the last one may be partial; a signature may follow.
    guard total - reader.size < 16 else { return .damaged("it is shorter than its header says") }
    var version: String?
    let pointer = Int64(head.little16(0x20E))
    if pointer != 0, pointer + 0x200 + 128 <= setupEnd,
      let text = try reader.bytes(at: pointer + 0x200, 128)
    {
      version = text.text(0..<(text.firstIndex(of: 32) ?? text.count))
    }
    return .found(ImageFormat(.bzImage, version: version))
  }
}
