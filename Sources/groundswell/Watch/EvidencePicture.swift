// EvidencePicture: what a rollout's evidence says, read from the server's document into a table.

import UpdateModel

/// The evidence of one moment.
struct EvidencePicture: Equatable, Sendable {
  let tolerance: String
  let strata: [Stratum]
  /// The control cohort in one clause; nil before it was looked at.
  let control: String?
  let isOutage: Bool

  /// One kind of device.
  struct Stratum: Equatable, Sendable {
    let label: String
    let opened: Int
    let size: Int
    let exposed: Int
    let matured: Int
    let awaited: Int
    let failed: Int
    let lost: Int
    let upper: String?
    let isQuarantined: Bool
    /// Whether the rollout offers nothing more to anybody.
    let isOver: Bool

    /// Where it stands, in a word or two.
    var state: String {
      if isQuarantined { return "quarantined" }
      if opened == 0 { return isOver ? "not reached" : "not open" }
      if awaited > 0 { return "waiting" }
      return opened >= size ? "all open" : "open"
    }
  }

  /// Reads the member `evidence` of a rollout; nil where none is gathered.
  init?(_ document: JSON?, isOver: Bool) {
    guard let document, document.members != nil else { return nil }
    tolerance = Table.printable(document.shown("tolerance"))
    strata = document.items("strata").map { Stratum($0, isOver: isOver) }
    let sample = document["control"]
    isOutage = sample?["outage"]?.bool ?? false
    control = sample.map { sample in
      let heard = Table.printable(sample.shown("heard"))
      let devices = Wording.count(sample.count("devices"), "device")
      return sample.count("devices") == 0
        ? "hardly any device is left to compare with"
        : "control: \(heard) of \(devices) heard, \(Wording.count(sample.count("lost"))) silent"
    }
  }

  /// A heading and a row per stratum, at most `limit`, in columns; the last row counts the others.
  func rows(limit: Int) -> [[String]] {
    var rows = [
      [
        "stratum", "open", "began", "proven", "awaited", "failed", "silent",
        "bound/\(tolerance)", "state",
      ]
    ]
    // Trouble first, then what is open.
    let order = strata.enumerated().sorted { rank($0) < rank($1) }.map(\.element)
    rows += order.prefix(limit).map { stratum in
      [
        stratum.label, "\(Wording.count(stratum.opened))/\(Wording.count(stratum.size))",
        Wording.count(stratum.exposed), Wording.count(stratum.matured),
        Wording.count(stratum.awaited), Wording.count(stratum.failed),
        Wording.count(stratum.lost), stratum.upper ?? "-", stratum.state,
      ]
    }
    if order.count > limit {
      let more = "... and \(Wording.count(order.count - limit)) more"
      rows.append([more] + Array(repeating: "", count: 8))
    }
    return rows
  }

  private func rank(_ entry: (offset: Int, element: Stratum)) -> (Int, Int, Int) {
    let stratum = entry.element
    let trouble = stratum.isQuarantined ? 0 : stratum.failed + stratum.lost > 0 ? 1 : 2
    return (trouble, -stratum.opened, entry.offset)
  }
}

extension EvidencePicture.Stratum {
  fileprivate init(_ document: JSON, isOver: Bool) {
    label = Table.printable(document.shown("label"))
    opened = document.count("opened")
    size = document.count("size")
    exposed = document.count("exposed")
    matured = document.count("matured")
    awaited = document.count("awaited")
    failed = document.count("reported")
    lost = document.count("lost")
    upper = document.text("upper").map(Table.printable)
    isQuarantined = document["quarantine"]?.members != nil
    self.isOver = isOver
  }
}
