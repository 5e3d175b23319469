// An agent image that fits once but not twice: the update fails, and nothing of it fills the disk.

import Crypto
import Testing
import UpdateModel

@testable import DeviceAgent

/// The real disk with a limit for what one file may hold, as a file system that becomes full.
private struct FullDisk: AgentDisk {
  let disk = POSIXDisk()
  let fileBytesMax: Int64
  /// Files that the limit is for.
  let folder: String

  func open(_ path: String, _ mode: DiskMode) throws(AgentError) -> any DiskFile {
    let file = try disk.open(path, mode)
    return path.hasPrefix(folder) ? FullFile(file, bytesMax: fileBytesMax) : file
  }
  func exists(_ path: String) throws(AgentError) -> Bool { try disk.exists(path) }
  func isBlockDevice(_ path: String) throws(AgentError) -> Bool { try disk.isBlockDevice(path) }
  func rename(_ path: String, to target: String) throws(AgentError) {
    try disk.rename(path, to: target)
  }
  func remove(_ path: String) throws(AgentError) { try disk.remove(path) }
  func syncDirectory(_ path: String) throws(AgentError) { try disk.syncDirectory(path) }
  func makeDirectory(_ path: String) throws(AgentError) { try disk.makeDirectory(path) }
  func names(in path: String) throws(AgentError) -> [String] { try disk.names(in: path) }
  func link(_ path: String, to target: String) throws(AgentError) {
    try disk.link(path, to: target)
  }
  func target(ofLink path: String) throws(AgentError) -> String? {
    try disk.target(ofLink: path)
  }
  func freeBytes(at path: String) throws(AgentError) -> Int64 { try disk.freeBytes(at: path) }
}

private final class FullFile: DiskFile {
  private let file: any DiskFile
  private let bytesMax: Int64

  init(_ file: any DiskFile, bytesMax: Int64) {
    self.file = file
    self.bytesMax = bytesMax
  }

  func size() throws(AgentError) -> Int64 { try file.size() }
  func read(at offset: Int64, count: Int) throws(AgentError) -> [UInt8] {
    try file.read(at: offset, count: count)
  }
  func write(_ bytes: [UInt8], at offset: Int64) throws(AgentError) {
    let room = Int(max(0, min(Int64(bytes.count), bytesMax - offset)))
    try file.write(Array(bytes.prefix(room)), at: offset)
    guard room == bytes.count else {
      throw .system(operation: "write", path: "a full disk", code: 28)  // ENOSPC
    }
  }
  func truncate(to size: Int64) throws(AgentError) { try file.truncate(to: size) }
  func sync() throws(AgentError) { try file.sync() }
  func dropCache() { file.dropCache() }
}

struct FullDiskTests {
  private let directory: TestDirectory
  private let bytes = patternBytes(700_000)
  private let image: UpdateImage

  init() throws {
    directory = try TestDirectory()
    image = try signedImage(
      bytes, version: "2.0", key: try SigningKey.generate(), source: "/image")
    try directory.write(bytes, to: "part")
  }

  private func versions(_ fileBytesMax: Int64) -> AgentVersions {
    AgentVersions(
      disk: FullDisk(fileBytesMax: fileBytesMax, folder: directory.file("versions")),
      programs: ScriptedPrograms(), folder: directory.file("versions"))
  }

  private func part() throws -> any DiskFile { try POSIXDisk().open(directory.file("part"), .read) }

  @Test func `a version that does not fit leaves nothing behind`() throws {
    #expect(throws: AgentError.self) { try versions(300_000).write(image, from: try part()) }
    #expect(try POSIXDisk().names(in: directory.file("versions")) == [])
    // With room it becomes one.
    #expect(try versions(1 << 20).write(image, from: try part()) == .written)
    #expect(try directory.read("versions/\(image.sha256)/groundswell-agent") == bytes)
  }

  @Test func `a download that changed leaves no version behind`() throws {
    try directory.write(patternBytes(700_000, seed: 3), to: "part")
    #expect(try versions(1 << 20).write(image, from: try part()) == .imageLost)
    #expect(try POSIXDisk().names(in: directory.file("versions")) == [])
  }

  @Test func `the version in force survives a failed copy of itself`() throws {
    #expect(try versions(1 << 20).write(image, from: try part()) == .written)
    try versions(1 << 20).arm(image.sha256)
    #expect(throws: AgentError.self) { try versions(300_000).write(image, from: try part()) }
    let names = try POSIXDisk().names(in: directory.file("versions/\(image.sha256)")).sorted()
    #expect(names == ["groundswell-agent", "starts"])
  }

  @Test func `a slot file that does not fit is emptied`() throws {
    let slots = SlotPair(
      disk: FullDisk(fileBytesMax: 300_000, folder: directory.file("slot")),
      setup: SlotSetup(
        pathA: directory.file("slot-a"), pathB: directory.file("slot-b"),
        component: try Name("os"), running: .file("/run/slot")))
    #expect(throws: AgentError.self) {
      try slots.write(image, from: try part(), to: .b, running: .a)
    }
    #expect(try directory.read("slot-b") == [])
  }

  @Test func `the agent's own image is counted twice before it is fetched`() throws {
    let downloads = DownloadDirectory(disk: POSIXDisk(), stateDirectory: directory.path)
    let agent = UpdateImage(
      component: try Name(UpdateImage.agentComponent), name: image.name, file: image.file,
      version: image.version, hardware: image.hardware, size: image.size, sha256: image.sha256,
      signature: image.signature, source: image.source)
    #expect(try downloads.neededBytes([image]) == 700_000)
    #expect(try downloads.neededBytes([agent]) == 1_400_000)
    _ = try PartFile(agent, in: downloads).append(bytes)
    #expect(try downloads.neededBytes([agent]) == 700_000)
  }
}
