// Lifecycle: the life of a device from its place in a list to its end.
//
// States: provisioned (it has a place here, maybe a twin, and no credentials), enrolled (it has
// credentials and has not spoken with them), active, quarantined (it may take recovery releases and
// nothing else), retired (nobody can speak for it any more). Inputs are the events below. Which
// credentials a device has is not decided here.

/// Where a device is in its life.
public enum Lifecycle: String, Sendable, CaseIterable {
  /// It has an id and no credentials yet.
  case provisioned
  /// It has credentials and did not speak with them yet.
  case enrolled
  /// It speaks.
  case active
  /// It speaks, and gets recovery releases only.
  case quarantined
  /// It is gone for good; its history stays.
  case retired

  /// What can happen to a device.
  public enum Event: String, Sendable, CaseIterable {
    /// It was given its first or another credential.
    case enrol
    /// It spoke with a credential.
    case speak
    /// A person or a rule distrusts it.
    case quarantine
    /// A person trusts it again.
    case release
    /// Its last credential was taken away.
    case disown
    /// A person ended its life.
    case retire
  }

  /// The state after an event; nil when the event cannot happen in this state.
  public func after(_ event: Event) -> Lifecycle? {
    switch (self, event) {
    case (.retired, _): nil
    case (_, .retire): .retired
    case (.provisioned, .enrol): .enrolled
    case (.provisioned, _): nil
    case (.enrolled, .enrol), (.active, .enrol), (.quarantined, .enrol): self
    case (.enrolled, .speak), (.active, .speak): .active
    case (.quarantined, .speak): .quarantined
    case (.enrolled, .quarantine), (.active, .quarantine): .quarantined
    case (.quarantined, .quarantine): nil
    case (.quarantined, .release): .active
    case (.enrolled, .release), (.active, .release): nil
    case (.enrolled, .disown), (.active, .disown): .provisioned
    // To lose its credentials must not be a way out of quarantine.
    case (.quarantined, .disown): .quarantined
    }
  }

  /// What a person is told when an event cannot happen.
  public func refusal(of event: Event) -> String {
    switch (self, event) {
    case (.retired, _): "it is retired, for good; register or provision another one"
    case (.provisioned, .quarantine): "it has no credentials yet; retire it to bar it"
    case (.quarantined, .quarantine): "it is in quarantine already"
    case (_, .release): "it is not in quarantine but \(rawValue)"
    default: "it is \(rawValue)"
    }
  }
}
