// ControlPlane: holds the parts together; every command is an extension in a file of its own.

public import Crypto
public import FleetStore
import ImagePipeline
import RolloutEngine
import Synchronization
public import UpdateModel
import UpdateTrust

/// The service: what operators and devices can ask for, whatever the protocol.
///
/// A command loads what it needs, decides with the pure engine, commits to the store and only then
/// is answered: it returns a ticket, and the caller answers once the store has committed it.
public final class ControlPlane: Sendable {
  let store: Store
  /// The stored images.
  public let images: ImageShelf
  let policies: PolicyShelf
  let timeZones: TimeZoneShelf
  /// Logs of devices; nil when none are kept.
  public let logs: LogShelf?
  let clock: any Clock
  let randomness: any Randomness
  let access = Lock(AccessTable())
  let actionNumbers = Lock(ActionNumbers())
  /// Uploads between hash and commit, by digest; their content must not be swept.
  /// The one lock that is held while files are deleted, and the outermost; event loops never ask.
  let imagesInPreparation = Lock<[Digest: Int]>([:])
  private let rooms = Lock<[Name: Room]>([:])
  /// Polls per second that devices are asked to make all together, at most.
  let pollsPerSecondMax: Int
  /// Devices of all tenants, counted about once a second.
  let fleetSize = Atomic<Int>(0)
  /// When this process began to hear devices.
  let loadedAt: Instant
  /// Issues certificates to devices; nil where none are issued.
  let authority: CertificateAuthority?
  let challenges: Challenges

  /// Joins the parts; nothing is loaded yet, see `load()`.
  public init(
    store: Store, images: ImageShelf, policies: PolicyShelf,
    timeZones: TimeZoneShelf = TimeZoneShelf(), clock: any Clock = SystemClock(),
    randomness: any Randomness = SystemRandomness(), authority: CertificateAuthority? = nil,
    pollsPerSecondMax: Int = 5_000, logs: LogShelf? = nil
  ) {
    self.store = store
    self.images = images
    self.policies = policies
    self.timeZones = timeZones
    self.logs = logs
    self.clock = clock
    self.randomness = randomness
    self.pollsPerSecondMax = pollsPerSecondMax
    loadedAt = clock.now
    self.authority = authority
    challenges = Challenges(randomness)
  }

  /// A tenant's room; nil when there is no such tenant, or no tenant was named.
  public func room(_ tenant: Name?) -> Room? {
    guard let tenant else { return nil }
    return rooms.withLock { $0[tenant] }
  }

  /// All rooms, by tenant name.
  public var allRooms: [Room] {
    rooms.withLock { Array($0.values) }.sorted { $0.tenant < $1.tenant }
  }

  /// Adds a room after `first` was done; nil, and nothing done, when its tenant has one.
  func insert<Result: Sendable>(_ room: Room, before first: () -> Result) -> Result? {
    rooms.withLock { rooms in
      guard rooms[room.tenant] == nil else { return nil }
      let result = first()
      rooms[room.tenant] = room
      return result
    }
  }

  /// Whether the store takes writes; false makes every command answer `storeUnavailable`.
  public var isStoreHealthy: Bool { store.isHealthy && store.isAccepting }

  /// Transactions of the store since the start; few for many changes means large groups.
  public var commitCount: UInt64 { store.commitCount }

  func requireStore() throws(Problem) {
    guard isStoreHealthy else {
      throw Problem(
        .storeUnavailable,
        "the store cannot take writes now; nothing was changed, try again in a few seconds")
    }
  }

  /// Waits until a ticket is on disk; for commands that are not answered by the event loops.
  public func wait(for ticket: UInt64) throws(Problem) {
    do {
      try store.wait(for: ticket)
    } catch {
      throw Problem(.storeUnavailable, "the change could not be saved: \(error)")
    }
  }
}
