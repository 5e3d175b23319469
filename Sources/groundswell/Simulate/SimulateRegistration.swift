// SimulateRegistration: where the tokens of a virtual fleet come from: a file, or the server.

import UpdateModel

/// Finds or obtains the devices' tokens.
struct FleetRegistration {
  let plan: FleetPlan
  let session: Session

  /// Rows in one request; the server takes all or nothing of each.
  private static let rowsPerRequest = 5000
  private static let fileBytesMax = 256 << 20

  /// The token of each device id; empty when the fleet has none.
  func tokens() throws(Failure) -> [String: String] {
    if let file = plan.tokenFile, LocalFile.exists(file) { return try read(file) }
    guard plan.isRegistering else {
      if let file = plan.tokenFile { throw .failed("cannot read \(file): there is no such file") }
      return [:]
    }
    if let group = plan.group {
      _ = try session.client.document(
        "PUT", session.target("groups", group.name.text), body: .object([]))
    }
    var tokens: [String: String] = [:]
    for start in stride(from: 0, to: plan.deviceCount, by: FleetRegistration.rowsPerRequest) {
      let end = min(plan.deviceCount, start + FleetRegistration.rowsPerRequest)
      let answer = try session.client.document(
        "POST", session.target("devices", "bulk"), type: "text/csv",
        body: Array(csv(start..<end).utf8))
      for item in answer["tokens"]?.array ?? [] {
        guard let id = item["id"]?.string, let token = item["token"]?.string else { continue }
        tokens[id] = token
      }
      Terminal.note("registered \(end) of \(plan.deviceCount) devices\n")
    }
    if let file = plan.tokenFile { try write(tokens, to: file) }
    return tokens
  }

  private func csv(_ numbers: Range<Int>) -> String {
    let header = plan.group == nil ? "id,hardware\n" : "id,hardware,group\n"
    return header
      + numbers.map { number in
        let row = "\(plan.id(number)),\(plan.hardware)"
        guard let group = plan.group else { return row + "\n" }
        return row + "," + (number < group.count ? group.name.text : "") + "\n"
      }.joined()
  }

  private func read(_ file: String) throws(Failure) -> [String: String] {
    let bytes = try LocalFile.read(file, atMost: FleetRegistration.fileBytesMax)
    var tokens: [String: String] = [:]
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() {
      let text = String(decoding: line, as: UTF8.self).filter { $0 != "\r" }
      if text.isEmpty || (number == 0 && text == "id,token") { continue }
      let parts = text.split(separator: ",", omittingEmptySubsequences: false)
      let isPrintable = parts.allSatisfy { part in
        !part.isEmpty && part.utf8.allSatisfy { (0x21...0x7E).contains($0) }
      }
      guard parts.count == 2, isPrintable else {
        throw .failed("\(file), line \(number + 1): id,token is expected")
      }
      tokens[String(parts[0])] = String(parts[1])
    }
    return tokens
  }

  private func write(_ tokens: [String: String], to file: String) throws(Failure) {
    let created = try LocalFile.Creation(file, isPrivate: true)
    let lines = tokens.sorted { $0.key < $1.key }.map { "\($0.key),\($0.value)\n" }
    try created.append("id,token\n" + lines.joined())
    try created.sync()
  }
}
