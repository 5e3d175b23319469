// Android boot image versions 0 to 4 (system/tools/mkbootimg, bootimg.h).

enum AndroidBootProbe: FormatProbe {
  static let kind = ImageFormat.Kind.androidBoot

  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding {
    guard reader.starts(with: Array("ANDROID!".utf8)), let head = try reader.bytes(at: 0, 608)
    else { return .foreign }
    let headerVersion = head.little32(40)
    // Before versions were introduced this field could hold the size of a device tree.
    guard headerVersion <= 4 else { return .foreign }
    let isOld = headerVersion < 3
    let pageSize = isOld ? Int64(head.little32(36)) : 4096
    guard (2048...65536).contains(pageSize), pageSize.nonzeroBitCount == 1 else { return .foreign }
    let parts = isOld ? [8, 16, 24] : [8, 12]
    var end = pageSize
    for offset in parts {
      let size = Int64(head.little32(offset))
      // The last part may lack its padding.
      guard size == 0 || reader.holds(end, size) else {
        return .damaged("it is shorter than its parts")
      }
      end += aligned(size, to: pageSize)
    }
    let packed = head.little32(isOld ? 44 : 16) >> 11
    let version = "\(packed >> 14).\(packed >> 7 & 127).\(packed & 127)"
    return .found(
      ImageFormat(
        .androidBoot, version: packed == 0 ? nil : version,
        label: isOld ? head.text(48..<64) : nil))
  }
}
