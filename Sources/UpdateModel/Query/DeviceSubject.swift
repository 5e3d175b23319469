// DeviceSubject: a registered device as queries look at it.

/// A device together with what its registration does not hold.
public struct DeviceSubject: QuerySubject {
  /// The registration with its twin.
  public let device: Device
  /// When it was last heard; nil for never.
  public let lastSeen: Instant?
  /// The groups it belongs to; nil when they cannot be asked for, as while they are being found.
  public let groups: [Name]?
  /// How its update goes, as the reported property `update` shows it; nil when it has none, and
  /// where it cannot be asked for.
  public let update: JSON?

  /// Joins what is known of a device.
  public init(
    _ device: Device, lastSeen: Instant? = nil, groups: [Name]? = nil, update: JSON? = nil
  ) {
    self.device = device
    self.lastSeen = lastSeen
    self.groups = groups
    self.update = update
  }

  /// What the device has in a field.
  public func value(of field: QueryField) -> QueryValue? {
    switch field {
    case .device: .text(device.key.device.text)
    case .hardware: device.hardware.map { .text($0.text) }
    case .version: device.reportedVersion.map { .text($0) }
    case .state: .text(device.state.rawValue)
    case .group: groups.map { .texts($0.map(\.text)) }
    case .lastSeen: lastSeen.flatMap { $0 == .epoch ? nil : .time($0) }
    case .createdAt: .time(device.createdAt)
    case .tag, .desired, .reported: property(field).map { .json($0) }
    }
  }

  private func property(_ field: QueryField) -> JSON? {
    guard let path = field.updatePath else { return device.twin.value(of: field) }
    return update.flatMap { path.value(in: $0) }
  }
}

extension Twin {
  /// The property that a field names; nil when there is none, and for fields that are no part of
  /// the twin.
  public func value(of field: QueryField) -> JSON? {
    switch field {
    case .tag(let path): path.value(in: tags.properties)
    case .desired(let path): path.value(in: desired.properties)
    case .reported(let path): path.value(in: reported.properties)
    case .device, .hardware, .version, .state, .group, .lastSeen, .createdAt: nil
    }
  }
}
