// AgentVersions: the agent's own program in versions side by side, and the link that chooses one.

internal import UpdateModel

/// The folder `VERSIONS`: one folder for each version, named after the digest of its program, and
/// the links `current` and `previous`. The service starts `VERSIONS/current/groundswell-agent`.
struct AgentVersions {
  /// Name of the program in the folder of its version.
  static let program = "groundswell-agent"
  /// What a program says of a configuration that it refuses is told in so many bytes.
  private static let reasonBytesMax = 1000
  /// Time in which a new program must tell its version before it is chosen.
  static let probeTimeout = Interval.seconds(10)

  let disk: any AgentDisk
  let programs: any ProgramRunner
  let folder: String
  /// The configuration that a new program must be able to read; nothing when it is not known.
  var configurationPath: String?

  /// Copies a verified download into the folder of its version, and proves that it runs at all and
  /// takes the configuration of this device.
  ///
  /// What does not become a version leaves nothing behind: on a disk that is full, the agent could
  /// not even note that it failed.
  func write(_ image: UpdateImage, from part: any DiskFile) throws(AgentError) -> SlotOutcome {
    let outcome: SlotOutcome
    do throws(AgentError) { outcome = try make(image, from: part) } catch {
      discard(image.sha256)
      throw error
    }
    if case .imageLost = outcome { discard(image.sha256) }
    return outcome
  }

  /// Removes what there is of a version, but never one that a link names.
  private func discard(_ digest: Digest) {
    let version = "\(folder)/\(digest)"
    // The error of the copy is what is told; what cannot be removed now is tidied later.
    try? disk.remove("\(version)/\(AgentVersions.program).new")
    guard let kept = try? linked(), !kept.contains(digest) else { return }
    try? AgentStarts(self, digest).end()
    try? disk.remove("\(version)/\(AgentVersions.program)")
    try? disk.remove(version)
  }

  private func make(_ image: UpdateImage, from part: any DiskFile) throws(AgentError) -> SlotOutcome
  {
    let version = "\(folder)/\(image.sha256)"
    try disk.makeDirectory(version)
    let path = "\(version)/\(AgentVersions.program)"
    // Its close matters: a program that is open for writing cannot be started.
    guard try copy(image, from: part, to: "\(path).new") else { return .imageLost }
    try disk.rename("\(path).new", to: path)
    try disk.syncDirectory(version)
    try AgentStarts(self, image.sha256).end()
    let told = try probe(path, ["version"])
    guard told.isSuccess else { throw .program(path: path, ending: told.text) }
    guard let configurationPath else { return .written }
    let read = try probe(path, ["check", "--config", configurationPath])
    // A program that does not know this word is an older agent, and no worse for it.
    guard read.isSuccess || read.ending == .exited(AgentExit.usage.rawValue) else {
      let reason = String(decoding: read.output.prefix(AgentVersions.reasonBytesMax), as: UTF8.self)
      throw .program(path: path, ending: "does not take this device's configuration: \(reason)")
    }
    return .written
  }

  private func copy(
    _ image: UpdateImage, from part: any DiskFile, to path: String
  ) throws(AgentError) -> Bool {
    let file = try disk.open(path, .createProgram)
    try file.truncate(to: 0)
    var offset: Int64 = 0
    while offset < image.size {
      let wanted = Int(min(Int64(PartFile.pieceBytes), image.size - offset))
      let piece = try part.read(at: offset, count: wanted)
      if piece.isEmpty { break }
      try file.write(piece, at: offset)
      offset += Int64(piece.count)
    }
    try file.sync()
    file.dropCache()
    // What was copied is proven by what is there now.
    return try FileDigest.of(file, count: image.size) == image.sha256
  }

  /// A program that cannot even say its version would never count its own starts.
  private func probe(_ path: String, _ words: [String]) throws(AgentError) -> ProgramResult {
    guard let call = ProgramCall([path] + words, timeout: AgentVersions.probeTimeout) else {
      throw .notConfigured("an absolute folder for the versions of the agent")
    }
    return programs.run(call)
  }

  /// Chooses a version for the next start of the service, and remembers the present one.
  func arm(_ digest: Digest) throws(AgentError) {
    let present = try current()
    guard present != digest else { return }
    let starts = AgentStarts(self, digest)
    if let count = try starts.count(), count >= AgentStarts.startsMax {
      throw .malformed(
        subject: "the agent \(digest)", reason: "started \(count) times and did not prove itself")
    }
    try starts.begin()
    if let present { try point("previous", to: present) }
    try point("current", to: digest)
  }

  /// Chooses the version before a trial; without one the program that came with the system.
  func revert(from digest: Digest) throws(AgentError) {
    guard try current() == digest else { return }
    if let previous = try version("previous"), previous != digest {
      try point("current", to: previous)
    } else {
      try disk.remove("\(folder)/current")
      try disk.syncDirectory(folder)
    }
  }

  /// The trial of a version passed.
  func confirm(_ digest: Digest) throws(AgentError) {
    try AgentStarts(self, digest).end()
    try tidy()
  }

  /// Removes versions that no link names.
  func tidy() throws(AgentError) {
    let kept = try linked()
    for name in try disk.names(in: folder) {
      guard let digest = Digest(hex: name), !kept.contains(digest) else { continue }
      for file in try disk.names(in: "\(folder)/\(name)") {
        try disk.remove("\(folder)/\(name)/\(file)")
      }
      try disk.remove("\(folder)/\(name)")
    }
  }

  private func linked() throws(AgentError) -> Set<Digest> {
    Set([try version("current"), try version("previous")].compactMap { $0 })
  }

  func current() throws(AgentError) -> Digest? { try version("current") }

  /// The version that a program belongs to, by its path; nil for one from elsewhere.
  func version(ofProgram path: String) -> Digest? {
    guard path.hasPrefix("\(folder)/") else { return nil }
    let parts = path.dropFirst(folder.count + 1).split(separator: "/")
    guard parts.count == 2, parts[1] == AgentVersions.program else { return nil }
    return Digest(hex: String(parts[0]))
  }

  private func version(_ link: String) throws(AgentError) -> Digest? {
    try disk.target(ofLink: "\(folder)/\(link)").flatMap(Digest.init(hex:))
  }

  private func point(_ link: String, to digest: Digest) throws(AgentError) {
    let temporary = "\(folder)/.\(link).new"
    try disk.remove(temporary)
    try disk.link(temporary, to: "\(digest)")
    try disk.rename(temporary, to: "\(folder)/\(link)")
    try disk.syncDirectory(folder)
  }
}
