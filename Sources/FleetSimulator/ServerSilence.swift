// ServerSilence: who should have been heard and was not, as the server of production watches it.

import RolloutEngine
import UpdateModel

extension ServerModel {
  /// Looks at the control cohort and marks devices that fell silent.
  mutating func watchSilence(now: Instant) {
    guard let terms = policy.evidence, rollout.startedAt != nil, rollout.status != .closed else {
      return
    }
    if cohort.isDue(poll: poll, now: now) { look(terms, now: now) }
    while let index = silences.removeFirst(dueBy: now) { listen(to: index, terms, now: now) }
  }

  private mutating func look(_ terms: Policy.Evidence, now: Instant) {
    let opened = rollout.openStage.flatMap { rollout.stages[$0].openedAt } ?? now
    var looked = cohort
    let sample = looked.look(
      terms: terms, poll: poll, startedAt: rollout.startedAt ?? opened, stepOpenedAt: opened,
      now: now,
      isGranted: { actions[number($0)] != nil }, lastHeard: { twins[number($0)].heardAt })
    cohort = looked
    let isBlind = sabotage == .ignoresOutages
    rollout.evolve(
      .controlSeen(
        isBlind
          ? ControlSample(devices: sample.devices, lost: sample.lost, heard: .whole, at: now)
          : sample), at: now)
    invariants.noteLook(sample, now: now)
  }

  // Ids end with the number of the device; to look it up would take longer than the rest of a look.
  func number(_ device: DeviceID) -> Int {
    device.text.utf8.dropFirst(Twin.prefix.utf8.count).reduce(0) { $0 * 10 + Int($1 - 48) }
  }

  private mutating func listen(to index: Int, _ terms: Policy.Evidence, now: Instant) {
    guard let action = actions[index], action.isWatched, let silence = rollout.silence,
      sabotage != .ignoresSilence
    else { return }
    let twin = twins[index]
    var found = cohort.judge(
      heard: twin.heardAt, silence: silence,
      domain: terms.domain.flatMap { $0.value(of: twin.registration) }, now: now)
    if sabotage == .ignoresOutages, now - twin.heardAt >= silence { found = .lost }
    switch found {
    case .tooShort(let lookAgain): silences.add(index, due: lookAgain)
    case .lost: step(index, .fellSilent, now: now)
    }
  }
}
