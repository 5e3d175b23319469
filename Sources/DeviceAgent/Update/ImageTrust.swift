// ImageTrust: whether an image may come near this device at all. Pure.

public import Crypto
public import UpdateModel
internal import UpdateTrust

/// The checks before a single byte is fetched.
public enum ImageTrust {
  /// Most images are far smaller; beyond this a size is a mistake or an attack. 1 TiB.
  public static let imageBytesMax: Int64 = 1 << 40

  /// Why an image must not be installed on this hardware; nothing when it may.
  public static func objection(
    to image: UpdateImage, hardware: Name, keys: [VerifyingKey]
  ) -> AgentError? {
    guard keys.contains(where: { image.manifest.isSigned(image.signature, by: $0) }) else {
      return .unsigned(image: image.file.text)
    }
    guard image.hardware.contains(hardware) else {
      return .wrongHardware(image: image.file.text, hardware: hardware)
    }
    guard (1...imageBytesMax).contains(image.size) else {
      return .tooLarge(size: image.size, capacity: imageBytesMax)
    }
    return nil
  }
}
