// Journal: where the state of the agent is kept: the newest of two checksummed generations.

internal import UpdateModel

/// The file pair `state.0` and `state.1` in the state folder.
public struct Journal: Sendable {
  private let file: DurableFile

  /// The journal in a folder.
  public init(disk: any AgentDisk, directory: String) {
    file = DurableFile(disk: disk, directory: directory, name: "state")
  }

  /// The stored state; a new one when there was none, and one in safe mode when it is spoilt.
  public func load() throws(AgentError) -> AgentState {
    switch try file.load() {
    case .missing: return AgentState()
    case .text(let text):
      if let state = StateDocument.read(text) { return state }
    case .spoilt: break
    }
    var state = AgentState()
    state.safeMode = .stateLost
    return state
  }

  /// Stores a state; it is durable when this returns.
  public func save(_ state: AgentState) throws(AgentError) {
    try file.save(StateDocument.write(state).prettyText)
  }
}
