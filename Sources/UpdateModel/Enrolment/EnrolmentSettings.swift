// EnrolmentSettings: how devices become known to a tenant.

/// A way to become known.
public enum EnrolmentWay: String, Sendable, CaseIterable, Hashable {
  /// A code that was made for one device and is good once.
  case claim
  /// A key that an operator named beforehand.
  case preauthorised
  /// A certificate of an authority that the tenant trusts, whose common name is the device id.
  case ca
  /// A person looks at the request.
  case manual
}

/// A tenant's rules of enrolment.
public struct EnrolmentSettings: Equatable, Sendable {
  /// The ways that are open to devices outside batches; each batch has its own.
  public var ways: Set<EnrolmentWay> = [.claim, .preauthorised]
  /// How long an old credential counts beside its successor.
  public var overlap = Interval.days(7)
  /// How long certificates of devices count, in days.
  public var certificateDays = 90
  /// Whether a device that seems to exist twice goes to quarantine by itself.
  public var quarantinesClones = false
  /// Certificates (PEM) of the authorities that are trusted to name devices.
  public var authorities: [String] = []
  /// Whether a person looks at devices that such an authority names, too.
  public var approvesCertified = false

  /// Overlaps that may be set.
  public static let overlaps: ClosedRange<Interval> = .zero...Interval.days(90)
  /// Lifetimes of certificates that may be set.
  public static let certificateDayCounts = 1...3650
  /// Authorities of one tenant.
  public static let authoritiesMax = 8
  /// Bytes of one authority's certificate.
  public static let authorityBytesMax = 16 * 1024

  /// The safe defaults: only what an operator prepared.
  public init() {}

  /// The members of the document.
  public static let fields = [
    "ways", "overlap", "certificateDays", "quarantineClones", "authorities", "approveCertified",
  ]

  /// Reads members over the present values; faults are noted by the reader, and then nothing here
  /// means anything.
  public mutating func apply(_ reader: DocumentReader) {
    let words = EnrolmentWay.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    let ways = reader.read("ways", default: ways, allowed: "an array of \(words)") { value in
      guard let elements = value.array else { return nil }
      let ways = elements.compactMap { $0.string.flatMap(EnrolmentWay.init) }
      return ways.count == elements.count ? Set(ways) : nil
    }
    self.ways = ways ?? self.ways
    overlap =
      reader.interval("overlap", default: overlap, in: EnrolmentSettings.overlaps) ?? overlap
    certificateDays =
      reader.integer(
        "certificateDays", default: certificateDays, in: EnrolmentSettings.certificateDayCounts)
      ?? certificateDays
    quarantinesClones =
      reader.flag("quarantineClones", default: quarantinesClones) ?? quarantinesClones
    approvesCertified =
      reader.flag("approveCertified", default: approvesCertified) ?? approvesCertified
    let allowed =
      "an array of at most \(EnrolmentSettings.authoritiesMax) certificates in PEM, each of at "
      + "most \(EnrolmentSettings.authorityBytesMax) bytes"
    let texts = reader.read("authorities", default: authorities, allowed: allowed) { value in
      guard let elements = value.array, elements.count <= EnrolmentSettings.authoritiesMax else {
        return nil
      }
      let texts = elements.compactMap(\.string)
      let fits = texts.allSatisfy { $0.utf8.count <= EnrolmentSettings.authorityBytesMax }
      return fits && texts.count == elements.count ? texts : nil
    }
    authorities = texts ?? authorities
  }

  /// The settings as stored and shown.
  public var document: JSON {
    .members([
      "ways": .array(ways.map(\.rawValue).sorted().map { .string($0) }),
      "overlap": .string(overlap.description), "certificateDays": JSON(certificateDays),
      "quarantineClones": .bool(quarantinesClones),
      "authorities": .array(authorities.map { .string($0) }),
      "approveCertified": .bool(approvesCertified),
    ])
  }
}
