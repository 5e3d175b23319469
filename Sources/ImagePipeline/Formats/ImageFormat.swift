// What kind of image is this? Decided by magic plus structure plus checksum, never by magic alone:
// short magics are met by chance, and a wrong name would lead to a wrong updater.
// The facts about each format were checked against its reference tool or real files.

/// A recognised image, or a raw one.
public struct ImageFormat: Hashable, Sendable {
  /// The formats that are recognised.
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    /// SWUpdate package: cpio with `sw-description` first.
    case swu
    /// RAUC bundle: squashfs with a CMS signature behind it.
    case rauc
    /// Mender artifact: tar with `version` first.
    case mender
    /// MCUboot image.
    case mcuboot
    /// ESP-IDF application.
    case esp32
    /// USB flashing format.
    case uf2
    /// U-Boot legacy image.
    case uImage
    /// U-Boot flattened image tree.
    case fit
    /// ELF executable or object.
    case elf
    /// Linux x86 kernel.
    case bzImage
    /// Intel HEX text.
    case intelHex
    /// Android boot image.
    case androidBoot
    /// None of the above; the operator declares what it is.
    case raw

    /// The name people use.
    public var name: String {
      switch self {
      case .swu: "SWUpdate package"
      case .rauc: "RAUC bundle"
      case .mender: "Mender artifact"
      case .mcuboot: "MCUboot image"
      case .esp32: "ESP32 application"
      case .uf2: "UF2"
      case .uImage: "U-Boot uImage"
      case .fit: "U-Boot FIT image"
      case .elf: "ELF"
      case .bzImage: "Linux bzImage"
      case .intelHex: "Intel HEX"
      case .androidBoot: "Android boot image"
      case .raw: "raw"
      }
    }
  }

  /// Which format it is.
  public let kind: Kind
  /// The firmware version, where the format carries one.
  public let version: String?
  /// What the image calls itself, where the format has such a text.
  public let label: String?
  /// For raw images: why something that starts like a known format is none; a reason to refuse.
  public let damage: String?

  init(_ kind: Kind, version: String? = nil, label: String? = nil, damage: String? = nil) {
    self.kind = kind
    self.version = version
    self.label = label
    self.damage = damage
  }

  /// The name people use.
  public var name: String { kind.name }

  /// Recognises an image; memory is bounded whatever the file says about itself.
  ///
  /// Some formats are read once in full to check their checksum. Throws only when reading fails.
  public static func detect(_ file: ImageFile) throws(ImageError) -> ImageFormat {
    let reader = try FormatReader(file)
    for probe in probes {
      switch try probe.inspect(reader) {
      case .foreign: continue
      case .found(let format): return format
      case .damaged(let reason):
        return ImageFormat(.raw, damage: "looks like \(probe.kind.name), but \(reason)")
      }
    }
    return ImageFormat(.raw)
  }

  /// Magics exclude one another except for the short ones, which come last.
  private static let probes: [any FormatProbe.Type] = [
    ELFProbe.self, MCUbootProbe.self, AndroidBootProbe.self, UF2Probe.self, UImageProbe.self,
    FITProbe.self, RAUCProbe.self, SWUProbe.self, MenderProbe.self, BzImageProbe.self,
    IntelHexProbe.self, ESP32Probe.self,
  ]
}

/// Knows one format.
protocol FormatProbe: SendableMetatype {
  static var kind: ImageFormat.Kind { get }
  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding
}

/// What a probe says.
enum Finding {
  /// Some other format.
  case foreign
  case found(ImageFormat)
  /// Surely meant to be this format, and broken; the text completes "looks like X, but".
  case damaged(String)
}
