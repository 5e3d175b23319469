// DrawLimits: the limits and the terms of retry that a seed gives to the policy of its scenario.

extension Scenario {
  /// The fields of `limits`: each limit in a half to a quarter of the scenarios.
  static func drawLimits(_ random: inout SeededRandom) -> String {
    var fields: [String] = []
    if random.below(2) == 0 { fields.append(#""concurrent": \#(random.within(5...20))"#) }
    switch random.below(4) {
    case 0: fields.append(#""perMinute": \#(random.within(1...6))"#)
    case 1:
      let every = ["notified", "succeeded"][random.below(2)]
      fields.append(
        #""rate": {"basePerMinute": \#(random.within(1...2)), "factor": "#
          + #"\#(["1.5", "2", "3"][random.below(3)]), "every": {"\#(every)": "#
          + #"\#(random.within(2...6))}, "ceiling": \#(random.within(4...12))}"#)
    default: break
    }
    switch random.below(4) {
    case 0: fields.append(#""domains": [{"by": "tag.site", "atMost": \#(random.within(1...2))}]"#)
    case 1:
      fields.append(
        #""domains": [{"by": "tag.site", "atMost": "\#(random.within(5...50))%"}]"#)
    default: break
    }
    if random.below(3) == 0 {
      let rate = ["400kB/s", "1MB/s", "2.5MB/s"][random.below(3)]
      fields.append(
        #""bandwidth": "\#(rate)", "bandwidthBurst": "\#(random.within(1...120))s""#)
    }
    return "{\(fields.joined(separator: ", "))}"
  }

  /// The fields of `retry`.
  static func drawRetry(_ random: inout SeededRandom) -> String {
    var fields = [
      #""attempts": \#(random.within(1...3))"#, #""backoff": "2m""#, #""maximum": "10m""#,
    ]
    if random.below(3) == 0 {
      fields.append(
        #""classes": {"download": {"attempts": \#(random.within(1...5)), "backoff": "1m"}, "#
          + #""install": {"attempts": \#(random.within(1...2))}, "#
          + #""timeout": {"attempts": \#(random.within(1...4))}"#
          + (random.below(2) == 0 ? #", "reverted": {"attempts": 2}}"# : "}"))
    }
    if random.below(3) == 0 {
      fields.append(
        #""budget": {"share": "\#(random.within(0...30))%", "minimum": \#(random.within(1...4))}"#)
    }
    return "{\(fields.joined(separator: ", "))}"
  }
}
