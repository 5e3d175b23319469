// The description of the device: what is read, and that every mistake is named.

import Testing
import UpdateModel

@testable import DeviceAgent

struct SetupDocumentTests {
  private func read(_ text: String) throws -> (setup: DeviceSetup?, faults: [Problem.Fault]) {
    let (document, lines) = try JSON.parseWithLines(Array(text.utf8), leniency: .comments)
    let faults = DocumentReader.Faults()
    let setup = DeviceSetup(DocumentReader(document, lines: lines, faults: faults))
    return (setup, faults.list)
  }

  private static let key = String(repeating: "ab", count: 32)
  private static let whole = """
    {
      "stateDirectory": "/data/agent", "hardware": "gs1",
      "signingKeys": ["3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"],
      "slots": {
        "a": "/dev/mmcblk0p2", "b": "/dev/mmcblk0p3", "component": "rootfs",
        "running": {"kernelArgument": "slot"}, "pieceBytes": 65536
      },
      "boot": {
        "kind": "uboot", "path": "/dev/mmcblk0", "offset": 4194304,
        "redundant": {"offset": 4210688}
      },
      "health": {
        "checks": [{"name": "pump", "command": ["/usr/bin/pump-check", "-q"], "timeout": "5s"}],
        "deadline": "3m", "server": false, "watchdog": "/dev/watchdog"
      },
      "hooks": {
        "reboot": ["/sbin/reboot"],
        "actions": [{"name": "stop-motors", "command": ["/usr/bin/motors", "stop"]}]
      },
      "agentVersions": "/opt/groundswell"
    }
    """

  @Test func `a whole description is read`() throws {
    let (read, faults) = try read(Self.whole)
    #expect(faults == [])
    let setup = try #require(read)
    #expect(setup.slots?.component.text == "rootfs")
    #expect(setup.slots?.pieceBytes == 65536)
    guard case .uboot(let uboot) = setup.boot else {
      Issue.record("the boot record is U-Boot's")
      return
    }
    #expect(uboot.redundant?.path == "/dev/mmcblk0")
    #expect(uboot.size == 0x4000)
    #expect(setup.health.checks.first?.call.words == ["/usr/bin/pump-check", "-q"])
    #expect(setup.health.checks.first?.call.timeout == .seconds(5))
    #expect(setup.health.deadline == .minutes(3))
    #expect(setup.hooks.actions[try Name("stop-motors")] != nil)
    #expect(setup.signingKeys.count == 1)
  }

  @Test(arguments: [
    (#""/dev/mmcblk0p3""#, #""/dev/mmcblk0p2""#, "$.slots.b"),
    (#""/dev/mmcblk0p3""#, #""mmcblk0p3""#, "$.slots.b"),
    (#""offset": 4210688"#, #""offset": 4194305"#, "$.boot.redundant.offset"),
    (#""kind": "uboot""#, #""kind": "grub""#, "$.boot.kind"),
    (#""deadline": "3m""#, #""deadline": "25h""#, "$.health.deadline"),
    (#"["/sbin/reboot"]"#, #"["reboot"]"#, "$.hooks.reboot"),
    (#"["/sbin/reboot"]"#, #""/sbin/reboot""#, "$.hooks.reboot"),
    (#""timeout": "5s""#, #""timeout": "0s""#, "$.health.checks[0].timeout"),
    (#""server": false"#, #""serve": false"#, "$.health.serve"),
    (#""pieceBytes": 65536"#, #""pieceBytes": 4095"#, "$.slots.pieceBytes"),
    (#"{"kernelArgument": "slot"}"#, "{}", "$.slots.running.command"),
    (#""boot": {"#, #""boots": {"#, "$.boot"),
    ("3d40", "3d", "$.signingKeys"),
  ])
  func `each mistake is named by its path`(old: String, new: String, field: String) throws {
    let text = try #require(Self.whole.replacing(old, with: new))
    #expect(try read(text).faults.contains { $0.field == field }, "\(field)")
  }

  @Test func `an offer is read, and each wrong member is named`() throws {
    let image = """
      {"component": "os", "name": "n", "file": "f", "version": "2", "hardware": ["gs1"], "size": 5,
       "sha256": "\(Self.key)", "signature": "\(Self.key + Self.key)", "url": "/i", "more": 1}
      """
    let offer = """
      {"action": "12", "attempt": 2, "kind": "rollback", "release": {"name": "r", "version": "2"},
       "prepare": "stop", "images": [\(image)]}
      """
    func update(_ text: String) throws -> Update {
      try Update(offer: try JSON.parse(Array(text.utf8)))
    }
    let read = try update(offer)
    #expect(read.attempt == 2)
    #expect(read.kind == .rollback)
    #expect(read.prepare?.text == "stop")
    #expect(read.images[0].source == "/i")
    for (old, new, field) in [
      (#""size": 5"#, #""size": 0"#, "image.size"), (#""size": 5"#, #""size": -1"#, "image.size"),
      (#""size": 5"#, #""size": 1099511627777"#, "image.size"),
      (#""name": "n""#, #""name": "../n""#, "image.name"),
      (#"["gs1"]"#, "[]", "image.hardware"), (#"["gs1"]"#, "[1]", "image.hardware"),
      (#""sha256": "ab"#, #""sha256": "xy"#, "image.sha256"),
      (#""signature": "ab"#, #""signature": ""#, "image.signature"),
      (#""action": "12""#, #""action": 12"#, "offer.action"),
      (#""attempt": 2"#, #""attempt": 0"#, "offer.attempt"),
      (#""version": "2"}"#, #""version": "2 3"}"#, "offer.release.version"),
      ("[\(image)]", "[]", "offer.images"), ("[\(image)]", "[\(image), \(image)]", "offer.images"),
    ] {
      let text = try #require(offer.replacing(old, with: new))
      do {
        _ = try update(text)
        Issue.record("\(new) was taken")
      } catch let error as InvalidValue {
        #expect(error.field == field)
      }
    }
  }
}

extension String {
  /// The text with the first occurrence exchanged; nil when there is none.
  func replacing(_ old: String, with new: String) -> String? {
    let (text, part) = (Array(utf8), Array(old.utf8))
    guard let start = text.indices.first(where: { text[$0...].starts(with: part) }) else {
      return nil
    }
    let bytes = text[..<start] + Array(new.utf8) + text[(start + part.count)...]
    return String(decoding: bytes, as: UTF8.self)
  }
}
