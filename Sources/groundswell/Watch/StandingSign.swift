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
  static let all = Standing.allCases.map { (rank: look($0).rank, sign: StandingSign($0)) }
    .sorted { $0.rank < $1.rank }.map(\.sign)

  private init(_ standing: Standing) {
    self.standing = standing
    (_, letter, colour) = StandingSign.look(standing)
  }

  private static func look(
    _ standing: Standing
  ) -> (rank: Int, letter: Character, colour: Colour) {
    switch standing {
    case .succeeded: (0, "S", .green)
    case .unverified: (1, "u", .cyan)
    case .failed: (2, "F", .red)
    case .lost: (3, "L", .magenta)
    case .returned: (4, "b", .yellow)
    case .returnFailed: (5, "X", .red)
    case .stranded: (6, "!", .red)
    case .returning: (7, "<", .yellow)
    case .returnRetrying: (8, "R", .yellow)
    case .verifying: (9, "v", .cyan)
    case .installing: (10, "i", .blue)
    case .downloading: (11, "d", .blue)
    case .retrying: (12, "r", .yellow)
    case .offered: (13, "o", .grey)
    case .cancelled: (14, "c", .grey)
    case .postponed: (15, "p", .yellow)
    case .undelivered: (16, "n", .grey)
    case .superseded: (17, "s", .grey)
    case .waiting: (18, "w", .yellow)
    case .undecided: (19, "?", .magenta)
    }
  }
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
  /// Devices from which nothing more is expected: with a verdict, back, or beyond bringing back.
  var settled: Int {
    verdicts + self[.returned] + self[.returnFailed] + self[.stranded]
  }
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
