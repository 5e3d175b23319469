// TrialEscape: whether the running system is on trial, and the way out of one in which the agent
// cannot even open its state.

internal import UpdateModel

/// Asks only the boot record and the system, so that a lost state directory is no obstacle.
struct TrialEscape {
  let setup: DeviceSetup
  let disk: any AgentDisk
  let programs: any ProgramRunner

  /// Whether the slot that runs is on trial, so that the boot loader counts its starts and falls
  /// back over its limit. What cannot be read is no trial.
  var isTrial: Bool {
    guard let control = setup.boot else { return false }
    do throws(AgentError) {
      let boot = try BootAccess(disk: disk, programs: programs, control: control).read()
      guard boot.isTrial else { return false }
      return boot.slot == (try DeviceUpdater.runningSlot(setup, disk, programs))
    } catch {
      return false
    }
  }

  /// Starts the device again by its hook; whether that was begun.
  func reboot() -> Bool { setup.hooks.reboot.map { programs.run($0).isSuccess } ?? false }
}
