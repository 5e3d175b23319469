// DeviceStoryTests: every device in every rollout is told where it is, why, and what comes next.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct DeviceStoryTests {
  /// What is said of a device in each standing, in a rollout that runs.
  private static let reasons: [Standing: String] = [
    .offered: "was offered the release at ",
    .downloading: "has been fetching the release since ",
    .installing: "has been installing the release since ",
    .verifying: "said at ",
    .retrying: "attempt 1 of 3 failed, install: no space",
    .succeeded: "runs the release, verified at ",
    .unverified: "says that it installed the release and calls, but cannot report what it runs",
    .failed: "failed for good in attempt 1 of 3, install: no space",
    .lost: "fell silent while it held attempt 1 of 3",
    .cancelled: "was stopped at ",
    .returning: "is being brought back: it was offered what it ran before at ",
    .returnRetrying: "attempt 1 of 3 at the way back failed, install: no space",
    .returned: "was brought back at ",
    .returnFailed: "could not be brought back in attempt 1 of 3, install: no space",
    .stranded: "should go back, but nothing is known that it could go back to",
    .postponed: "postponed by the device since ", .waiting: "waits since ",
    .undecided: "waits since ",
    .undelivered: "did not take the release in the time it was given",
    .superseded: "is another rollout's now",
  ]

  @Test(arguments: Standing.allCases)
  func `a device that takes part is told where it is, whatever became of the rollout`(
    standing: Standing
  ) throws {
    let part = try Story.part(standing)
    let expected = try #require(DeviceStoryTests.reasons[standing])
    for status in Rollout.Status.allCases {
      for rollout in try [Story.byEvidence(status), Story.byQuorum(status)] {
        #expect(rollout.status == status)
        // Without evidence nobody has a stratum.
        let subject = try Story.subject(rollout.gathersEvidence ? "waiting" : "new kind")
        let told = Story.tell(subject, part, in: rollout)
        #expect(told.reason.hasPrefix(expected), "\(status): \(told.reason)")
        #expect(!told.next.isEmpty, "\(status)")
        Story.check(told)
      }
    }
  }

  @Test(arguments: [
    (Standing.offered, Rollout.Status.running, "to take the offer up; otherwise this attempt ends"),
    (.offered, .paused, "the offer is kept for it but not shown while the rollout is paused"),
    (.offered, .halted, "it is asked to stop at its next poll"),
    (.installing, .running, "to report how the installation went"),
    (.retrying, .running, "attempt 2 of 3 begins at its next poll"),
    (.retrying, .paused, "until somebody lets the rollout go on: groundswell rollout resume test"),
    (.succeeded, .running, "it counts as proven from "),
    (.succeeded, .halted, "it keeps the release; groundswell rollout rollback test would bring"),
    (.succeeded, .rollingBack, "it is given back what it ran before, at its next poll"),
    (.succeeded, .closed, "nothing more from this rollout: a later one took its place"),
    (.failed, .completed, "nothing more is offered to it in this rollout"),
    (.lost, .running, "whatever it reports when it calls again decides"),
    (.returned, .rolledBack, "nothing more; a fixed release reaches it with its own rollout"),
    (.stranded, .rollingBack, "a person has to look: groundswell device history d1"),
  ])
  func `what happens next follows from the standing and the status`(
    standing: Standing, status: Rollout.Status, next: String
  ) throws {
    let told = Story.tell(
      try Story.subject(), try Story.part(standing), in: try Story.byEvidence(status))
    #expect(told.next.contains(next), "\(told.next)")
  }

  private static let place = DeviceStory.Place(
    position: 12_345, size: 70_000, label: "hardware=a", opened: 407)

  @Test(arguments: [
    // status, subject, reason, next
    ("draft", "waiting", "the rollout is a draft", "groundswell rollout start test"),
    (
      "running", "waiting", "waits for its turn: it has place 12,345 of 70,000 of hardware=a; 407",
      "its turn comes when those before it have shown that the release is good"
    ),
    (
      "paused", "waiting", "waits: the rollout is paused by a person; it has place 12,345",
      "groundswell rollout resume test"
    ),
    ("halted", "waiting", "it never took part: the rollout was stopped", "it keeps what it runs"),
    ("aborted", "waiting", "it never took part: the rollout was stopped", "nothing more"),
    ("rolling-back", "waiting", "it never took part", "nothing more from this rollout"),
    ("rolled-back", "waiting", "it never took part", "nothing more from this rollout"),
    ("closed", "waiting", "it never took part: a later rollout took the place", "later one"),
    ("completed", "waiting", "waits for its turn", "its turn comes when"),
    (
      "running", "canary", "will be granted at its next poll, in canary",
      "it is offered the release at its next poll"
    ),
    (
      "running", "unknown", "not in this rollout: its hardware model is not known",
      "groundswell device tag --hardware"
    ),
    (
      "running", "foreign", "not in this rollout: no artifact of the release fits hardware board-x",
      "a release with an artifact for board-x could reach it"
    ),
    ("draft", "outside", "not in this rollout: outside its target", "unless it comes into the"),
    ("closed", "outside", "not in this rollout: outside its target", "unless it comes into the"),
    ("running", "runs", "runs the release already", "should it report another version"),
    (
      "running", "guarded", "kept from updates by a safeguard: it broke",
      "groundswell safeguard list"
    ),
    (
      "running", "quarantined", "waits: its kind, B, is in quarantine: ",
      "nothing until a person lifts the safeguard"
    ),
    ("running", "new kind", "waits: nobody of its kind has been seen before", "its turn comes"),
  ])
  func `a device that takes no part is told why`(
    status: String, kind: String, reason: String, next: String
  ) throws {
    var rollout = try Story.byEvidence(try #require(Rollout.Status(rawValue: status)))
    if kind == "quarantined" { try Story.quarantine(1, in: &rollout) }
    let told = Story.tell(try Story.subject(kind, place: DeviceStoryTests.place), nil, in: rollout)
    #expect(told.reason.hasPrefix(reason), "\(told.reason)")
    #expect(told.next.contains(next), "\(told.next)")
    Story.check(told)
  }

  @Test func `a device in quarantine is told so, and what it goes back to`() throws {
    var rollout = try Story.byEvidence(.running)
    try Story.quarantine(1, in: &rollout)
    var part = try Story.part(.succeeded)
    part.stratum = 1
    let told = Story.tell(try Story.subject(), part, in: rollout)
    #expect(told.next == "it is given back what it ran before, at its next poll")
    #expect(told.facts.contains { $0.hasPrefix("B is in quarantine since ") })
  }

  @Test func `a silent device is told to be lost as it seems`() throws {
    var part = try Story.part(.installing)
    part.exposedAt = noon
    part.isSilent = true
    let told = Story.tell(
      try Story.subject(heardAt: noon), part, in: try Story.byEvidence(.running),
      now: noon + .days(1))
    #expect(told.reason.hasPrefix("lost as it seems: it began to install at "))
    #expect(told.next == "whatever it reports when it calls again decides")
    #expect(told.facts.contains { $0.hasPrefix("it was last heard at ") })
  }

  @Test func `a device without a way back, and one busy elsewhere, are told so`() throws {
    var rollout = try Story.byEvidence(.running)
    let busy = DeviceStory.Subject(
      candidate: try Story.subject().candidate, hardware: try Name("board-a"), heardAt: nil,
      leaseElsewhere: try Name("other"))
    let told = Story.tell(busy, nil, in: rollout)
    #expect(told.facts.contains { $0.contains("busy with rollout other") })
    #expect(told.facts.contains("it has never called; nothing happens before it polls"))
    rollout = try Story.byEvidence(.rollingBack)
    let part = try action(.ended(.succeeded), fallback: nil)
    let stranded = Story.tell(try Story.subject(), part, in: rollout)
    #expect(stranded.next.hasPrefix("it is listed as stranded at its next poll"))
    #expect(stranded.facts.contains("nothing is known that it could be brought back to"))
  }

  @Test(arguments: 0..<40) func `there are words for any state, and none traps`(seed: Int) throws {
    var dice = Dice(state: UInt64(seed))
    var rollout = try Story.byEvidence(.draft)
    if dice.roll(5) > 0 { rollout = try Story.random(&dice) }
    for _ in 0..<50 {
      let subject = try Story.randomSubject(&dice, in: rollout)
      let part = dice.roll(3) == 0 ? nil : try Story.randomPart(&dice, in: rollout)
      let now = noon + .minutes(Int64(dice.roll(10_000)))
      let told = Story.tell(subject, part, in: rollout, now: now)
      Story.check(told, "seed \(seed)")
      let whole = RolloutStory(rollout, now: now)
      #expect(whole.lines.first?.topic == .status, "seed \(seed)")
      #expect(whole.lines.last?.topic == .then, "seed \(seed)")
      for line in whole.lines { Story.check(line.sentence, "seed \(seed)") }
    }
  }
}
