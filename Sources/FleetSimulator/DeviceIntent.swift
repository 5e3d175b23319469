// DeviceIntent: the words between a virtual device and whoever carries out what it wants.

public import UpdateModel

/// What the server answered to a poll.
public struct PollAnswer: Equatable, Sendable {
  /// What is offered.
  public let offer: Offer
  /// Where attributes are wanted; nil when they are not.
  public let attributesLink: String?
  /// The wait the server asks for; nil when the device's own is to be kept.
  public let sleep: Interval?

  /// The action link of an answer.
  public enum Offer: Equatable, Sendable {
    /// Nothing to do.
    case none
    /// An update; `link` leads to its instructions.
    case deployment(action: String, link: String)
    /// The device is asked to stop.
    case cancel(action: String, link: String)
  }

  /// Joins the parts of an answer.
  public init(offer: Offer, attributesLink: String?, sleep: Interval? = nil) {
    self.offer = offer
    self.attributesLink = attributesLink
    self.sleep = sleep
  }
}

/// Feedback in the terms of DDI.
public struct DeviceReport: Equatable, Sendable {
  /// The action it is about.
  public let action: String
  /// Where the instructions were found; feedback goes next to them.
  public let link: String
  /// What is said.
  public let execution: Execution
  /// How it ended, as far as it did.
  public let finished: Finished
  /// Steps done of steps in all; nil when not said.
  public let progress: Progress?
  /// Words for people; may be empty.
  public let details: String

  /// The values of `status.execution` that the device uses.
  public enum Execution: String, Sendable {
    /// The device works on it.
    case proceeding
    /// The device begins to fetch.
    case download
    /// The device has everything.
    case downloaded
    /// The device is done, one way or the other.
    case closed
    /// The device puts it off.
    case rejected
  }

  /// The values of `status.result.finished`.
  public enum Finished: String, Sendable {
    /// It worked.
    case success
    /// It failed.
    case failure
    /// It goes on.
    case none
  }

  /// A fraction of the work.
  public struct Progress: Equatable, Sendable {
    /// Steps done.
    public let count: Int
    /// Steps in all.
    public let of: Int
  }
}

/// What a device wants done, in order.
public enum DeviceIntent: Equatable, Sendable {
  /// Ask the server whether there is something.
  case poll
  /// Tell the server about itself; `version` is nil when the device does not know what it runs.
  case describe(link: String, version: String?)
  /// Read the instructions of an offer.
  case fetch(link: String)
  /// Fetch and check the image of the action.
  case download(action: String)
  /// Send feedback.
  case report(DeviceReport)
  /// Answer a request to stop.
  case answerCancel(link: String, action: String, accepted: Bool)
}

/// What happens to a device.
public enum DeviceEvent: Equatable, Sendable {
  /// The time it waited for has come.
  case due
  /// Its poll was answered.
  case answered(PollAnswer)
  /// The instructions of an action were read.
  case instructed(action: String, version: String)
  /// The instructions could not be read.
  case refused
  /// A download ended; `verified` tells whether the bytes are what was announced.
  case downloaded(action: String, verified: Bool)
  /// A download was cut before all bytes came; nothing is known about the image.
  case downloadCut(action: String)
  /// A report did not get through.
  case reportLost(DeviceReport)
  /// It lost its power for a moment: what was not finished begins anew.
  case powerLost
}
