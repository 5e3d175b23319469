// ActionInputFacts: what kinds of inputs and failures there are, for those who only ask that.

import UpdateModel

extension ActionInput {
  /// Whether it shows that the device is alive.
  var isWordOfDevice: Bool {
    switch self {
    case .taken, .downloaded, .installed, .failed, .rejected, .polled, .cancelAccepted,
      .cancelRefused:
      true
    case .expired, .fellSilent, .cancelRequested, .yield, .supersede, .held, .forced, .letGo: false
    }
  }
}

extension Action.Cause {
  /// The kind of failure in the words of a policy.
  var failureClass: Policy.FailureClass {
    switch self {
    case .download: .download
    case .install: .install
    case .wrongVersion: .wrongVersion
    case .reverted: .reverted
    case .timeout: .timeout
    case .postponed, .unproven, .noWayBack: .timeout
    }
  }
}
