// PolicyWindows: reads the maintenance windows of a policy file.

extension MaintenanceSchedule {
  /// Reads the object `windows` of a policy; nil after noting every fault.
  init?(_ reader: DocumentReader) {
    reader.allowOnly(["windows", "zone", "fallbackZone", "appliesToRollback", "appliesTo"])
    let hours = OpenHours(reader)
    let zoneText = reader.text("zone", default: "device", bytes: 1...64)
    let fallback = reader.timeZone("fallbackZone", default: .utc)
    let appliesToRollback = reader.flag("appliesToRollback", default: false)
    let coverage: Coverage? = reader.choice("appliesTo", default: .downloadAndInstall)
    var zone: Zone?
    if zoneText == "device" {
      zone = fallback.map { .device(fallback: $0) }
    } else if zoneText != nil {
      zone = reader.timeZone("zone", default: nil).map { .fixed($0) }
    }
    guard let hours, let zone, fallback != nil, let appliesToRollback, let coverage else {
      return nil
    }
    self.init(
      hours: hours, zone: zone, appliesToRollback: appliesToRollback, coverage: coverage)
  }
}

extension OpenHours {
  fileprivate init?(_ parent: DocumentReader) {
    guard let readers = parent.objects("windows"),
      (1...OpenHours.windowCountMax).contains(readers.count)
    else {
      parent.refuse(
        "windows",
        "give an array of 1 to \(OpenHours.windowCountMax) objects such as "
          + "{\"days\": [\"sat\", \"sun\"], \"from\": \"02:00\", \"to\": \"04:00\"}")
      return nil
    }
    let windows = readers.compactMap { MaintenanceWindow($0) }
    guard windows.count == readers.count else { return nil }
    self.init(windows)
  }
}

extension MaintenanceWindow {
  fileprivate init?(_ reader: DocumentReader) {
    reader.allowOnly(["days", "from", "to"])
    let days = reader.read(
      "days", default: Set(Weekday.allCases),
      allowed: "an array of 1 to 7 of "
        + Weekday.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    ) { value -> Set<Weekday>? in
      guard let words = value.array, (1...7).contains(words.count) else { return nil }
      let days = words.compactMap { $0.string.flatMap(Weekday.init(rawValue:)) }
      return days.count == words.count ? Set(days) : nil
    }
    let from = reader.timeOfDay("from", last: 1439)
    let to = reader.timeOfDay("to", last: 1440)
    guard let days, let from, let to else { return nil }
    guard let window = MaintenanceWindow(days: days, from: from, to: to) else {
      reader.refuse(
        "to", "is the same as from; for the whole day write from \"00:00\" to \"24:00\"")
      return nil
    }
    self = window
  }
}

extension DocumentReader {
  // Minutes after midnight from `hh:mm`.
  fileprivate func timeOfDay(_ key: String, last: Int) -> Int? {
    read(
      key, default: nil as Int?,
      allowed: "a time of day such as \"02:30\" from 00:00 to \(last == 1440 ? "24:00" : "23:59")"
    ) { value in
      value.string.flatMap(MaintenanceWindow.minutes).flatMap { $0 <= last ? $0 : nil }
    }
  }

  fileprivate func timeZone(_ key: String, default fallback: TimeZoneName?) -> TimeZoneName? {
    read(
      key, default: fallback, allowed: "the name of a time zone such as \"Europe/Paris\""
    ) {
      $0.string.flatMap { TimeZoneName($0) }
    }
  }
}
