// EnrolmentPolicy: may whoever asks become this device? Facts in, one answer out.
//
// Rules, in this order: the sender proves to have the key; a key that is known stays with its
// device; a claim, a key named beforehand, or a trusted certificate tells which device is meant; a
// device that has a credential never gets another one this way without a person; everything else
// waits for a person where the tenant allows that, and is refused where it does not.

/// What is known about a request.
public struct EnrolmentFacts: Equatable, Sendable {
  /// Whether the sender proved to have the private half of the key.
  public var provesPossession: Bool
  /// The device that has, had or awaits this key; nil when nobody does.
  public var owner: KeyOwner?
  /// The claim code that came with it.
  public var claim: ClaimStanding = .none
  /// The device that a certificate of a trusted authority names; nil without one.
  public var certified: DeviceID?
  /// The device that the request names; decides nothing by itself.
  public var asksFor: DeviceID?
  /// The hardware model that the request names.
  public var hardware: Name?

  /// A request without anything but a key.
  public init(provesPossession: Bool) { self.provesPossession = provesPossession }

  /// Whose key it is.
  public struct KeyOwner: Equatable, Sendable {
    /// The device.
    public let device: DeviceID
    /// Where it is in its life.
    public let state: Lifecycle
    /// What the key is to it.
    public let status: Credential.Status
    /// Whether its time is over.
    public let hasEnded: Bool

    /// Joins the facts.
    public init(
      device: DeviceID, state: Lifecycle, status: Credential.Status, hasEnded: Bool = false
    ) {
      self.device = device
      self.state = state
      self.status = status
      self.hasEnded = hasEnded
    }
  }

  /// A claim code.
  public enum ClaimStanding: Equatable, Sendable {
    /// None was sent.
    case none
    /// Nobody made it, or its device is gone.
    case unknown
    /// It was made for a device.
    case made(for: DeviceID, DeviceClaim)
  }
}

/// What is known about the device that is meant.
public struct EnrolmentTarget: Equatable, Sendable {
  /// Where it is in its life.
  public let state: Lifecycle
  /// Whether somebody can prove to be it.
  public let hasCredential: Bool
  /// Its hardware model, when an operator named one.
  public let hardware: Name?
  /// The ways of its batch; nil outside of one.
  public let ways: Set<EnrolmentWay>?

  /// Joins the facts.
  public init(
    state: Lifecycle, hasCredential: Bool, hardware: Name?, ways: Set<EnrolmentWay>?
  ) {
    self.state = state
    self.hasCredential = hasCredential
    self.hardware = hardware
    self.ways = ways
  }
}

/// The answer to a request.
public enum EnrolmentDecision: Equatable, Sendable {
  /// The key is this device's already: the same answer again. What proves the key here may be a
  /// copy of an old request, so nothing else that was sent counts.
  case repeated(DeviceID)
  /// It becomes this device, which may have to be made first.
  case accept(DeviceID, by: EnrolmentWay)
  /// A person has to look at it.
  case pending(DeviceID?, reason: String)
  /// No.
  case refuse(Refusal)

  /// Why not.
  public enum Refusal: Equatable, Sendable {
    /// The sender did not prove to have the key.
    case noProof
    /// The key was revoked or its time is over, or its device retired.
    case deadKey
    /// The key is another device's than the one that is meant.
    case keyOfAnother
    /// Nobody made the code.
    case unknownClaim
    /// The code was used before.
    case usedClaim(by: DeviceID)
    /// The code is too old.
    case expiredClaim(Instant)
    /// The request names another device than its claim or certificate.
    case otherDevice
    /// The device is retired.
    case retired
    /// The device was provisioned as another hardware model.
    case otherHardware(Name)
    /// The tenant or the batch does not take devices this way.
    case closedWay(EnrolmentWay)
    /// Nothing speaks for the device.
    case stranger
  }

  /// Decides. `known` looks up the device that turns out to be meant.
  public static func decide(
    _ facts: EnrolmentFacts, under settings: EnrolmentSettings,
    known: (DeviceID) -> EnrolmentTarget?, at now: Instant
  ) -> EnrolmentDecision {
    guard facts.provesPossession else { return .refuse(.noProof) }
    let claimed: DeviceID?
    if case .made(let device, _) = facts.claim { claimed = device } else { claimed = nil }
    if let owner = facts.owner, let answer = decide(owner, facts, claimed) { return answer }
    let device: DeviceID
    let way: EnrolmentWay
    if let owner = facts.owner {
      (device, way) = (owner.device, .preauthorised)
    } else {
      switch facts.claim {
      case .unknown: return .refuse(.unknownClaim)
      case .made(let wanted, let claim):
        if claim.usedAt != nil { return .refuse(.usedClaim(by: wanted)) }
        if claim.expires <= now { return .refuse(.expiredClaim(claim.expires)) }
        (device, way) = (wanted, .claim)
      case .none:
        guard let certified = facts.certified else {
          return decide(stranger: facts, under: settings, known: known)
        }
        (device, way) = (certified, .ca)
      }
    }
    guard facts.asksFor == nil || facts.asksFor == device else { return .refuse(.otherDevice) }
    return decide(device, by: way, facts, under: settings, known(device))
  }

  // Nil for a key that is awaited: then it is as good as a claim.
  private static func decide(
    _ owner: EnrolmentFacts.KeyOwner, _ facts: EnrolmentFacts, _ claimed: DeviceID?
  ) -> EnrolmentDecision? {
    if owner.state == .retired || owner.status == .revoked || owner.hasEnded {
      return .refuse(.deadKey)
    }
    let meant = claimed ?? facts.certified ?? facts.asksFor
    guard meant == nil || meant == owner.device else { return .refuse(.keyOfAnother) }
    return owner.status == .expected ? nil : .repeated(owner.device)
  }

  private static func decide(
    _ device: DeviceID, by way: EnrolmentWay, _ facts: EnrolmentFacts,
    under settings: EnrolmentSettings, _ target: EnrolmentTarget?
  ) -> EnrolmentDecision {
    guard target?.state != .retired else { return .refuse(.retired) }
    guard (target?.ways ?? settings.ways).contains(way) else { return .refuse(.closedWay(way)) }
    if let hardware = target?.hardware, let said = facts.hardware, said != hardware {
      return .refuse(.otherHardware(hardware))
    }
    if target?.hasCredential ?? false {
      return .pending(device, reason: "it has another credential already")
    }
    if way == .ca, settings.approvesCertified {
      return .pending(device, reason: "devices with a certificate are looked at first")
    }
    return .accept(device, by: way)
  }

  private static func decide(
    stranger facts: EnrolmentFacts, under settings: EnrolmentSettings,
    known: (DeviceID) -> EnrolmentTarget?
  ) -> EnrolmentDecision {
    let target = facts.asksFor.flatMap(known)
    guard target?.state != .retired else { return .refuse(.retired) }
    guard (target?.ways ?? settings.ways).contains(.manual) else { return .refuse(.stranger) }
    if let hardware = target?.hardware, let said = facts.hardware, said != hardware {
      return .refuse(.otherHardware(hardware))
    }
    let reason =
      target?.hasCredential ?? false
      ? "it has another credential already" : "it came without anything that speaks for it"
    return .pending(facts.asksFor, reason: reason)
  }
}

extension EnrolmentDecision.Refusal {
  /// The refusal for whoever asked. It tells nothing about other devices.
  public var problem: Problem {
    switch self {
    case .noProof:
      Problem(
        .forbidden, "the signature does not prove that you have this key; sign as documented")
    case .deadKey:
      Problem(.forbidden, "this key counts no more; make a new one and ask with a new claim")
    case .keyOfAnother:
      Problem(.conflict, "this key is the key of another device; each device needs its own")
    case .unknownClaim:
      Problem(.forbidden, "this claim code is not known; compare it with the label")
    case .usedClaim: Problem(.forbidden, "this claim code was used before; ask for a new one")
    case .expiredClaim(let instant):
      Problem(.forbidden, "this claim code expired at \(instant); ask for a new one")
    case .otherDevice:
      Problem(.conflict, "the device id is not the one that the claim or certificate is for")
    case .retired: Problem(.forbidden, "this device is retired")
    case .otherHardware(let hardware):
      Problem(.conflict, "this device was provisioned as \(hardware); another model cannot be it")
    case .closedWay(let way):
      Problem(.forbidden, "devices are not taken this way here (\(way.rawValue))")
    case .stranger:
      Problem(.forbidden, "nothing speaks for this device; send the claim code of its label")
    }
  }
}
