// The real program, killed at random instants of real updates; the device always starts again.

import Crypto
import Glibc
import Testing
import UpdateModel
import UpdateTrust

@testable import DeviceAgent

/// A device made of files, with the built program as its agent.
private final class FileDevice {
  let folder: TestDirectory
  let disk = POSIXDisk()
  let loader: ModelBootLoader
  private let images: [[UInt8]]
  private var boots = 0

  init() throws {
    folder = try TestDirectory()
    var draw = Draw(seed: 99)
    images = (0..<2).map { _ in
      (0..<200_000).map { _ in UInt8(truncatingIfNeeded: draw(1 << 20)) }
    }
    for name in ["slots", "boot", "run", "state"] { try disk.makeDirectory(folder.file(name)) }
    loader = ModelBootLoader(disk: disk, record: .copies(folder: folder.file("boot")))
    try folder.write(images[0], to: "slots/a")
    try folder.write([], to: "slots/b")
    try BootAccess(
      disk: disk, programs: ScriptedPrograms(), control: .file(directory: folder.file("boot"))
    ).write(BootStatus(slot: .a, previous: .a))
    for index in images.indices { try describe(index) }
    let configuration = """
      {
        "server": "http://127.0.0.1:9", "stateDirectory": "\(folder.file("state"))",
        "hardware": "gs1", "signingKeys": ["\(SimulatedDevice.key.verifyingKey.hex)"],
        "rebootEndsAgent": true, "bootIdentifierFile": "\(folder.file("run/boot"))",
        "slots": {
          "a": "\(folder.file("slots/a"))", "b": "\(folder.file("slots/b"))",
          "running": {"file": "\(folder.file("run/slot"))"}, "pieceBytes": 4096
        },
        "boot": {"kind": "file", "directory": "\(folder.file("boot"))"},
        "health": {"server": false, "checks": [{"name": "true", "command": ["/bin/true"]}]}
      }
      """
    try folder.write(configuration, to: "agent.json")
  }

  private func describe(_ index: Int) throws {
    let image = try SimulatedDevice.update(images[index], component: "os").images[0]
    let manifest: JSON = [
      "component": .string(image.component.text), "name": .string(image.name.text),
      "file": .string(image.file.text), "version": .string(image.version.text),
      "hardware": .array(image.hardware.map { .string($0.text) }), "size": .integer(image.size),
      "sha256": .string("\(image.sha256)"), "signature": .string(image.signature),
    ]
    try folder.write(images[index], to: "\(index).img")
    try folder.write(manifest.prettyText, to: "\(index).json")
  }

  /// Starts what the boot loader chooses; which image that is.
  func boot() throws -> Int {
    let slot = try loader.choose()
    let content = try #require(try folder.read("slots/\(slot)"))
    let image = try #require(images.firstIndex(of: content), "slot \(slot) holds no whole system")
    boots += 1
    try folder.write(slot, to: "run/slot")
    try folder.write("\(boots)", to: "run/boot")
    return image
  }

  /// Runs the program on an image; nil when it was killed after `microseconds`.
  func install(_ index: Int, killedAfter microseconds: Int?) throws -> Int32? {
    let words = [
      AgentProgramFile.path, "install", folder.file("\(index).img"), "--manifest",
      folder.file("\(index).json"), "--config", folder.file("agent.json"),
    ]
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, folder.file("log"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    let arguments = words.map { strdup($0) } + [nil]
    defer { for word in arguments { free(word) } }
    var process: pid_t = 0
    try #require(posix_spawn(&process, words[0], &actions, nil, arguments, environ) == 0)
    if let microseconds {
      usleep(UInt32(microseconds))
      kill(process, SIGKILL)
    }
    var status: Int32 = 0
    try #require(waitpid(process, &status, 0) == process)
    return status & 0x7F == 0 ? status >> 8 & 0xFF : nil
  }
}

/// The built program, in the folder of this test bundle.
enum AgentProgramFile {
  static var path: String {
    // Without the link the arguments tell.
    let own = try? POSIXDisk().target(ofLink: "/proc/self/exe")
    let words = [own ?? ""] + CommandLine.arguments
    // The toolchain may run the bundle through a program of its own.
    let bundle = words.first { $0.contains("/.build/") } ?? words.first { $0.contains(".xctest") }
    return SlotPair.folder(of: bundle ?? ".build/debug/x") + "/groundswell-agent"
  }
}

struct KilledProcessTests {
  /// Kills, as the issue of this agent asks for.
  private static let killCount = 200

  @Test func `the program is killed at 200 random points and always finishes`() throws {
    let seed = UInt64.random(in: 1...1_000_000)
    print("kills of the program by seed \(seed)")
    var draw = Draw(seed: seed)
    let device = try FileDevice()
    var running = try device.boot()
    var wanted = 1
    var kills = 0
    var installed = 0
    // How long one process may live at most before it is killed; follows what it needs.
    var span = 20_000
    var runs = 0
    while kills < Self.killCount || installed < 2 {
      runs += 1
      try #require(runs < 20 * Self.killCount, "the updates do not end, seed \(seed)")
      let isKilled = kills < Self.killCount
      let ending = try device.install(wanted, killedAfter: isKilled ? draw(span) : nil)
      switch ending {
      case nil:
        kills += 1
        // Longer lives, so that later steps are reached too; shorter again after an update.
        span = min(span + span / 8, 2_000_000)
        // The power is gone, or only the process.
        if draw(2) == 0 { running = try device.boot() }
      case 75: running = try device.boot()
      case 0:
        running = try device.boot()
        #expect(running == wanted, "seed \(seed)")
        installed += 1
        wanted = 1 - wanted
        span = 20_000
      case 1:
        // The boot loader counted more starts of the trial than it allows.
        running = try device.boot()
        #expect(running == 1 - wanted, "seed \(seed)")
      default:
        Issue.record("status \(ending ?? -1), seed \(seed): \(try device.folder.text("log"))")
        return
      }
    }
    #expect(kills == Self.killCount)
  }
}
