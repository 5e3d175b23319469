// Twin: what the server of the simulation knows about one device.

import RolloutEngine
import UpdateModel

/// A device as it was registered and as it was last heard.
struct Twin {
  let device: DeviceID
  let isCanary: Bool
  var registration: Device
  /// Whether it was there when the rollout was planned.
  let isPlanned: Bool
  /// Where it stands in its stratum.
  let rank: UInt64
  /// The stratum that it belongs to by its hardware model.
  let label: String
  var version: String?
  var versionAt = Instant.epoch
  var heardAt = Instant.epoch
  /// What it said about its state last; nil where nobody asks.
  var mood: Mood?
  /// Whether it can wait with the image at hand.
  var isPatient = false

  /// What the ids of all devices begin with; their number follows.
  static let prefix = "sim-"

  /// All devices of a scenario, newcomers last.
  static func all(of scenario: Scenario) -> [Twin] {
    scenario.drawModels().enumerated().map { number, model in
      do throws(InvalidValue) {
        let device = try DeviceID(prefix + "\(number)")
        let hardware = scenario.models[model].name
        let site = number % scenario.siteCount
        return Twin(
          device: device, isCanary: number < scenario.canaryCount,
          registration: Device(
            key: DeviceKey(tenant: try Name("simulated"), device: device),
            hardware: try Name(hardware), tokenDigest: nil,
            tags: number % 5 == 4 ? [:] : ["site": "site-\(site)"], attributes: [:],
            createdAt: .epoch),
          isPlanned: number < scenario.fleetSize,
          rank: Cohort.rank(of: device, salt: scenario.seed), label: "hardware=\(hardware)")
      } catch {
        preconditionFailure("numbered ids and the names of models are valid: \(error.reason)")
      }
    }
  }
}
