// DeviceProgress: how the update of one device goes, in a line.

import UpdateModel

/// A device with its reported property `update`.
struct DeviceProgress: Equatable, Sendable {
  let device: String
  let phase: String
  let percent: Int?
  let bytes: Int64?
  let attempt: Int
  let trouble: String?

  /// Reads `{"id": ..., "update": {...}}`.
  init(_ document: JSON) {
    let update = document["update"] ?? .object([])
    device = Table.printable(document.shown("id"))
    phase = Table.printable(update.shown("phase"))
    percent = update["percent"]?.integer.map { Int(min(max($0, 0), 100)) }
    bytes = update["bytes"]?.integer
    attempt = update.count("attempt")
    trouble = (update["error"]?.text("text") ?? update.text("reason")).map(Table.printable)
  }

  /// Everything behind the device's name: `downloading 40 %, 1.2 MiB, attempt 2: timeout`.
  var words: String {
    var parts = [percent.map { "\(phase) \($0) %" } ?? phase]
    if let bytes { parts.append(Wording.size(Int(clamping: bytes))) }
    if attempt > 1 { parts.append("attempt \(attempt)") }
    let text = parts.joined(separator: ", ")
    return trouble.map { "\(text): \($0)" } ?? text
  }
}
