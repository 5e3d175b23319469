// ForecastTable: the steps that the evidence would allow, with their times, risks and loads.

import UpdateModel

/// The part of `rollout plan` that policies with evidence have.
struct ForecastTable {
  private let plan: JSON
  private let forecast: JSON

  /// More kinds of devices than this are not listed one by one.
  private static let kindsMax = 8

  init(_ plan: JSON, _ forecast: JSON) {
    self.plan = plan
    self.forecast = forecast
  }

  /// Tables and what they mean.
  var text: String {
    steps.text + "\n" + kinds + paragraph(meaning) + concerns.map { "note: \($0)\n" }.joined()
  }

  // MARK: Steps

  private var canary: JSON? { plan.items("stages").first }
  private var canaries: Int { canary?.count("size") ?? 0 }

  private func course(_ name: String) -> [JSON] { forecast[name]?.items("steps") ?? [] }

  private var steps: Table {
    var table = Table(
      "step", ">new", ">total", ">fleet", "earliest", "expected", "latest", ">bound", ">harmed",
      ">bytes/s", ">at once")
    let population = plan.count("population")
    if let canary {
      table.append([
        canary.shown("name"), Wording.count(canaries), Wording.count(canaries),
        Wording.share(canaries, of: population), "at once", "at once", "at once", "-", "-",
        Wording.size(canary.count("bytesPerSecond")), Wording.count(canary.count("downloads")),
      ])
    }
    for (index, step) in course("expected").enumerated() {
      let reached = step.count("cumulative")
      let total = canaries + reached
      table.append([
        String(index + 1), Wording.count(step.count("devices")), Wording.count(total),
        Wording.share(total, of: population), begin("earliest", reached),
        begin("expected", reached), begin("latest", reached), percent(step), harm(step),
        Wording.size(step.count("bytesPerSecond")), Wording.count(step.count("downloads")),
      ])
    }
    return table
  }

  // When so many devices are open in a course; its steps may be others.
  private func begin(_ name: String, _ cumulative: Int) -> String {
    RolloutPlan.begin(
      course(name).first { $0.count("cumulative") >= cumulative }?.seconds("startSeconds"))
  }

  private func percent(_ step: JSON) -> String {
    guard let upper = step.text("upper").flatMap(Double.init), upper >= 0 else { return "-" }
    let hundredths = Int((min(upper, 1) * 10_000).rounded(.up))
    if hundredths >= 1000 { return "\(hundredths / 100)%" }
    let digits = hundredths % 100
    return "\(hundredths / 100).\(digits < 10 ? "0" : "")\(digits)%"
  }

  private func harm(_ step: JSON) -> String {
    guard let mean = step.text("harmedExpected").flatMap(Double.init), (0..<1e9).contains(mean)
    else { return "-" }
    return "\(Wording.count(Int(mean.rounded(.up)))) (\(Wording.count(step.count("harmed95"))))"
  }

  // MARK: Kinds

  private var kinds: String {
    let strata = forecast.items("strata")
    guard strata.count > 1 else { return "" }
    let steps = course("expected")
    let shown = Array(strata.enumerated().prefix(ForecastTable.kindsMax))
    let table = Table("kind", ">devices", "new in each step", rows: shown) { index, stratum in
      let new = steps.map { step in
        Wording.count(
          step.items("strata").dropFirst(index).first?.integer.flatMap { Int(exactly: $0) } ?? 0)
      }
      let label = stratum.shown("label")
      return [
        label.hasPrefix("hardware=") ? String(label.dropFirst(9)) : label,
        Wording.count(stratum.count("devices")), new.joined(separator: " + "),
      ]
    }
    let more = strata.count - shown.count
    return table.text + (more > 0 ? "and \(Wording.count(more, "more kind"))\n" : "") + "\n"
  }

  // MARK: Words

  private var meaning: String {
    let assumed = forecast["assumed"] ?? .object([])
    func length(_ key: String) -> String { assumed.seconds(key).map(Wording.length) ?? "-" }
    return "Times are when a step begins. Expected: \(share(assumed, "failureRate")) of devices "
      + "fail, \(share(assumed, "reach")) call, they poll every \(length("pollSeconds")), install "
      + "in \(length("installSeconds")) and are watched for \(length("soakSeconds")). Bound: the "
      + "failure rate that cannot be excluded when the step begins. Harmed: devices that fail in "
      + "the step if the rate is as high as the bound, and in parentheses how many it then is at "
      + "most in 95 of 100 cases. The bounds are sure: \(forecast.shown("confidence"))."
  }

  private var concerns: [String] {
    var concerns: [String] = []
    let expected = forecast["expected"] ?? .object([])
    if expected["isComplete"]?.bool == false {
      let reached = course("expected").last?.count("cumulative") ?? 0
      concerns.append(
        "if as many fail as is expected, the gate widens no further than "
          + Wording.count(canaries + reached, "device"))
    } else if forecast["latest"]?["isComplete"]?.bool == false {
      concerns.append("at the latest means up to where the gate would let it widen")
    }
    for (name, words) in [("expected", "as expected"), ("latest", "at worst")] {
      guard let index = course(name).firstIndex(where: { $0["needsPerson"]?.bool == true })
      else { continue }
      concerns.append("\(words), step \(index + 1) waits for a person: steps have stopped growing")
      break
    }
    if forecast["isWindowRare"]?.bool == true {
      concerns.append("windows are shorter than the time between polls; many days are missed")
    }
    return concerns
  }

  private func share(_ document: JSON, _ key: String) -> String {
    guard let value = document.text(key).flatMap(Double.init), (0...1).contains(value) else {
      return "-"
    }
    let hundredths = Int((value * 10_000).rounded())
    return Share(basisPoints: hundredths)?.description ?? "-"
  }

  // Lines of at most 98 columns.
  private func paragraph(_ text: String) -> String {
    var lines = [""]
    for word in text.split(separator: " ") {
      let last = lines[lines.count - 1]
      if last.count + word.count >= 98 {
        lines.append(String(word))
      } else {
        lines[lines.count - 1] = last.isEmpty ? String(word) : last + " " + word
      }
    }
    return lines.map { Table.printable($0) + "\n" }.joined()
  }
}
