// UpdatePhase: how far the device is with an update, with what is valid in each phase.

/// The steps of an update. `image` is the position in `Update.images` of the one at work.
///
/// All images are downloaded first; then each is written, armed, tried and confirmed in turn.
public enum UpdatePhase: Equatable, Sendable {
  /// Nothing to do.
  case idle
  /// Fetching into the part file of the image; its length is the offset.
  case downloading(Update, image: Int)
  /// All images are on the device with the signed digests; waits for leave to install.
  case verified(Update)
  /// The declared action before the installation runs.
  case preparing(Update)
  /// The place is being written and holds nothing of use.
  case writing(Update, image: Int, place: Place)
  /// The place was written, forced to the medium, read back and has the signed digest.
  case written(Update, image: Int, place: Place)
  /// The next start is a trial of the place; `departures` counts the restarts that were asked for.
  case armed(Update, image: Int, place: Place, departures: Int)
  /// The place runs on trial, for the `attempt`th time.
  case onTrial(Update, image: Int, place: Place, attempt: Int)
  /// The trial failed; the place before it is chosen again and must be started.
  case reverting(Update, image: Int, place: Place, failure: UpdateFailure, departures: Int)

  /// The update at work.
  public var update: Update? {
    switch self {
    case .idle: nil
    case .downloading(let update, _), .verified(let update), .preparing(let update),
      .writing(let update, _, _), .written(let update, _, _), .armed(let update, _, _, _),
      .onTrial(let update, _, _, _), .reverting(let update, _, _, _, _):
      update
    }
  }

  /// The name in the stored state.
  public var word: String {
    switch self {
    case .idle: "idle"
    case .downloading: "downloading"
    case .verified: "verified"
    case .preparing: "preparing"
    case .writing: "writing"
    case .written: "written"
    case .armed: "armed"
    case .onTrial: "on-trial"
    case .reverting: "reverting"
    }
  }

  /// Whether slots or the device are being changed, or a trial runs.
  public var isBetweenInstallationAndEnd: Bool { self != .idle && !canBeCancelled }

  /// Whether the server may still call the update off without any trace on the device.
  public var canBeCancelled: Bool {
    switch self {
    case .downloading, .verified: true
    case .idle, .preparing, .writing, .written, .armed, .onTrial, .reverting: false
    }
  }
}
