// VirtualDeviceTests: the device alone, event by event.

import FleetSimulator
import Testing
import UpdateModel

@Suite struct VirtualDeviceTests {
  private static let start = Instant(milliseconds: 1_000_000)

  private static func device(_ change: (inout FleetTraits) -> Void = { _ in }) -> VirtualDevice {
    var traits = FleetTraits()
    change(&traits)
    return VirtualDevice(number: 0, seed: 11, traits: traits, version: "1.0", now: start)
  }

  /// Feeds the device until it has taken the offer of an action and its image.
  private static func installing(
    _ device: inout VirtualDevice, action: String = "11", version: String = "2.0"
  ) -> Instant {
    let now = device.dueAt ?? start
    _ = device.handle(.due, now: now)
    let offer = PollAnswer(
      offer: .deployment(action: action, link: "L\(action)"), attributesLink: nil)
    _ = device.handle(.answered(offer), now: now)
    _ = device.handle(.instructed(action: action, version: version), now: now)
    _ = device.handle(.downloaded(action: action, verified: true), now: now)
    return now + device.personality.install
  }

  private static func words(_ intents: [DeviceIntent]) -> [String] {
    intents.map { intent in
      switch intent {
      case .poll: "poll"
      case .describe(_, let version): "describe \(version ?? "nothing")"
      case .fetch(let link): "fetch \(link)"
      case .download(let action): "download \(action)"
      case .report(let report): "\(report.execution.rawValue)/\(report.finished.rawValue)"
      case .answerCancel(_, _, let accepted): accepted ? "stops" : "goes on"
      }
    }
  }

  @Test func `an update goes from the offer to the new version`() {
    var device = VirtualDeviceTests.device()
    let now = device.dueAt ?? VirtualDeviceTests.start
    #expect(VirtualDeviceTests.words(device.handle(.due, now: now)) == ["poll"])
    let offer = PollAnswer(
      offer: .deployment(action: "11", link: "L"), attributesLink: "A")
    #expect(
      VirtualDeviceTests.words(device.handle(.answered(offer), now: now))
        == ["describe 1.0", "fetch L"])
    let instructed = DeviceEvent.instructed(action: "11", version: "2.0")
    #expect(
      VirtualDeviceTests.words(device.handle(instructed, now: now))
        == ["proceeding/none", "download/none", "download 11"])
    let downloaded = DeviceEvent.downloaded(action: "11", verified: true)
    #expect(
      VirtualDeviceTests.words(device.handle(downloaded, now: now))
        == ["downloaded/none", "proceeding/none"])
    let installed = now + device.personality.install
    #expect(
      VirtualDeviceTests.words(device.handle(.due, now: installed)) == ["closed/success"])
    #expect(device.version == "1.0")
    let booted = installed + device.personality.reboot
    #expect(VirtualDeviceTests.words(device.handle(.due, now: booted)) == ["poll"])
    #expect(device.version == "2.0")
    #expect(device.otherVersion == "1.0")
    let nothing = PollAnswer(offer: .none, attributesLink: nil)
    #expect(
      VirtualDeviceTests.words(device.handle(.answered(nothing), now: booted))
        == ["describe 2.0"])
  }

  @Test func `a version that fails on a device fails each time, and the old one stays`() {
    var device = VirtualDeviceTests.device { $0.failureRate = .whole }
    for action in ["11", "12", "13"] {
      let end = VirtualDeviceTests.installing(&device, action: action)
      #expect(VirtualDeviceTests.words(device.handle(.due, now: end)) == ["closed/failure"])
      #expect(device.version == "1.0")
    }
    #expect(device.failureCount == 3)
  }

  @Test func `what ran before is installed again without failing`() {
    var device = VirtualDeviceTests.device { $0.failureRate = .whole }
    let end = VirtualDeviceTests.installing(&device, version: "1.0")
    #expect(VirtualDeviceTests.words(device.handle(.due, now: end)) == ["closed/success"])
  }

  @Test func `only the named version fails`() {
    let device = VirtualDeviceTests.device {
      $0.failureRate = .whole
      $0.failingVersion = "2.0"
    }
    #expect(device.personality.fails("2.0"))
    #expect(!device.personality.fails("2.1"))
  }

  @Test func `a failed boot leaves the old version running after a report of success`() {
    var device = VirtualDeviceTests.device {
      $0.failureRate = .whole
      $0.bootFailures = .whole
    }
    let end = VirtualDeviceTests.installing(&device)
    #expect(VirtualDeviceTests.words(device.handle(.due, now: end)) == ["closed/success"])
    _ = device.handle(.due, now: end + device.personality.reboot)
    #expect(device.version == "1.0")
  }

  @Test(arguments: Silence.allCases)
  func `a silent device wants nothing any more`(silence: Silence) {
    var device = VirtualDeviceTests.device {
      $0.silentRate = .whole
      $0.silences = [silence]
    }
    let end = VirtualDeviceTests.installing(&device)
    _ = device.handle(.due, now: end)
    _ = device.handle(.due, now: end + device.personality.reboot)
    for _ in 0..<2 {
      let nothing = PollAnswer(offer: .none, attributesLink: nil)
      _ = device.handle(.answered(nothing), now: end + device.personality.reboot)
    }
    #expect(device.state == .silent)
    #expect(device.dueAt == nil)
    #expect(device.handle(.due, now: end + .days(1)).isEmpty)
  }

  @Test func `wrong bytes are reported and not installed`() {
    var device = VirtualDeviceTests.device()
    let now = device.dueAt ?? VirtualDeviceTests.start
    _ = device.handle(.due, now: now)
    let offer = PollAnswer(offer: .deployment(action: "11", link: "L"), attributesLink: nil)
    _ = device.handle(.answered(offer), now: now)
    _ = device.handle(.instructed(action: "11", version: "2.0"), now: now)
    let intents = device.handle(.downloaded(action: "11", verified: false), now: now)
    #expect(VirtualDeviceTests.words(intents) == ["closed/failure"])
    #expect(device.state == .idle)
  }

  @Test func `a download that was cut is taken up at the next poll and costs nothing`() {
    var device = VirtualDeviceTests.device()
    let now = device.dueAt ?? VirtualDeviceTests.start
    let offer = PollAnswer(offer: .deployment(action: "11", link: "L"), attributesLink: nil)
    _ = device.handle(.due, now: now)
    _ = device.handle(.answered(offer), now: now)
    _ = device.handle(.instructed(action: "11", version: "2.0"), now: now)
    #expect(device.handle(.downloadCut(action: "10"), now: now).isEmpty)
    #expect(device.isWorking, "a cut of another download changes nothing")
    #expect(device.handle(.downloadCut(action: "11"), now: now).isEmpty)
    let next = device.dueAt ?? now
    #expect(VirtualDeviceTests.words(device.handle(.due, now: next)) == ["poll"])
    #expect(device.handle(.answered(offer), now: next) == [.fetch(link: "L")])
    let again = device.handle(.instructed(action: "11", version: "2.0"), now: next)
    #expect(again.last == .download(action: "11"))
    #expect(device.failureCount == 0)
  }

  @Test func `an offer of what is done already is answered with the final report`() {
    var device = VirtualDeviceTests.device()
    let end = VirtualDeviceTests.installing(&device)
    _ = device.handle(.due, now: end)
    let booted = end + device.personality.reboot
    _ = device.handle(.due, now: booted)
    let offer = PollAnswer(offer: .deployment(action: "11", link: "L"), attributesLink: nil)
    #expect(
      VirtualDeviceTests.words(device.handle(.answered(offer), now: booted))
        == ["closed/success"])
  }

  @Test func `a final report that was lost is sent again at the next poll`() {
    var device = VirtualDeviceTests.device { $0.failureRate = .whole }
    let end = VirtualDeviceTests.installing(&device)
    guard case .report(let report)? = device.handle(.due, now: end).first else {
      Issue.record("the device reports its failure")
      return
    }
    _ = device.handle(.reportLost(report), now: end)
    let next = max(end, device.dueAt ?? end)
    #expect(
      VirtualDeviceTests.words(device.handle(.due, now: next)) == ["closed/failure", "poll"])
  }

  @Test(arguments: [false, true])
  func `a device asked to stop stops unless it is stubborn`(isStubborn: Bool) {
    var device = VirtualDeviceTests.device { $0.stubborn = isStubborn ? .whole : .none }
    let end = VirtualDeviceTests.installing(&device)
    let cancel = PollAnswer(offer: .cancel(action: "11", link: "C"), attributesLink: nil)
    let intents = device.handle(.answered(cancel), now: end)
    #expect(VirtualDeviceTests.words(intents) == [isStubborn ? "goes on" : "stops"])
    #expect(device.isWorking == isStubborn)
  }

  @Test func `a device without knowledge of its version never names one`() {
    var device = VirtualDeviceTests.device { $0.versionAware = .none }
    let answer = PollAnswer(offer: .none, attributesLink: "A")
    let intents = device.handle(.answered(answer), now: VirtualDeviceTests.start)
    #expect(VirtualDeviceTests.words(intents) == ["describe nothing"])
  }

  @Test func `polls follow the server's wait and stay within a tenth of it`() {
    var device = VirtualDeviceTests.device()
    let answer = PollAnswer(offer: .none, attributesLink: nil, sleep: .seconds(100))
    var now = device.dueAt ?? VirtualDeviceTests.start
    for _ in 0..<50 {
      _ = device.handle(.due, now: now)
      _ = device.handle(.answered(answer), now: now)
      let next = device.dueAt ?? now
      #expect((Interval.seconds(90) ... .seconds(110)).contains(next - now))
      now = next
    }
  }

  @Test func `a version that goes bad late runs for its time, then the device falls back`() throws {
    var device = VirtualDeviceTests.device {
      $0.lateFailures = .whole
      $0.failingVersion = "2.0"
    }
    let done = VirtualDeviceTests.installing(&device)
    _ = device.handle(.due, now: done)
    let booted = done + device.personality.reboot
    _ = device.handle(.due, now: booted)
    #expect(device.version == "2.0")
    let relapse = try #require(device.relapsesAt)
    #expect(relapse == booted + (device.personality.lateness ?? .zero))
    while device.version == "2.0", let due = device.dueAt, due <= relapse {
      _ = device.handle(.due, now: due)
    }
    #expect(device.version == "1.0")
    #expect(device.otherVersion == "2.0")
    #expect(device.relapsesAt == nil)
  }
}
