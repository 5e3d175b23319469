// MCUboot image (boot/bootutil/include/bootutil/image.h): header, payload, TLV area with a digest.
import Crypto

enum MCUbootProbe: FormatProbe {
  static let kind = ImageFormat.Kind.mcuboot

  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding {
    guard reader.starts(with: [0x3D, 0xB8, 0xF3, 0x96]), let head = try reader.bytes(at: 0, 32)
    else { return .foreign }
    let headerSize = Int64(head.little16(8))
    let protectedSize = Int64(head.little16(10))
    let payloadEnd = headerSize + Int64(head.little32(12))
    let flags = head.little32(16)
    guard headerSize >= 32 else { return .damaged("its header size is \(headerSize)") }
    if protectedSize > 0 {
      guard let info = try reader.bytes(at: payloadEnd, 4), info.little16(0) == 0x6908,
        Int64(info.little16(2)) == protectedSize
      else { return .damaged("its protected area is missing") }
    }
    let tlvStart = payloadEnd + protectedSize
    guard let info = try reader.bytes(at: tlvStart, 4), info.little16(0) == 0x6907 else {
      return .damaged("its trailer is missing")
    }
    guard let area = try reader.bytes(at: tlvStart, Int(info.little16(2))), area.count >= 4 else {
      return .damaged("it ends inside its trailer")
    }
    guard let digest = sha256(in: area) else { return .damaged("its trailer is malformed") }
    // An encrypted image (flags 0x4 and 0x8) carries the digest of its plain form.
    if !digest.isEmpty, flags & 0xC == 0 {
      guard try reader.file.sha256(count: tlvStart).bytes == digest else {
        return .damaged("its SHA-256 does not match")
      }
    }
    let number = "\(head[20]).\(head[21]).\(head.little16(22))"
    let build = head.little32(24)
    return .found(ImageFormat(.mcuboot, version: build == 0 ? number : "\(number)+\(build)"))
  }

  /// The digest entry (type 0x10), empty when the image uses SHA-384 or SHA-512, nil when the
  /// entries do not fill the area or there is no digest at all.
  private static func sha256(in area: [UInt8]) -> [UInt8]? {
    var digest: [UInt8]?
    var position = 4
    while position < area.count {
      guard area.count - position >= 4 else { return nil }
      let length = Int(area.little16(position + 2))
      guard length <= area.count - position - 4 else { return nil }
      switch area.little16(position) {
      case 0x10:
        guard length == 32 else { return nil }
        digest = Array(area[(position + 4)..<(position + 36)])
      case 0x11, 0x12: digest = digest ?? []
      default: break
      }
      position += 4 + length
    }
    return digest
  }
}
