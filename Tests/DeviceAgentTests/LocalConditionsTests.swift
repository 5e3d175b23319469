// What the device itself demands: tables just inside and just outside of each rule.

import Testing
import UpdateModel

@testable import DeviceAgent

struct LocalConditionsTests {
  @Test func `the owner's wish is read strictly`() {
    #expect(AutoUpdate("always") == .always)
    #expect(AutoUpdate("manual") == .manual)
    #expect(AutoUpdate("at 02:00-04:30") == .daily(from: 120, until: 270))
    #expect(AutoUpdate("at 23:59-00:00")?.description == "at 23:59-00:00")
    for text in [
      "", "At 02:00-04:00", "at 2:00-4:00", "at 24:00-01:00", "at 02:60-03:00", "at 02:00",
      "at 02:00-02:00", "at 02:00-04:00-05:00", "at 0a:00-04:00", "at +2:00-04:00",
    ] {
      #expect(AutoUpdate(text) == nil, "\(text)")
    }
  }

  @Test func `a window may cross midnight`() {
    let night = AutoUpdate.daily(from: 1380, until: 60)
    for (minute, isInside) in [(1379, false), (1380, true), (0, true), (59, true), (60, false)] {
      #expect(night.contains(minuteOfDay: minute) == isInside)
    }
    let morning = AutoUpdate.daily(from: 120, until: 240)
    for (minute, isInside) in [(119, false), (120, true), (239, true), (240, false)] {
      #expect(morning.contains(minuteOfDay: minute) == isInside)
    }
  }

  @Test func `a download needs room for what is missing and a reserve`() {
    var rules = LocalConditions()
    rules.reserveBytes = 100
    func verdict(_ free: Int64?) -> LocalVerdict {
      rules.download(missingBytes: 50, isSafeMode: true, LocalFacts(freeBytes: free))
    }
    #expect(verdict(150) == .allowed)
    #expect(verdict(nil) == .allowed)
    guard case .refused(let failure) = verdict(149) else {
      Issue.record("too little room was allowed")
      return
    }
    #expect(failure.failureClass == .storage)
  }

  @Test func `an installation waits for energy, disuse and the window`() {
    var rules = LocalConditions()
    rules.autoUpdate = .daily(from: 120, until: 240)
    let night = LocalFacts(isInUse: false, batteryPercent: 20, isCharging: false, minuteOfDay: 120)
    func install(
      _ change: (inout LocalFacts) -> Void, forced: Bool = false, person: Bool = false,
      safe: Bool = false
    ) -> Bool {
      var facts = night
      change(&facts)
      return rules.install(
        isForced: forced, isAllowedByPerson: person, isSafeMode: safe, facts) == .allowed
    }
    #expect(install { _ in })
    #expect(!install { $0.batteryPercent = 19 })
    #expect(
      install {
        $0.batteryPercent = 19
        $0.isCharging = true
      })
    #expect(!install({ $0.batteryPercent = 19 }, forced: true, person: true))
    #expect(install({ $0.batteryPercent = 19 }, safe: true))
    #expect(!install { $0.isInUse = true })
    #expect(install({ $0.isInUse = true }, forced: true))
    #expect(!install { $0.minuteOfDay = 240 })
    #expect(install({ $0.minuteOfDay = 240 }, person: true))
    #expect(!install { $0.minuteOfDay = nil })
    rules.autoUpdate = .manual
    #expect(!install { _ in })
    #expect(install({ _ in }, person: true))
  }
}
