// StandardCommand: the commands that mean the same on every device, with their arguments.

/// What every device may be told, whether it advertises it or not; one that cannot do it rejects it.
public enum StandardCommand: String, Sendable, CaseIterable {
  /// Starts anew, after `delaySeconds`.
  case reboot
  /// Forgets its settings and data; its identity too unless `keepIdentity`.
  case factoryReset = "factory-reset"
  /// Uploads logs, at most `maxBytes`.
  case collectLogs = "collect-logs"
  /// Makes itself known to somebody who stands before it, for some `seconds`.
  case identify
  /// Goes into safe mode, or leaves it when `enabled` is false.
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

  private var properties: JSON {
    switch self {
    case .reboot:
      [
        "delaySeconds": ["type": "integer", "minimum": 0, "maximum": 3600],
        "reason": ["type": "string", "maxLength": 200],
      ]
    case .factoryReset: ["keepIdentity": ["type": "boolean", "default": true]]
    case .collectLogs:
      [
        "name": ["type": "string", "minLength": 1, "maxLength": 64],
        "since": ["type": "string", "maxLength": 40],
        "maxBytes": ["type": "integer", "minimum": 1, "maximum": 8_388_608],
      ]
    case .identify: ["seconds": ["type": "integer", "minimum": 1, "maximum": 3600]]
    case .safeMode:
      [
        "enabled": ["type": "boolean", "default": true],
        "reason": ["type": "string", "maxLength": 200],
      ]
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
