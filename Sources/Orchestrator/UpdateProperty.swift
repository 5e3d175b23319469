// UpdateProperty: how the update of a device goes, as the reported property `update` that nobody
// stores.

import RolloutEngine
public import UpdateModel

extension Participation {
  private static let members = [
    "phase", "percent", "bytes", "attempt", "rollout", "action", "since", "reason", "error",
  ]

  /// The property as it is shown, whatever protocol the device speaks.
  public var update: JSON {
    .object(
      Participation.members.compactMap { name in
        member(name).map { JSON.Member(name, $0) }
      })
  }

  /// What lies at the end of a way into it; nil when it leads nowhere. Makes no more of the
  /// property than that, as queries ask this of every device that takes part.
  func value(of path: QueryPath) -> JSON? {
    guard let first = path.steps.first else { return update }
    guard case .member(let name) = first else { return nil }
    return member(name.text).flatMap { QueryPath(Array(path.steps.dropFirst())).value(in: $0) }
  }

  private func member(_ name: String) -> JSON? {
    switch name {
    case "phase": .string(action.standing.label)
    case "percent": percent.map { JSON($0) }
    case "bytes": bytes.map { .integer($0) }
    case "attempt": JSON(action.attempt)
    case "rollout": .integer(Int64(action.rollout.number))
    case "action": .string(action.id.description)
    case "since": .string(action.changedAt.description)
    case "reason": action.aside.map { .string($0.clause) }
    case "error": error
    default: nil
    }
  }

  private var error: JSON? {
    action.failure.map { failure in
      .members([
        "class": .string(errorClass ?? failure.cause.rawValue), "code": code.map { JSON($0) },
        "text": .string(failure.detail),
      ])
    }
  }
}

extension Ledger {
  /// What devices do at present, or did last, in the rollouts that are not closed; nil for those
  /// that take part in none.
  func parts(of devices: [DeviceID]) -> [Participation?] {
    let books = live.sorted(by: >).compactMap { self.books[$0] }
    return devices.map { device in
      // What it does at present comes before what it did.
      let book =
        books.first { $0.actions[device]?.isLeased ?? false }
        ?? books.first { $0.actions[device] != nil }
      return book.flatMap { book in
        book.actions[device].map { ControlPlane.part($0, book) }
      }
    }
  }
}
