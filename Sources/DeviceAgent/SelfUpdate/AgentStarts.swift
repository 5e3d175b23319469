// AgentStarts: the starts of an agent program on trial, counted before anything of it is relied on.

internal import UpdateModel

/// The count of one version, in `VERSIONS/<digest>/starts`, from its choice to its proof.
///
/// The state machine counts the starts of a new agent too, but only once configuration, state
/// directory and lock were good enough for it; a program that refuses one of them counts here.
struct AgentStarts {
  /// Starts without proof. The state machine gives a new agent up earlier, and with a report, where
  /// it comes that far (`AgentMachine.agentStartsMax`, and the starts of its way back).
  static let startsMax = 10
  private static let fileName = "starts"
  private static let bytesMax = 16

  private let disk: any AgentDisk
  private let versions: AgentVersions
  private let digest: Digest

  /// The count of a version.
  init(_ versions: AgentVersions, _ digest: Digest) {
    disk = versions.disk
    self.versions = versions
    self.digest = digest
  }

  /// The count of the version that a program belongs to, by its path alone; nil for one from
  /// elsewhere.
  init?(program: String, disk: any AgentDisk, programs: any ProgramRunner) {
    let folder = SlotPair.folder(of: SlotPair.folder(of: program))
    let versions = AgentVersions(disk: disk, programs: programs, folder: folder)
    guard let digest = versions.version(ofProgram: program) else { return nil }
    self.init(versions, digest)
  }

  private var folder: String { "\(versions.folder)/\(digest)" }
  private var path: String { "\(folder)/\(AgentStarts.fileName)" }

  /// Starts of a version on trial so far; nil when it is not on trial. What cannot be read is as
  /// good as none: the count goes on from 0.
  func count() throws(AgentError) -> Int? {
    guard try disk.exists(path) else { return nil }
    let bytes = try disk.open(path, .read).read(at: 0, count: AgentStarts.bytesMax)
    return Int(String(decoding: bytes, as: UTF8.self)).map { max(0, $0) } ?? 0
  }

  /// The trial begins: the version will be chosen.
  func begin() throws(AgentError) { try store(0) }

  /// The version proved itself, or is written anew.
  func end() throws(AgentError) {
    guard try disk.exists(path) else { return }
    try disk.remove(path)
    try disk.syncDirectory(folder)
  }

  /// Counts this start; above the limit the version before is chosen again instead.
  ///
  /// - Returns: whether it was, so that this process has to end.
  func countStart() throws(AgentError) -> Bool {
    guard let count = try count() else { return false }
    guard count >= AgentStarts.startsMax else {
      try store(count + 1)
      return false
    }
    // The count stays, so that the version is not chosen again before it is written anew.
    guard try versions.current() == digest else { return false }
    try versions.revert(from: digest)
    return true
  }

  private func store(_ count: Int) throws(AgentError) {
    let temporary = "\(path).new"
    let file = try disk.open(temporary, .create)
    try file.truncate(to: 0)
    try file.write(Array("\(count)".utf8), at: 0)
    try file.sync()
    try disk.rename(temporary, to: path)
    try disk.syncDirectory(folder)
  }
}
