// Examples: updates, images and facts that several tests need.

import Testing
import UpdateModel

@testable import DeviceAgent

enum Examples {
  static func image(
    component: String = "os", version: String = "2.0.0", byte: UInt8 = 1
  ) throws -> UpdateImage {
    UpdateImage(
      component: try Name(component), name: try Name("system"), file: try Name("system.img"),
      version: try FirmwareVersion(version), hardware: [try Name("gs1")], size: 1000,
      sha256: try #require(Digest(bytes: [UInt8](repeating: byte, count: 32))),
      signature: String(repeating: "0", count: 128), source: "/image")
  }

  static func update(
    _ images: [UpdateImage]? = nil, action: String = "123", attempt: Int = 1,
    prepare: String? = nil, resume: String? = nil
  ) throws -> Update {
    try #require(
      Update(
        action: try Name(action), attempt: attempt, kind: .update, release: try Name("r2"),
        version: try FirmwareVersion("2.0.0"), images: try images ?? [image()],
        prepare: try prepare.map { try Name($0) }, resume: try resume.map { try Name($0) }))
  }

  static func facts(
    running: Slot? = .a, boot: BootStatus? = BootStatus(slot: .a, previous: .a),
    agent: Digest? = nil, bootIdentifier: String = "1", now: Interval = .zero
  ) -> StartFacts {
    StartFacts(
      hasSlots: true, running: running, boot: boot, agent: agent, bootIdentifier: bootIdentifier,
      now: now)
  }

  /// Takes events one after the other; gives the last state and the effects of the last event.
  static func play(
    _ events: [AgentEvent], from start: AgentState = AgentState()
  ) -> (state: AgentState, effects: [AgentEffect]) {
    events.reduce((start, [])) { AgentMachine.step($0.0, $1) }
  }
}

/// Remembers calls and answers as told.
final class ScriptedPrograms: ProgramRunner, @unchecked Sendable {
  // One test uses it on one thread.
  var calls: [ProgramCall] = []
  var answer: (ProgramCall) -> ProgramResult = { _ in ProgramResult(.exited(0)) }

  func run(_ call: ProgramCall) -> ProgramResult {
    calls.append(call)
    return answer(call)
  }
}

/// A clock that goes on only when somebody waits.
final class WaitingClock: @unchecked Sendable {
  // One test uses it on one thread.
  private(set) var time = Interval.zero

  var clock: DeviceClock {
    DeviceClock(
      now: { self.time },
      wait: { length in
        self.time = Interval(milliseconds: self.time.milliseconds + length.milliseconds)
      })
  }
}
