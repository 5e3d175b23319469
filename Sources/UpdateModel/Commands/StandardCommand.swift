// StandardCommand: the commands that mean the same on every device, with their arguments.

/// What every device may be told, whether it advertises it or not; one that cannot, rejects it.
public enum StandardCommand: String, Sendable, CaseIterable {
  /// Starts anew.
  case reboot
  /// Forgets its settings and data, as its maker understands it.
  case factoryReset = "factory-reset"
  /// Uploads logs: those in `names`, or all that it has.
  case collectLogs = "collect-logs"
  /// Makes itself known to somebody who stands before it, for some `seconds`.
  case identify
  /// Goes into safe mode, or leaves it when `on` is false.
  case safeMode = "safe-mode"

  /// Whether the device is out of service for a while.
  public var isDisruptive: Bool {
    switch self {
    case .reboot, .factoryReset, .safeMode: true
    case .collectLogs, .identify: false
    }
  }

  /// What it is called for people.
  public var title: String {
    switch self {
    case .reboot: "Reboot"
    case .factoryReset: "Reset to factory settings"
    case .collectLogs: "Upload logs"
    case .identify: "Identify itself"
    case .safeMode: "Safe mode"
    }
  }

  // A reason is for the device's own log.
  private var properties: JSON {
    let reason: JSON = ["type": "string", "maxLength": 200]
    return switch self {
    case .reboot, .factoryReset: ["reason": reason]
    case .collectLogs:
      [
        "names": [
          "type": "array", "minItems": 1, "maxItems": 64,
          "items": ["type": "string", "minLength": 1, "maxLength": 64],
        ]
      ]
    case .identify: ["seconds": ["type": "integer", "minimum": 1, "maximum": 3600]]
    case .safeMode: ["on": ["type": "boolean", "default": true], "reason": reason]
    }
  }

  /// The schema of its arguments; none is required.
  public var schema: JSON {
    ["type": "object", "properties": properties, "additionalProperties": false]
  }

  /// All of them as a device would advertise them.
  static let capabilities = allCases.map(\.capability)

  /// As a device would advertise it.
  public var capability: Capability {
    guard let name = try? Name(rawValue), let arguments = try? ArgumentSchema(schema) else {
      preconditionFailure("the names and schemas of standard commands are valid")
    }
    return Capability(name: name, title: title, arguments: arguments, isDisruptive: isDisruptive)
  }
}
