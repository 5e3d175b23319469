// StandingSign: the letter and colour by which each standing of a device is drawn.

import RolloutEngine

/// How one standing looks.
struct StandingSign: Sendable {
  /// The standing itself.
  let standing: Standing
  /// One character of the bar.
  let letter: Character
  /// Its colour.
  let colour: Colour

  /// The word used in the API.
  var label: String { standing.label }

  /// Every standing, in the order of a bar: verdicts first, then what is under way.
  static let all: [StandingSign] = [
    StandingSign(standing: .succeeded, letter: "S", colour: .green),
    StandingSign(standing: .unverified, letter: "u", colour: .cyan),
    StandingSign(standing: .failed, letter: "F", colour: .red),
    StandingSign(standing: .lost, letter: "L", colour: .magenta),
    StandingSign(standing: .returned, letter: "b", colour: .yellow),
    StandingSign(standing: .returnFailed, letter: "X", colour: .red),
    StandingSign(standing: .stranded, letter: "!", colour: .red),
    StandingSign(standing: .returning, letter: "<", colour: .yellow),
    StandingSign(standing: .verifying, letter: "v", colour: .cyan),
    StandingSign(standing: .installing, letter: "i", colour: .blue),
    StandingSign(standing: .downloading, letter: "d", colour: .blue),
    StandingSign(standing: .retrying, letter: "r", colour: .yellow),
    StandingSign(standing: .offered, letter: "o", colour: .grey),
    StandingSign(standing: .cancelled, letter: "c", colour: .grey),
  ]
}

/// Devices by standing, as the server counts them.
struct StandingCounts: Equatable, Sendable {
  /// One count per element of `StandingSign.all`.
  let counts: [Int]

  /// Reads the object `counts`; absent standings are 0.
  init(_ document: [String: Int]) {
    counts = StandingSign.all.map { max(0, document[$0.label] ?? 0) }
  }

  /// Devices in one standing.
  subscript(standing: Standing) -> Int {
    zip(StandingSign.all, counts).first { $0.0.standing == standing }?.1 ?? 0
  }

  /// Devices that take part.
  var participants: Int { counts.reduce(0, +) }
  /// Devices with a verdict about the release.
  var verdicts: Int { sum { $0.isVerdict } }
  /// Devices that count against the release.
  var failures: Int { sum { $0.isFailure } }

  private func sum(_ isIncluded: (Standing) -> Bool) -> Int {
    zip(StandingSign.all, counts).reduce(0) { isIncluded($1.0.standing) ? $0 + $1.1 : $0 }
  }

  /// `41 succeeded, 1 failed, 3 installing`; empty when there is nothing to count.
  var words: String {
    zip(StandingSign.all, counts).filter { $0.1 > 0 }
      .map { "\(Wording.count($0.1)) \($0.0.label)" }.joined(separator: ", ")
  }
}
