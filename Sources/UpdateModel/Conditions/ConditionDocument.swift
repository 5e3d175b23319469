// ConditionDocument: reads the conditions of a policy or a release.

extension UpdateConditions {
  /// Reads the object `conditions`; nil after noting every fault.
  public init?(_ reader: DocumentReader, document: JSON?) {
    reader.allowOnly(["download", "install"])
    let download =
      reader.has("download") ? ConditionSet(reader.object("download")) : ConditionSet.none
    let install = reader.has("install") ? ConditionSet(reader.object("install")) : ConditionSet.none
    guard let download, let install else { return nil }
    self.init(download: download, install: install, document: document)
  }
}

extension DocumentReader {
  /// Reads the field `conditions` of a policy or a release; nothing is asked when it is missing.
  public func conditions() -> UpdateConditions? {
    has("conditions")
      ? UpdateConditions(object("conditions"), document: value("conditions"))
      : UpdateConditions.none
  }

  /// Reads the name of something that devices can do, such as an orderly shutdown; nil in the
  /// result when the field is missing, nil in all after a fault.
  public func actionName(_ key: String) -> Name?? {
    guard has(key) else { return .some(nil) }
    return name(key).map { .some($0) }
  }
}

extension ConditionSet {
  private static let keys = [
    "notInUse", "batteryAtLeast", "chargingOrBatteryAtLeast", "mainsPower", "network", "unmetered",
    "freeStorage", "temperature", "location", "where", "ifUnknown",
  ]

  fileprivate init?(_ reader: DocumentReader) {
    reader.allowOnly(ConditionSet.keys)
    var conditions: [Condition] = []
    var isWhole = true
    func take(_ key: String, _ read: () -> Condition?) {
      guard reader.has(key) else { return }
      if let condition = read() { conditions.append(condition) } else { isWhole = false }
    }
    func takeFlag(_ key: String, _ condition: Condition) {
      guard reader.has(key) else { return }
      switch reader.flag(key) {
      case true?: conditions.append(condition)
      case false?: break
      case nil: isWhole = false
      }
    }
    takeFlag("notInUse", .notInUse)
    take("batteryAtLeast") {
      reader.share("batteryAtLeast", from: .least).map { .battery(atLeast: $0) }
    }
    take("chargingOrBatteryAtLeast") {
      reader.share("chargingOrBatteryAtLeast", from: .least).map { .chargingOrBattery(atLeast: $0) }
    }
    takeFlag("mainsPower", .mainsPower)
    take("network") { reader.words("network").map(Condition.network) }
    takeFlag("unmetered", .unmetered)
    take("freeStorage") { reader.storageNeed("freeStorage").map(Condition.freeStorage) }
    take("temperature") { Condition(temperature: reader.object("temperature")) }
    if reader.has("location") {
      let location = reader.object("location")
      location.allowOnly(["country", "site"])
      for (key, make) in [("country", Condition.country), ("site", Condition.site)]
      where location.has(key) {
        if let words = location.words(key) {
          conditions.append(make(words))
        } else {
          isWhole = false
        }
      }
    }
    take("where") { reader.conditionQuery("where").map(Condition.query) }
    let ifUnknown: Unknown? = reader.choice("ifUnknown", default: .wait)
    guard isWhole, let ifUnknown else { return nil }
    self.init(conditions, ifUnknown: ifUnknown)
  }
}

extension Condition {
  fileprivate init?(temperature reader: DocumentReader) {
    reader.allowOnly(["min", "max"])
    let (hasMin, hasMax) = (reader.has("min"), reader.has("max"))
    let min = hasMin ? reader.degrees("min") : nil
    let max = hasMax ? reader.degrees("max") : nil
    guard hasMin || hasMax else {
      reader.refuse("min", "missing; give min, max or both, in °C")
      return nil
    }
    guard !hasMin || min != nil, !hasMax || max != nil else { return nil }
    if let min, let max, max < min {
      reader.refuse("max", "found \(max), which is below min, \(min)")
      return nil
    }
    self = .temperature(min: min, max: max)
  }
}

extension DocumentReader {
  fileprivate func words(_ key: String) -> [String]? {
    read(
      key, default: nil,
      allowed:
        "a list of 1 to \(Condition.wordsMax) words of at most \(Condition.wordBytesMax) bytes"
    ) { value in
      guard let array = value.array, (1...Condition.wordsMax).contains(array.count) else {
        return nil
      }
      let words = array.compactMap(\.string).filter {
        (1...Condition.wordBytesMax).contains($0.utf8.count)
      }
      return words.count == array.count ? words : nil
    }
  }

  fileprivate func degrees(_ key: String) -> ExactDecimal? {
    read(key, default: nil, allowed: "a number of °C from -273 to 1000") { value in
      let number: ExactDecimal? =
        switch value {
        case .integer(let whole): ExactDecimal(whole)
        case .decimal(let literal): ExactDecimal(literal: literal)
        default: nil
        }
      guard let number, number >= ExactDecimal(-273), number <= ExactDecimal(1000) else {
        return nil
      }
      return number
    }
  }

  private static let units: [(unit: String, scale: Int64)] = [
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("kB", 1000),
    ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1),
  ]

  fileprivate func storageNeed(_ key: String) -> Condition.StorageNeed? {
    read(
      key, default: nil,
      allowed: "a size such as \"64 MiB\", or \"image*2\" with a factor from 0.01 to 10"
    ) { value in
      guard let text = value.string, text.utf8.count <= 40 else { return nil }
      if text.hasPrefix("image*") {
        guard let factor = decimalHundredths(String(text.dropFirst(6))),
          (1...1000).contains(factor)
        else { return nil }
        return .images(hundredths: factor)
      }
      guard let (unit, scale) = DocumentReader.units.first(where: { text.hasSuffix($0.unit) })
      else { return nil }
      let digits = text.dropLast(unit.utf8.count)
      let number = digits.last == " " ? digits.dropLast() : digits
      guard let hundredths = decimalHundredths(String(number)) else { return nil }
      let (product, overflow) = Int64(hundredths).multipliedReportingOverflow(by: scale)
      guard !overflow, product % 100 == 0, product > 0 else { return nil }
      return .bytes(product / 100)
    }
  }

  fileprivate func conditionQuery(_ key: String) -> Query? {
    guard let text = text(key, bytes: 1...Query.bytesMax) else { return nil }
    do throws(QueryFault) {
      let query = try Query(text)
      guard !query.asksForUpdate else {
        refuse(
          key, "update is written by the server while it grants; use what a device itself reports")
        return nil
      }
      // Groups, states and times of calls are no state that a device reports.
      let unfit = query.fields.first { field in
        switch field {
        case .state, .group, .lastSeen: true
        case .device, .hardware, .version, .createdAt, .tag, .desired, .reported: false
        }
      }
      if let unfit {
        refuse(key, "\(unfit) is nothing that a condition can ask for; use what a device reports")
        return nil
      }
      return query
    } catch {
      refuse(key, error.description)
      return nil
    }
  }
}
