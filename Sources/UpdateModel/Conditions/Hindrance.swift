// Hindrance: what keeps a device from downloading or installing at this moment, in words.

/// One thing that keeps a device from its update now, although nothing is wrong.
public struct Hindrance: Equatable, Sendable {
  /// What kind of thing, to count by.
  public let kind: Kind
  /// One clause for people, without the name of the device.
  public let clause: String
  /// When it ends by itself; nil when that depends on the device.
  public let until: Instant?

  /// Longer clauses are cut, in bytes: they may quote what a device says.
  public static let clauseBytesMax = 512

  /// Describes what stands in the way.
  public init(_ kind: Kind, _ clause: String, until: Instant? = nil) {
    self.kind = kind
    self.clause = String(decoding: clause.utf8.prefix(Hindrance.clauseBytesMax), as: UTF8.self)
    self.until = until
  }

  /// Kinds of hindrances.
  public enum Kind: String, Sendable, CaseIterable {
    /// Somebody uses the device.
    case inUse = "in-use"
    /// The device or its user wants another time, or to be asked.
    case wish
    /// The battery is too low.
    case battery
    /// It does not run on mains power.
    case power
    /// The network is of another kind.
    case network
    /// The connection is paid by volume.
    case metered
    /// There is too little room.
    case storage
    /// It is too cold or too hot.
    case temperature
    /// It is elsewhere.
    case location
    /// What it reports does not meet a query.
    case query
    /// It is outside of its maintenance window, with the image at hand.
    case window
    /// Nothing of its own any more: other devices have the slots.
    case turn

    /// Whether it only spares people a disturbance. What is left protects the device, its data or
    /// somebody's bill, and holds for forced and security updates too.
    public var isComfort: Bool {
      switch self {
      case .inUse, .wish, .window: true
      case .battery, .power, .network, .metered, .storage, .temperature, .location, .query, .turn:
        false
      }
    }

    /// Whether it is the device or its user that puts the update off, so that it counts towards
    /// the limit of the policy.
    public var isPuttingOff: Bool { self == .inUse || self == .wish }

    /// What is the matter with several devices, for a count of them.
    public var ofSeveral: String {
      switch self {
      case .inUse: "they are in use, or do not say whether they are"
      case .wish: "their users want another time, or to be asked"
      case .battery: "their battery is too low, or they do not say how full it is"
      case .power: "they do not run on mains power, or do not say so"
      case .network: "they are connected by another kind of network, or do not say which"
      case .metered: "their connection is metered, or they do not say whether it is"
      case .storage: "they have too little room, or do not say how much"
      case .temperature: "they are too cold or too hot, or do not say how warm they are"
      case .location: "they are elsewhere, or do not say where they are"
      case .query: "what they report does not meet a condition of the policy or of the release"
      case .window: "they are outside of their maintenance window"
      case .turn: "other devices have the slots"
      }
    }
  }
}
