// AgentEvent and AgentEffect: what the machine is told, and what it wants done.

public import UpdateModel

/// What happened.
public enum AgentEvent: Equatable, Sendable {
  /// The agent started and looked around; always the first event of a process.
  case started(StartFacts)
  /// An update may be downloaded (the server, the owner and the device itself allow it).
  case offered(Update)
  /// An offer that can never be installed here.
  case refused(Update, UpdateFailure)
  /// The server does not want the update any more.
  case cancelled(action: Name)
  /// The part file of the image at work is complete and has the signed digest.
  case downloaded
  /// The image at work cannot be had, for good.
  case downloadFailed(UpdateFailure)
  /// The verified update may be installed.
  case installAllowed(action: Name)
  /// The declared action before the installation ended well, or did not.
  case prepared
  /// The declared action before the installation failed.
  case prepareFailed(UpdateFailure)
  /// The declared action after the installation was run; its failure changes nothing here.
  case resumed
  /// The place was written, read back and has the signed digest.
  case written
  /// Writing failed; the place holds nothing of use.
  case writeFailed(UpdateFailure)
  /// The boot record or the agent's link names the place for the next start.
  case armed
  /// The part file of the image at work has other bytes than were signed; it was cut to nothing.
  case imageLost
  /// Arming failed; the present choice stands.
  case armFailed(UpdateFailure)
  /// The checks of the trial passed (a slot: all checks; the agent: a poll was answered).
  case trialPassed
  /// The checks of the trial failed for good; `revertsAtOnce` or the boot loader counts on.
  case trialFailed(UpdateFailure, revertsAtOnce: Bool)
  /// The trial flag is cleared.
  case confirmed
  /// The place before the trial is chosen for the next start again.
  case reverted
  /// The place before the trial is not intact, so falling back would brick the device.
  case revertImpossible(UpdateFailure)
  /// A report was answered by the server (or refused for good: 404, 410).
  case reportDelivered(number: Int)
  /// The device is about to be asked to start again, for an update; told before each such request.
  /// `hookFailure` says what was wrong with the request before, when it failed by itself.
  case rebootAsked(hookFailure: String?)
  /// A person or the server orders safe mode, or the shell found a reason for it.
  case safeModeEntered(SafeModeReason)
  /// A person or the server ends safe mode.
  case safeModeLeft
}

/// What to do, after the state was saved. Each may be repeated without harm.
public enum AgentEffect: Equatable, Sendable {
  /// Fetch an image into its part file and check it: `downloaded` or `downloadFailed`.
  case download(UpdateImage)
  /// Drop part files but those of these digests.
  case discardDownloads(keeping: [Digest])
  /// Run a declared action: `prepared` or `prepareFailed`.
  case prepare(Name)
  /// Run a declared action: `resumed`.
  case resume(Name)
  /// Write, force, read back and compare: `written` or `writeFailed`.
  case write(UpdateImage, Place)
  /// Choose the place for the next start, on trial: `armed` or `armFailed`.
  case arm(UpdateImage, Place)
  /// Check the trial: `trialPassed` or `trialFailed`.
  case checkTrial(Place)
  /// Clear the trial flag: `confirmed`.
  case confirm(UpdateImage, Place)
  /// Choose the place before the trial again: `reverted` or `revertImpossible`.
  case revert(UpdateImage, Place)
  /// Clear the trial flag of the only slot that is left; nothing is to be told.
  case keep(Slot)
  /// Start the device again, after this time: 0 at first, longer after requests in vain.
  case reboot(after: Interval = .zero)
  /// Start the agent again.
  case restartAgent
}

/// What the agent finds when it starts.
public struct StartFacts: Equatable, Sendable {
  /// Whether the device has slots at all.
  public let hasSlots: Bool
  /// The slot that runs; nothing when it is neither, such as a recovery system.
  public let running: Slot?
  /// The boot record; nothing when it cannot be read.
  public let boot: BootStatus?
  /// The digest of the agent program that runs, when it is one of its versions.
  public let agent: Digest?
  /// Names one run of the kernel.
  public let bootIdentifier: String

  /// Joins the facts.
  public init(
    hasSlots: Bool, running: Slot?, boot: BootStatus?, agent: Digest?, bootIdentifier: String
  ) {
    self.hasSlots = hasSlots
    self.running = running
    self.boot = boot
    self.agent = agent
    self.bootIdentifier = bootIdentifier
  }
}
