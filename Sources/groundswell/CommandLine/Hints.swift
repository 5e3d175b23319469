// Hints: the command that most likely helps after a failure.

import UpdateModel

/// Suggestions for the `Try:` line.
enum Hints {
  /// A command to try; nil when none is likely to help.
  static func suggestion(for failure: Failure, command: String?) -> String? {
    let noun =
      missingNoun(failure.detail) ?? command?.split(separator: " ").first.map(String.init) ?? ""
    switch failure.kind {
    case .unauthorized where command == "device add" || command == "device token":
      return "--device-token for the device's own token; --token is the operator's"
    case .unauthorized:
      return "groundswell status --token-file \(Session.usualTokenFile)"
    case .forbidden:
      return "groundswell token list"
    case .notFound:
      let hasList = CommandTable.commands(of: noun).contains { $0.words.last == "list" }
      return hasList ? "groundswell \(noun) list" : nil
    case .conflict:
      switch command {
      case "artifact delete": return "groundswell release list"
      case "device add", "device import": return "groundswell device list"
      default: return noun == "rollout" ? "groundswell rollout show ROLLOUT" : nil
      }
    case .unprocessable where command == "rollout create":
      return "groundswell rollout plan with the same options, which shows what would happen"
    case .insufficientStorage:
      return "groundswell artifact list, and delete what no release uses"
    case .storeUnavailable, .internalError:
      return "groundswell status"
    default:
      return nil
    }
  }

  /// What the server says that there is none of: `release` in `there is no release gateway:9`.
  private static func missingNoun(_ detail: String) -> String? {
    let words = detail.split(separator: " ").prefix(4).map(String.init)
    guard words.count == 4, words.prefix(3) == ["there", "is", "no"] else { return nil }
    return CommandTable.nouns.contains { $0.word == words[3] } ? words[3] : nil
  }
}
