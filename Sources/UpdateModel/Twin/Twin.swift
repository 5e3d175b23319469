// Twin: what the server knows of a device: what operators say, what it should be, what it reports.

/// The three documents of one device (tags, desired, reported), each with a version and with the
/// time at which each of its properties last changed.
public struct Twin: Equatable, Sendable {
  /// Set by operators; the device never sees them.
  public var tags: TwinSection
  /// Set by operators and by the server for the device.
  public var desired: TwinSection
  /// Set by the device.
  public var reported: TwinSection

  /// A twin of which nothing is known yet, or one that is put together.
  public init(
    tags: TwinSection = TwinSection(), desired: TwinSection = TwinSection(),
    reported: TwinSection = TwinSection()
  ) {
    self.tags = tags
    self.desired = desired
    self.reported = reported
  }

  /// The three parts.
  public enum Part: String, Sendable, CaseIterable {
    /// See `Twin.tags`.
    case tags
    /// See `Twin.desired`.
    case desired
    /// See `Twin.reported`.
    case reported

    /// Bytes of compact JSON that the properties may take.
    public var bytesMax: Int {
      switch self {
      case .tags: 8 * 1024
      case .desired, .reported: 32 * 1024
      }
    }

    /// Bytes of compact JSON that a patch may take: everything goes and as much comes. A null has
    /// at most three bytes more than the value that it removes.
    public var patchBytesMax: Int { 2 * bytesMax + 3 * Twin.propertiesMax }
  }

  /// Reads and writes one part.
  public subscript(part: Part) -> TwinSection {
    get {
      switch part {
      case .tags: tags
      case .desired: desired
      case .reported: reported
      }
    }
    set {
      switch part {
      case .tags: tags = newValue
      case .desired: desired = newValue
      case .reported: reported = newValue
      }
    }
  }

  /// Levels of arrays and objects in a part, the outermost included.
  public static let depthMax = 8
  /// Properties of a part, counted at the leaves.
  public static let propertiesMax = 1000
  /// Properties that a patch may name: as many as may go, and as many as may come.
  public static let patchPropertiesMax = 2 * propertiesMax

  /// Changes a part by a merge patch (RFC 7396).
  ///
  /// - Returns: Whether anything is different now.
  /// - Throws: `InvalidValue` when the patch is no object, or the outcome is over a limit; then
  ///   nothing has changed.
  @discardableResult
  public mutating func merge(
    _ patch: JSON, into part: Part, at now: Instant
  ) throws(InvalidValue) -> Bool {
    guard patch.members != nil else {
      throw InvalidValue(
        field: part.rawValue, reason: "is \(patch.kind); give an object, as in RFC 7396")
    }
    try Twin.checkPatch(patch, of: part)
    return try set(self[part].properties.merging(patch), of: part, at: now)
  }

  /// Checks the size of a patch, before anything is done with it: what is larger than every step
  /// from one allowed document to another is refused.
  public static func checkPatch(_ patch: JSON, of part: Part) throws(InvalidValue) {
    let count = leafCount(of: patch)
    guard count <= patchPropertiesMax else {
      throw InvalidValue(
        field: part.rawValue,
        reason: "a patch names \(count) properties; at most \(propertiesMax) are kept")
    }
    let size = patch.text.count
    guard size <= part.patchBytesMax else {
      throw InvalidValue(
        field: part.rawValue,
        reason: "a patch has \(size) bytes; at most \(part.bytesMax) are kept")
    }
  }

  private static func leafCount(of value: JSON) -> Int {
    guard case .object(let members) = value, !members.isEmpty else { return 1 }
    return members.reduce(0) { $0 + leafCount(of: $1.value) }
  }

  /// Replaces the properties of a part; returns whether anything is different now.
  ///
  /// - Throws: As `merge`.
  @discardableResult
  public mutating func set(
    _ properties: JSON, of part: Part, at now: Instant
  ) throws(InvalidValue) -> Bool {
    // A null means "not there" in a twin, so none is kept.
    let kept = properties.members == nil ? properties : JSON.object([]).merging(properties)
    try Twin.check(kept, as: part)
    return self[part].change(to: kept, at: now)
  }

  private static func check(_ properties: JSON, as part: Part) throws(InvalidValue) {
    func refuse(_ reason: String) -> InvalidValue {
      InvalidValue(field: part.rawValue, reason: reason)
    }
    guard properties.members != nil else {
      throw refuse("is \(properties.kind) where an object is expected")
    }
    guard properties.depth <= depthMax else {
      throw refuse("is nested \(properties.depth) levels deep; at most \(depthMax) are kept")
    }
    let size = properties.text.count
    guard size <= part.bytesMax else {
      throw refuse(
        "would have \(size) bytes; at most \(part.bytesMax) are kept, remove what is not needed")
    }
    let leaves = TwinSection.leaves(of: properties)
    guard leaves.count <= propertiesMax else {
      throw refuse("would have \(leaves.count) properties; at most \(propertiesMax) are kept")
    }
    try checkKeys(properties, part)
  }

  private static func checkKeys(_ value: JSON, _ part: Part) throws(InvalidValue) {
    switch value {
    case .null, .bool, .integer, .decimal, .string: break
    case .array(let elements): for element in elements { try checkKeys(element, part) }
    case .object(let members):
      for member in members {
        if let fault = DeviceLimits.fault(ofName: member.key) {
          throw InvalidValue(field: "\(part.rawValue).\(member.key.prefix(40))", reason: fault)
        }
        try checkKeys(member.value, part)
      }
    }
  }
}
