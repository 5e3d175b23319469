// Slots and downloads: what is written, what is refused, and what a bad medium leads to.

import Crypto
import Testing
import UpdateModel

@testable import DeviceAgent

struct SlotTests {
  private static let bytes = [UInt8](repeating: 0x5A, count: 9000)

  private func device() throws -> (SimulatedDisk, SlotPair, UpdateImage) {
    let disk = SimulatedDisk()
    disk.install("/slots/a", Self.bytes.map { $0 ^ 1 })
    disk.install("/slots/b", [UInt8](repeating: 7, count: 20_000), isDevice: true)
    disk.install("/part", Self.bytes)
    var setup = SlotSetup(
      pathA: "/slots/a", pathB: "/slots/b", component: try Name("os"), running: .file("/run/slot"))
    setup.pieceBytes = 4096
    let image = try SimulatedDevice.update(Self.bytes, component: "os").images[0]
    return (disk, SlotPair(disk: disk, setup: setup), image)
  }

  @Test func `an image is written and the rest of a device is left`() throws {
    let (disk, slots, image) = try device()
    let part = try disk.open("/part", .read)
    #expect(try slots.write(image, from: part, to: .b, running: .a) == .written)
    let content = try #require(disk.content("/slots/b"))
    #expect(content == Self.bytes + [UInt8](repeating: 7, count: 11_000))
  }

  @Test func `the running slot is not written`() throws {
    let (disk, slots, image) = try device()
    let part = try disk.open("/part", .read)
    let before = disk.content("/slots/a")
    #expect(throws: AgentError.slotIsRunning(.a)) {
      try slots.write(image, from: part, to: .a, running: .a)
    }
    #expect(disk.content("/slots/a") == before)
    // One path under two names is the running slot too.
    var setup = slots.setup
    setup.pathB = setup.pathA
    #expect(throws: AgentError.slotIsRunning(.b)) {
      try SlotPair(disk: disk, setup: setup).write(image, from: part, to: .b, running: .a)
    }
  }

  @Test func `an image fills its slot and not a byte more`() throws {
    for (size, fits) in [(9000, true), (8999, false)] {
      let (disk, slots, image) = try device()
      disk.install("/slots/b", [UInt8](repeating: 0, count: size), isDevice: true)
      let part = try disk.open("/part", .read)
      if fits {
        #expect(try slots.write(image, from: part, to: .b, running: .a) == .written)
      } else {
        #expect(throws: AgentError.tooLarge(size: 9000, capacity: 8999)) {
          try slots.write(image, from: part, to: .b, running: .a)
        }
      }
    }
  }

  @Test func `a medium that keeps other bytes is found when it is read back`() throws {
    let (disk, slots, image) = try device()
    disk.spoil("/slots/b")
    let part = try disk.open("/part", .read)
    #expect(throws: AgentError.self) {
      try slots.write(image, from: part, to: .b, running: .a)
    }
  }

  @Test func `a download that changed is not what was verified`() throws {
    let (disk, slots, image) = try device()
    disk.install("/part", Self.bytes.dropLast() + [0])
    #expect(
      try slots.write(image, from: try disk.open("/part", .read), to: .b, running: .a)
        == .imageLost)
    disk.install("/part", Array(Self.bytes.dropLast()))
    #expect(
      try slots.write(image, from: try disk.open("/part", .read), to: .b, running: .a)
        == .imageLost)
  }

  @Test func `a slot is intact when it has the bytes that were written, or none are known`() throws
  {
    let (disk, slots, image) = try device()
    let content = SlotContent(version: image.version, sha256: image.sha256, size: image.size)
    #expect(try slots.isIntact(.a, nil))
    #expect(try !slots.isIntact(.a, content))
    disk.install("/slots/a", Self.bytes + [1])
    #expect(try slots.isIntact(.a, content))
  }

  @Test func `a part file goes on where it ends and begins anew when its digest is wrong`() throws {
    let disk = SimulatedDisk()
    let folder = DownloadDirectory(disk: disk, stateDirectory: "/state")
    let image = try SimulatedDevice.update(Self.bytes, component: "os").images[0]
    try PartFile(image, in: folder).append(Array(Self.bytes.prefix(4000)))
    let part = try PartFile(image, in: folder)
    #expect(part.offset == 4000)
    #expect(try folder.missingBytes([image]) == 5000)
    #expect(throws: AgentError.tooLarge(size: 9001, capacity: 9000)) {
      try part.append([UInt8](repeating: 0, count: 5001))
    }
    try part.append([UInt8](repeating: 0, count: 5000))
    #expect(part.isComplete)
    #expect(throws: AgentError.self) { try part.verify() }
    #expect(part.offset == 0)
    try part.append(Self.bytes)
    try part.verify()
    let other = try SimulatedDevice.update([1, 2, 3], component: "os").images[0]
    _ = try PartFile(other, in: folder)
    try folder.discard(keeping: [image.sha256])
    #expect(try disk.names(in: folder.path) == ["\(image.sha256).part"])
  }

  @Test func `only an image that is signed and for this hardware may come near`() throws {
    let image = try SimulatedDevice.update(Self.bytes, component: "os").images[0]
    let key = SimulatedDevice.key.verifyingKey
    let other = try SigningKey.generate().verifyingKey
    let model = try Name("gs1")
    #expect(ImageTrust.objection(to: image, hardware: model, keys: [other, key]) == nil)
    #expect(
      ImageTrust.objection(to: image, hardware: model, keys: [other])
        == .unsigned(image: "system.img"))
    #expect(ImageTrust.objection(to: image, hardware: model, keys: []) != nil)
    #expect(
      ImageTrust.objection(to: image, hardware: try Name("gs2"), keys: [key])
        == .wrongHardware(image: "system.img", hardware: try Name("gs2")))
    // Each signed fact counts.
    let tampered = [
      UpdateImage(
        component: image.component, name: image.name, file: image.file,
        version: try FirmwareVersion("2.0.1"), hardware: image.hardware, size: image.size,
        sha256: image.sha256, signature: image.signature, source: ""),
      UpdateImage(
        component: try Name("agent"), name: image.name, file: image.file, version: image.version,
        hardware: image.hardware, size: image.size, sha256: image.sha256,
        signature: image.signature, source: ""),
      UpdateImage(
        component: image.component, name: image.name, file: image.file, version: image.version,
        hardware: image.hardware + [try Name("gs2")], size: image.size, sha256: image.sha256,
        signature: image.signature, source: ""),
    ]
    for image in tampered {
      #expect(ImageTrust.objection(to: image, hardware: model, keys: [key]) != nil)
    }
  }

  @Test func `an unsigned offer is refused before a byte is written`() throws {
    let device = try SimulatedDevice(.copies(folder: "/boot"))
    var setup = device.setup
    setup.signingKeys = []
    let updater = try DeviceUpdater(
      setup, disk: device.disk, programs: device.programs, clock: WaitingClock().clock)
    _ = try updater.start(program: nil)
    #expect(try updater.offer(device.update) == [.deliverReports])
    #expect(updater.state.outbox.last?.failure?.failureClass == .signature)
    #expect(try device.disk.names(in: "/state/downloads") == [])
  }

  @Test func `a bad system goes back to one that ran well with other bytes than were written`()
    throws
  {
    let device = try SimulatedDevice(.copies(folder: "/boot"), system: .sick)
    let old = try #require(device.disk.content("/slots/a"))
    // The device knows what it had, as after an earlier update.
    var state = AgentState()
    state.contents[.a] = SlotContent(
      version: try FirmwareVersion("1.0.0"),
      sha256: try #require(Digest(SHA256.value(of: old).bytes)), size: Int64(old.count) - 1)
    try device.disk.makeDirectory("/state")
    try Journal(disk: device.disk, directory: "/state").save(state)
    try device.run(failures: [], seed: 1)
    let ending = try device.ending()
    #expect(!ending.isNew)
    #expect(!ending.isTrial)
    #expect(ending.report?.phase == .reverted)
    #expect(try device.state().safeMode == nil)
  }

  @Test func `nothing is written while the system does not tell which slot runs`() throws {
    for (word, isWritten) in [("", false), (" \n", false), ("a\n", true), ("recovery", true)] {
      let device = try SimulatedDevice(.copies(folder: "/boot"))
      device.disk.install("/run/slot", Array(word.utf8))
      let old = device.disk.content("/slots/a")
      var state = AgentState()
      state.confirmed = .a
      try device.disk.makeDirectory("/state")
      try Journal(disk: device.disk, directory: "/state").save(state)
      let updater = try DeviceUpdater(
        device.setup, disk: device.disk, programs: device.programs, clock: WaitingClock().clock)
      _ = try updater.start(program: nil)
      #expect((updater.state.safeMode == .recoverySystem) == (word != "a\n"))
      _ = try updater.offer(device.update)
      try PartFile(device.update.images[0], in: updater.downloads).append(device.newBytes)
      _ = try updater.finishDownload()
      _ = try updater.handle(.installAllowed(action: device.update.action))
      #expect((device.disk.content("/slots/b") == device.newBytes) == isWritten)
      #expect(device.disk.content("/slots/a") == old)
      #expect((updater.state.latestEnd?.failure?.failureClass == .install) == !isWritten)
    }
  }
}
