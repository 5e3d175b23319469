// SafeMode: the least that an agent does when it cannot trust its device any more. Pure.
//
// It polls, takes any offered image that is signed and fits, waits for nothing but room, and obeys
// a few commands. It leaves by an update that proves itself, or by command.

public import UpdateModel

/// The rules of safe mode.
public enum SafeMode {
  /// Time between polls: somebody has to mend the device, so it does not stay away long.
  public static let pollPeriod = Interval.minutes(1)
  /// Commands that are still obeyed; all others are rejected.
  public static let commands: Set<String> = ["reboot", "collect-logs", "identify", "safe-mode"]

  /// Whether a command may be run.
  public static func allows(command: String, _ state: AgentState) -> Bool {
    state.safeMode == nil || commands.contains(command)
  }
}

extension SafeModeReason {
  /// For people and for the reported property.
  public var text: String {
    switch self {
    case .recoverySystem: "neither slot runs; the device started a recovery system"
    case .noGoodSlot: "no other slot holds an intact system to fall back to"
    case .configuration: "the configuration of the agent cannot be read"
    case .stateLost: "the stored state of the agent cannot be read"
    case .ordered: "safe mode was ordered"
    }
  }
}
