// DeviceSetup: how this device is built: its slots, its boot loader, its checks and its hooks.

public import Crypto
public import UpdateModel

/// Everything about the device that the agent is told once.
public struct DeviceSetup: Sendable {
  /// Folder of the durable state and of downloads.
  public var stateDirectory = "/var/lib/groundswell-agent"
  /// Hardware model; images for others are refused.
  public var hardware: Name
  /// Keys of which one must have signed an image.
  public var signingKeys: [VerifyingKey]
  /// The system slots; nothing for a device on which only the agent is updated.
  public var slots: SlotSetup?
  /// The boot record; needed with slots.
  public var boot: BootControl?
  /// Checks of a trial.
  public var health = HealthSetup()
  /// What is called around an update.
  public var hooks = HookSetup()
  /// Folder of the agent's own versions; nothing when the agent is not updated.
  public var agentVersions: String?
  /// The file with the agent's own configuration, which a new agent must be able to read.
  public var configurationPath: String?
  /// A file that names one run of the kernel.
  public var bootIdentifierPath = "/proc/sys/kernel/random/boot_id"

  /// A device with nothing to update yet.
  public init(hardware: Name, signingKeys: [VerifyingKey]) {
    self.hardware = hardware
    self.signingKeys = signingKeys
  }
}

/// The two places for a system.
public struct SlotSetup: Equatable, Sendable {
  /// How the device knows which slot runs.
  public enum Running: Equatable, Sendable {
    /// `KEY=a` or `KEY=b` on the command line of the kernel; another word is a recovery system.
    case kernelArgument(String)
    /// A file that holds `a` or `b`, written anew at each boot.
    case file(String)
    /// A program that prints `a` or `b`.
    case command(ProgramCall)
  }

  /// File or block device of slot a.
  public var pathA: String
  /// File or block device of slot b.
  public var pathB: String
  /// The component whose images go here.
  public var component: Name
  /// How the device knows which slot runs.
  public var running: Running
  /// Whether a slot never changes but by updates, so that its digest tells whether it is intact.
  public var isReadOnly = true
  /// Greatest image in bytes for slots that are files; a block device has its own size.
  public var fileBytesMax: Int64 = 16 << 30
  /// Bytes that are in memory at once while a slot is written, 4 KiB to 16 MiB; whole erase blocks
  /// of the medium are best.
  public var pieceBytes = 256 << 10

  /// Joins a pair of slots.
  public init(pathA: String, pathB: String, component: Name, running: Running) {
    self.pathA = pathA
    self.pathB = pathB
    self.component = component
    self.running = running
  }

  /// The path of a slot.
  public func path(_ slot: Slot) -> String { slot == .a ? pathA : pathB }
}

/// How the boot loader is told.
public enum BootControl: Equatable, Sendable {
  /// Two checksummed copies of a text record in a folder, for boot scripts; see `BootRecord`.
  case file(directory: String)
  /// An environment of U-Boot, see `UBootEnvironment`.
  case uboot(UBootSetup)
  /// Programs for any other boot loader.
  case commands(BootCommands)
}

/// Where U-Boot keeps its environment.
public struct UBootSetup: Equatable, Sendable {
  /// File or block device.
  public var path: String
  /// Offset in it, in bytes.
  public var offset: Int64 = 0
  /// Size of one copy in bytes, 256 to 1 MiB (CONFIG_ENV_SIZE).
  public var size = 0x4000
  /// The second copy (CONFIG_SYS_REDUNDAND_ENVIRONMENT); safe against power failures in place.
  public var redundant: Copy?

  /// The place of a second copy.
  public struct Copy: Equatable, Sendable {
    /// File or block device; may be that of the first copy.
    public var path: String
    /// Offset in it, in bytes.
    public var offset: Int64

    /// Joins a place.
    public init(path: String, offset: Int64) {
      self.path = path
      self.offset = offset
    }
  }

  /// One copy at the start of a file.
  public init(path: String) { self.path = path }
}

/// Programs that speak to a boot loader.
public struct BootCommands: Equatable, Sendable {
  /// Prints the record as `name=value` lines, with the names of U-Boot.
  public var get: ProgramCall
  /// Gets the record to be stored as more words `name=value`.
  public var set: ProgramCall

  /// Joins the programs.
  public init(get: ProgramCall, set: ProgramCall) {
    self.get = get
    self.set = set
  }
}

/// Checks of a trial.
public struct HealthSetup: Equatable, Sendable {
  /// A program that must end with status 0.
  public struct Check: Equatable, Sendable {
    /// For messages.
    public var name: Name
    /// What is run.
    public var call: ProgramCall
    /// How often it may fail before the trial has failed; 1 to 100.
    public var attempts = 3

    /// Joins a check.
    public init(name: Name, call: ProgramCall) {
      self.name = name
      self.call = call
    }
  }

  /// Programs, all of which must succeed; at most 32.
  public var checks: [Check] = []
  /// Whether the server must have answered a poll of the new system.
  public var needsServer = true
  /// All must have passed within this time of the agent's first start after the boot; 1 s to 24 h.
  public var deadline = Interval.minutes(10)
  /// Pause between the attempts of a check.
  public var pause = Interval.seconds(5)
  /// A watchdog that resets the device when the agent stops petting it.
  public var watchdog: String?
  /// How often it is petted.
  public var watchdogPeriod = Interval.seconds(10)
  /// Whether a failed trial falls back at once; else the boot loader counts to its limit first.
  public var revertsAtOnce = true

  /// No programs; the server must answer.
  public init() {}
}

/// What is called around an update.
public struct HookSetup: Equatable, Sendable {
  /// Restarts the device.
  public var reboot: ProgramCall?
  /// Actions of physical parts that a server may name, such as `shutdown-motors`; at most 32.
  public var actions: [Name: ProgramCall] = [:]

  /// No hooks.
  public init() {}
}
