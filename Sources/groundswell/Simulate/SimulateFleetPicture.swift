// SimulateFleetPicture: what a fleet looks like at one moment, as a line, a table or JSON.

import FleetSimulator
import UpdateModel

/// What was counted since the start.
struct FleetCounts: Sendable {
  private(set) var polls = 0
  private(set) var reports = 0
  private(set) var downloads = DownloadTally()
  private(set) var rejectedImages = 0
  private(set) var errors = 0
  /// Different errors with how often they occurred; the first few are enough to act on.
  private(set) var errorKinds: [(text: String, count: Int)] = []
  private static let errorKindMax = 8

  mutating func add(_ turn: TurnTally) {
    polls += turn.polls
    reports += turn.reports
    downloads.images += turn.downloads.images
    downloads.compressed += turn.downloads.compressed
    downloads.bytes += turn.downloads.bytes
    downloads.resumed += turn.downloads.resumed
    rejectedImages += turn.rejectedImages
    errors += turn.errors.count
    for text in turn.errors {
      if let known = errorKinds.firstIndex(where: { $0.text == text }) {
        errorKinds[known].count += 1
      } else if errorKinds.count < FleetCounts.errorKindMax {
        errorKinds.append((text, 1))
      }
    }
  }
}

/// The fleet at one moment.
struct FleetPicture {
  private let deviceCount: Int
  private var versions: [(version: String, count: Int)] = []
  private var reachableByVersion: [String: Int] = [:]
  private var working = 0
  private var silent = 0
  private var failures = 0
  private let counts: FleetCounts

  init(_ devices: [VirtualDevice], _ counts: FleetCounts) {
    deviceCount = devices.count
    self.counts = counts
    var all: [String: Int] = [:]
    for device in devices {
      all[device.version, default: 0] += 1
      failures += device.failureCount
      if device.isWorking { working += 1 }
      if device.state == .silent {
        silent += 1
      } else {
        reachableByVersion[device.version, default: 0] += 1
      }
    }
    versions = all.map { ($0.key, $0.value) }.sorted { $0.version < $1.version }
  }

  /// Whether an update is under way anywhere.
  var isWorking: Bool { working > 0 }

  /// Whether every device that is not silent runs a version.
  func hasReached(_ version: String) -> Bool {
    reachableByVersion.allSatisfy { $0.key == version }
  }

  /// One line for a person who watches.
  func line(after elapsed: Interval) -> String {
    let list = versions.map { "\($0.version): \($0.count)" }.joined(separator: "  ")
    return "\(Interval.seconds(elapsed.wholeSeconds))  \(list)  working \(working)  "
      + "failed \(failures)  silent \(silent)  polls \(counts.polls)  errors \(counts.errors)"
  }

  /// Prints the end of a run.
  func show(asJSON: Bool, plan: FleetPlan, after elapsed: Interval) {
    if asJSON {
      Terminal.write(String(decoding: document(plan, elapsed).prettyText, as: UTF8.self))
      return
    }
    let table = Table("version", ">devices", rows: versions) { [$0.version, String($0.count)] }
    var text = table.text + "\n"
    text += Table.facts([
      "devices": String(deviceCount), "seed": String(plan.seed),
      "time": Interval.seconds(elapsed.wholeSeconds).description,
      "polls": "\(counts.polls), \(rate(counts.polls, elapsed)) per second",
      "reports": String(counts.reports),
      "images": "\(counts.downloads.images), \(counts.downloads.compressed) compressed, "
        + "\(counts.downloads.resumed) resumed",
      "bytes": Wording.size(Int(counts.downloads.bytes)),
      "rejected images": String(counts.rejectedImages),
      "failed installations": String(failures), "silent": String(silent),
      "errors": String(counts.errors),
    ])
    for (kind, count) in counts.errorKinds { text += "  \(count) x \(Table.printable(kind))\n" }
    if let wanted = plan.untilVersion {
      text +=
        hasReached(wanted)
        ? "every device that is not silent runs \(wanted)\n"
        : "not every device that is not silent runs \(wanted)\n"
    }
    Terminal.write(text)
  }

  private func rate(_ count: Int, _ elapsed: Interval) -> Int64 {
    Int64(count) * 1000 / max(1, elapsed.milliseconds)
  }

  private func document(_ plan: FleetPlan, _ elapsed: Interval) -> JSON {
    .members([
      "devices": JSON(deviceCount), "seed": .integer(Int64(clamping: plan.seed)),
      "milliseconds": .integer(elapsed.milliseconds),
      "versions": .array(
        versions.map { ["version": .string($0.version), "count": JSON($0.count)] }),
      "working": JSON(working), "silent": JSON(silent), "failedInstallations": JSON(failures),
      "polls": JSON(counts.polls), "reports": JSON(counts.reports),
      "images": JSON(counts.downloads.images),
      "compressedImages": JSON(counts.downloads.compressed),
      "resumedDownloads": JSON(counts.downloads.resumed),
      "bytes": .integer(counts.downloads.bytes), "rejectedImages": JSON(counts.rejectedImages),
      "errors": JSON(counts.errors),
      "errorKinds": .array(
        counts.errorKinds.map { ["text": .string($0.text), "count": JSON($0.count)] }),
      "reached": plan.untilVersion.map { .bool(hasReached($0)) },
    ])
  }
}
