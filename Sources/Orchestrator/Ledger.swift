// Ledger: what one tenant's devices were promised: rollouts, actions, leases; and what they can
// get.

import FleetStore
import RolloutEngine
import UpdateModel

/// The state behind a tenant's decisions; reached only through its room's lock.
struct Ledger {
  var artifacts: [ArtifactID: Artifact] = [:]
  var releases: [ReleaseID: Release] = [:] {
    didSet {
      guarded = releases.values.filter { $0.rollbackFloor != nil }.sorted { $0.id < $1.id }
    }
  }
  /// The releases with an anti-rollback floor: few, and asked for at nearly every poll that finds
  /// something.
  private(set) var guarded: [Release] = []
  var groups: [Name: Group] = [:]
  var books: [RolloutID: RolloutBook] = [:]
  var deadlines = DeadlineQueue()
  /// When devices that began to install are next looked at for silence.
  var silences = DeadlineQueue()
  /// Kinds of devices that are kept from updates until a person says so.
  var safeguards: [Int: Safeguard] = [:]
  /// Who may become known, and who waits for it.
  var enrolment = EnrolmentBook()
  /// What devices are told to do besides updates.
  var commands = CommandQueue()
  /// The last change handed to the store; an answer that shows an action waits for it.
  var lastTicket: UInt64 = 0
  /// What closed rollouts kept of their devices, to be let go of when nobody waits.
  var forgotten: [RolloutBook.Leftovers] = []
  /// Rollouts that can concern a device, the highest priority first, then the newest.
  private(set) var live: [RolloutID] = []

  struct Group {
    var group: DeviceGroup
    var members: Set<DeviceID> = []

    func contains(_ device: Device) -> Bool {
      switch group.membership {
      case .explicit: members.contains(device.key.device)
      case .filter(let filter): filter.matches(device)
      // Steady queries do not look at the time.
      case .query(let query): query.matches(DeviceSubject(device), at: .epoch)
      }
    }
  }

  /// To be called when a rollout starts, closes or is restored.
  mutating func refreshLive() {
    live = books.values.filter(\.isLive).map(\.rollout.specification)
      .sorted(by: Supersession.isBefore).map(\.id)
  }

  /// Whether no rollout and no job can concern a device that has nothing to do: none is under way,
  /// and none is watched any more.
  func isQuiet(at now: Instant) -> Bool {
    guard commands.jobs.live.isEmpty else { return false }
    return live.allSatisfy { id in
      guard let rollout = books[id]?.rollout else { return true }
      return rollout.status == .completed && !rollout.isWatchingSilence(at: now)
    }
  }

  /// The artifacts of a release for a hardware model; empty when none fits.
  func artifacts(of release: ReleaseID, for hardware: Name) -> [Artifact] {
    (releases[release]?.artifacts ?? []).compactMap { artifacts[$0] }
      .filter { $0.hardware.contains(hardware) }
      .sorted { $0.component < $1.component }
  }

  /// The release that a device says it runs, to go back to from another one: published, with every
  /// component that the other one replaces; the same product before others, the newest of several.
  func fallback(of device: Device, from other: Release) -> ReleaseID? {
    guard let hardware = device.hardware else { return nil }
    let replaced = Set(artifacts(of: other.id, for: hardware).map(\.component))
    let candidates = releases.values.filter { release in
      release.status == .published && release.id != other.id && runs(device, release.id)
        && replaced.isSubset(of: artifacts(of: release.id, for: hardware).map(\.component))
    }
    func order(_ release: Release) -> (Int, UInt32) {
      (release.name == other.name ? 1 : 0, release.id.number)
    }
    return candidates.max { order($0) < order($1) }?.id
  }

  /// Whether a version text names what a release brings to a hardware model.
  ///
  /// Devices report either the version of the release or, with a single image, that of the image.
  func isVersion(_ version: String, of release: ReleaseID, for hardware: Name?) -> Bool {
    guard let found = releases[release] else { return false }
    if found.version.text == version { return true }
    guard let hardware else { return false }
    let images = artifacts(of: release, for: hardware)
    return images.count == 1 && images[0].version.text == version
  }

  /// Whether a device is in a rollout's target.
  func isTargeted(_ device: Device, by target: RolloutSpecification.Target?) -> Bool {
    switch target {
    case nil: true
    case .group(let name): groups[name]?.contains(device) ?? false
    case .filter(let filter): filter.matches(device)
    // Steady queries do not look at the time.
    case .query(let query): query.matches(DeviceSubject(device), at: .epoch)
    }
  }

  /// Whether a device is in the canary group of a policy.
  func isCanary(_ device: Device, of policy: Policy) -> Bool {
    policy.canary.flatMap { groups[$0.group] }?.contains(device) ?? false
  }

  /// What the engine needs to know about a device for a rollout.
  func candidate(_ device: Device, in book: RolloutBook, window: WindowState) -> Candidate {
    let specification = book.rollout.specification
    let fits = device.hardware.flatMap { book.artifacts[$0] } != nil
    let label = specification.policy.evidence.flatMap { Ledger.stratum(of: device, $0) }
    let obstacle: RouteObstacle? =
      if fits, case .barred(let obstacle) = route(device, to: specification.release) {
        obstacle
      } else { nil }
    var candidate = Candidate(
      device: device.key.device, fits: fits,
      isTargeted: isTargeted(device, by: specification.target),
      runsRelease: runs(device, specification.release),
      isCanary: isCanary(device, of: specification.policy))
    candidate.window = window
    candidate.stratum = book.stratum(labelled: label)
    candidate.safeguard = safeguard(of: device, for: specification.id)?.reason
    candidate.supersededBy = superseding(specification, for: device)
    candidate.obstacle = obstacle
    return candidate
  }

  /// What keeps a device from updates other than the rollout that found it.
  func safeguard(of device: Device, for rollout: RolloutID) -> Safeguard? {
    guard !safeguards.isEmpty else { return nil }
    return safeguards.values.filter { $0.rollout != rollout && $0.filter.matches(device) }
      .min { $0.id < $1.id }
  }

  /// The stratum of a device under a policy, in the words of a device filter; nil while its
  /// hardware model is unknown.
  static func stratum(of device: Device, _ terms: Policy.Evidence) -> String? {
    guard let hardware = device.hardware else { return nil }
    var label = "hardware=\(hardware)"
    for field in terms.strata {
      label += ", \(field.name)=\(field.value(of: device) ?? "")"
    }
    return label
  }

  /// The stratum of all devices whose kinds are too many to count apart.
  static let otherStratum = "other"

  /// Whether a device says that it runs a release, by version or by image digest.
  func runs(_ device: Device, _ release: ReleaseID) -> Bool {
    if let image = device.reportedImage, let hardware = device.hardware {
      return artifacts(of: release, for: hardware).contains { $0.sha256 == image }
    }
    guard let version = device.reportedVersion else { return false }
    return isVersion(version, of: release, for: device.hardware)
  }

  /// Whether devices in quarantine receive a rollout.
  func isRecovery(_ rollout: RolloutID) -> Bool {
    books[rollout]?.rollout.specification.terms.isRecovery ?? false
  }

  /// The live rollout in which a device holds its lease; a device never holds two.
  func lease(of device: DeviceID) -> RolloutID? {
    live.first { books[$0]?.actions[device]?.isLeased ?? false }
  }

  /// The live rollout in which a device has the action with this id, now or one attempt ago.
  func book(of device: DeviceID, action id: ActionID) -> (book: RolloutBook, action: Action)? {
    for rollout in live {
      guard let book = books[rollout], let action = book.actions[device] else { continue }
      if action.id == id || action.previousID == id { return (book, action) }
    }
    return nil
  }
}
