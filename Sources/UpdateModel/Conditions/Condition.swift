// Condition: one thing that must hold on a device before it downloads or installs.

/// A condition of operators on the state of a device, as far as the device reports it.
public enum Condition: Equatable, Sendable {
  /// Nobody uses it: `inUse` is false.
  case notInUse
  /// The battery is at least so full. Holds on mains power without any battery.
  case battery(atLeast: Share)
  /// It charges, or the battery is at least so full.
  case chargingOrBattery(atLeast: Share)
  /// `power` is `mains`.
  case mainsPower
  /// `network.type` is one of these.
  case network([String])
  /// `network.metered` is false.
  case unmetered
  /// `storage.freeBytes` is enough.
  case freeStorage(StorageNeed)
  /// `temperature` in °C lies between; nil for no bound.
  case temperature(min: ExactDecimal?, max: ExactDecimal?)
  /// `location.country` is one of these.
  case country([String])
  /// `location.site` is one of these.
  case site([String])
  /// What the device is and reports meets a query.
  case query(Query)

  /// Members of a list of networks, countries or sites.
  public static let wordsMax = 64
  /// Bytes of one of them.
  public static let wordBytesMax = 64

  /// How much room there must be.
  public enum StorageNeed: Equatable, Sendable {
    /// So many bytes.
    case bytes(Int64)
    /// So many hundredths of the images that the device downloads, 1 to 1000.
    case images(hundredths: Int)

    /// The bytes for a device that downloads so many.
    public func bytes(imageBytes: Int64) -> Int64 {
      switch self {
      case .bytes(let bytes): return bytes
      case .images(let hundredths):
        let (product, overflow) = imageBytes.multipliedReportingOverflow(by: Int64(hundredths))
        return overflow ? .max : product / 100
      }
    }
  }

  /// As what it is counted when it does not hold.
  public var kind: Hindrance.Kind {
    switch self {
    case .notInUse: .inUse
    case .battery, .chargingOrBattery: .battery
    case .mainsPower: .power
    case .network: .network
    case .unmetered: .metered
    case .freeStorage: .storage
    case .temperature: .temperature
    case .country, .site: .location
    case .query: .query
    }
  }
}

/// The conditions of one step, download or installation.
public struct ConditionSet: Equatable, Sendable {
  /// All must hold.
  public let conditions: [Condition]
  /// What counts when the device never reported what is asked, or not in a form that can be read.
  public let ifUnknown: Unknown

  /// What an unknown value counts as.
  public enum Unknown: String, Sendable, CaseIterable {
    /// The device waits. The default for every condition: whoever sets one wants it kept, waiting
    /// costs no slot and no other device waits for it, and the plan counts who would wait before
    /// anything starts. An installation that dies with the battery costs the device.
    case wait
    /// The condition holds.
    case allow
  }

  /// Nothing is asked.
  public static let none = ConditionSet([], ifUnknown: .wait)

  /// Joins conditions.
  public init(_ conditions: [Condition], ifUnknown: Unknown) {
    self.conditions = conditions
    self.ifUnknown = ifUnknown
  }
}

/// What a policy or a release asks of a device before it downloads, and before it installs.
public struct UpdateConditions: Equatable, Sendable {
  /// Before it downloads.
  public let download: ConditionSet
  /// Before it installs.
  public let install: ConditionSet
  /// As it was read, to be stored and shown; nil when nothing is asked.
  public let document: JSON?

  /// Nothing is asked.
  public static let none = UpdateConditions(download: .none, install: .none, document: nil)

  /// Joins the conditions of both steps.
  public init(download: ConditionSet, install: ConditionSet, document: JSON?) {
    self.download = download
    self.install = install
    self.document = document
  }

  /// Whether nothing is asked.
  public var isEmpty: Bool { all.isEmpty }

  /// The conditions of both steps.
  public var all: [Condition] { download.conditions + install.conditions }

  /// Whether a condition needs to know how much the device downloads.
  public var asksForImageBytes: Bool {
    all.contains { if case .freeStorage(.images) = $0 { true } else { false } }
  }

  /// Whether a condition may look at any property, so that nothing of a device may be left out.
  public var asksForAnything: Bool {
    all.contains { if case .query = $0 { true } else { false } }
  }

  /// The reported properties that the ready-made conditions look at.
  public static let properties = [
    "inUse", "battery", "battery.percent", "battery.charging", "power", "network.type",
    "network.metered", "storage.freeBytes", "temperature", "location.country", "location.site",
    UpdateWish.property, UpdateWish.approvalProperty,
  ]
}
