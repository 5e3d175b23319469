// WhatIfOptions: the words of `simulate rollout` as a scenario, a policy and expectations.

import FleetSimulator
import UpdateModel

/// What is to be played.
struct WhatIfOptions {
  let scenario: WhatIfScenario
  let policy: Policy
  let runs: Int
  let seeds: [UInt64]
  let expectations: [WhatIfExpectation]

  /// Four models of very different size: the fleet that the gate was designed on.
  static let modelsText = "A=70%,B=27.8%,C=2%,D=0.2%"
  private static let policyText = #"{"name": "recommended", "gate": {}}"#

  init(_ arguments: Arguments) throws(Failure) {
    var scenario = WhatIfScenario(
      models: try WhatIfOptions.models(arguments, arguments.value("models") ?? Self.modelsText))
    if arguments.has("fleet-size"), arguments.has("devices") {
      throw arguments.refuse("--devices and --fleet-size mean the same; give one of them")
    }
    scenario.fleetSize = try arguments.integer(
      arguments.has("devices") ? "devices" : "fleet-size", default: scenario.fleetSize,
      in: 1...WhatIfScenario.fleetSizeMax)
    scenario.canaries = try arguments.integer(
      "canaries", default: min(10, scenario.fleetSize), in: 1...scenario.fleetSize)
    scenario.unreachable = try arguments.share("silent", default: scenario.unreachable)
    scenario.dropOuts = try arguments.share("drop-outs", default: scenario.dropOuts)
    scenario.outage = try arguments.interval("outage") ?? .zero
    scenario.poll = try arguments.interval("poll") ?? scenario.poll
    scenario.install = try arguments.interval("install") ?? scenario.install
    if let text = arguments.value("image-size") {
      guard let size = ByteRate(text: text + "/s") else {
        throw arguments.refuse("option --image-size: '\(text)' is no size such as 800kB or 20MB")
      }
      scenario.imageBytes = size.bytesPerSecond
    }
    try WhatIfOptions.harm(&scenario, arguments)
    if let fault = scenario.fault { throw arguments.refuse(fault) }
    self.scenario = scenario
    policy = try WhatIfOptions.policy(arguments)
    runs = try arguments.integer("runs", default: 20, in: 1...100_000)
    let first = try arguments.integer("seed", default: 1, in: 0...Int.max / 2)
    seeds = (0..<runs).map { UInt64(first + $0) }
    var expectations: [WhatIfExpectation] = []
    for text in arguments.values("expect") {
      guard let expectation = WhatIfExpectation(text) else {
        throw arguments.refuse(
          "option --expect: '\(text)' is not FIGURE<=NUMBER or FIGURE>=NUMBER; figures are "
            + WhatIfSummary.figureNames.joined(separator: ", "))
      }
      expectations.append(expectation)
    }
    self.expectations = expectations
  }

  /// What of the policy is not played, for people; nil when everything is.
  var note: String? {
    var parts: [String] = []
    if policy.windows != nil { parts.append("maintenance windows") }
    if !policy.limits.domains.isEmpty { parts.append("limits on failure domains") }
    if !(policy.evidence?.metrics ?? []).isEmpty { parts.append("health metrics") }
    guard !parts.isEmpty else { return nil }
    return "not simulated: \(parts.joined(separator: ", ")); approvals are given at once"
  }

  private static func policy(_ arguments: Arguments) throws(Failure) -> Policy {
    let text: [UInt8]
    if let file = arguments.value("policy") {
      text = try LocalFile.read(file, atMost: 1 << 20)
    } else {
      text = Array(policyText.utf8)
    }
    let overrides = try arguments.pairs("set")
    do {
      return try Policy.read(
        text, file: arguments.value("policy") ?? "recommended",
        overrides: overrides.map { (path: $0.key, value: $0.value) })
    } catch {
      throw Failure(error)
    }
  }

  private static func models(
    _ arguments: Arguments, _ text: String
  ) throws(Failure) -> [WhatIfScenario.Model] {
    var models: [WhatIfScenario.Model] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let words = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
      guard words.count == 2, let share = Share(text: words[1]) else {
        throw arguments.refuse(
          "option --models: '\(part)' is not of the form NAME=SHARE, such as A=70%")
      }
      do {
        models.append(WhatIfScenario.Model(name: try Name(words[0]), share: share))
      } catch {
        throw arguments.refuse("option --models: \(error.reason)")
      }
    }
    return models
  }

  private static func harm(
    _ scenario: inout WhatIfScenario, _ arguments: Arguments
  ) throws(Failure) {
    let failing = try arguments.share("failure-rate", default: .none)
    let unreported = try arguments.share("unreported", default: Share(basisPoints: 5_000) ?? .none)
    let late = try arguments.interval("late")
    if late == nil, arguments.has("late-rate") {
      throw arguments.refuse("--late-rate needs --late, the time after which devices fail")
    }
    let usual = late == nil ? Share.none : Share(basisPoints: 500) ?? .none
    let failingLate = try arguments.share("late-rate", default: usual)
    if let late { scenario.lateAfter = late }
    for index in scenario.models.indices {
      scenario.models[index].failing = failing
      scenario.models[index].failingLate = failingLate
      scenario.models[index].unreported = unreported
    }
    for name in arguments.values("model-brick") {
      guard let index = scenario.models.firstIndex(where: { $0.name.text == name }) else {
        let known = scenario.models.map(\.name.text).joined(separator: ", ")
        throw arguments.refuse(
          "option --model-brick: no model is called '\(name)'; there are \(known)")
      }
      scenario.models[index].failing = .whole
      scenario.models[index].failingLate = .none
      scenario.models[index].unreported = .whole
    }
  }
}

/// A figure that must not be above, or not below, a number.
struct WhatIfExpectation {
  private let figure: String
  private let isAtMost: Bool
  private let bound: Double
  private let text: String

  /// Reads `bricked.p95<=16`.
  init?(_ text: String) {
    self.text = text
    for (sign, isAtMost) in [("<=", true), (">=", false)] {
      guard let place = text.firstRange(of: sign) else { continue }
      let name = text[..<place.lowerBound].filter { $0 != " " }
      let number = text[place.upperBound...].filter { $0 != " " }
      guard WhatIfSummary.figureNames.contains(name), let bound = Double(number), bound.isFinite
      else { return nil }
      figure = name
      self.bound = bound
      self.isAtMost = isAtMost
      return
    }
    return nil
  }

  /// Whether it holds; a figure that does not exist does not.
  func holds(in summary: WhatIfSummary) -> Bool {
    guard let found = summary.figure(figure) else { return false }
    return isAtMost ? found <= bound : found >= bound
  }

  /// What is wrong, for people.
  func complaint(in summary: WhatIfSummary) -> String {
    let found = summary.figure(figure).map(WhatIfReport.number) ?? "not known: no run completed"
    return "groundswell: expected \(text), but \(figure) is \(found)"
  }
}
