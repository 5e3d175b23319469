// Hints: the command that most likely helps after a failure.

import UpdateModel

/// Suggestions for the `Try:` line.
enum Hints {
  /// A command to try; nil when none is likely to help.
  static func suggestion(for failure: Failure, command: String?) -> String? {
    let noun = command?.split(separator: " ").first.map(String.init) ?? ""
    switch failure.kind {
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
      default: return noun == "rollout" ? "groundswell rollout list" : nil
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
}
