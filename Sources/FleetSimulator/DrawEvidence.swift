// DrawEvidence: the terms of the statistical gate that a seed gives to the policy of its scenario.

import UpdateModel

extension Scenario {
  /// A policy by evidence for a fleet that polls in this interval; its stages, if it has any, are
  /// ceilings.
  static func drawEvidencePolicy(
    canary: Bool, poll: Interval, more: String? = nil, _ random: inout SeededRandom
  ) -> Policy {
    let minutes = Int(poll.wholeSeconds / 60)
    let patience = 4 * minutes + 30
    var fields = [#""name": "drawn""#, #""gate": \#(drawGate(&random))"#]
    if let more { fields.append(more) }
    if canary {
      fields.append(
        #""canary": {"group": "staging", "soak": "10m", "quorum": "80%", "waitAtMost": "6h", "#
          + #""signOff": \#(random.below(4) == 0)}"#)
    }
    switch random.below(6) {
    case 0:
      fields.append(
        #""stages": [{"upTo": "\#(random.within(5...30))%", "soak": "10m"},"#
          + #"{"upTo": "60%", "soak": "5m", "signOff": \#(random.below(2) == 0)},"#
          + #"{"upTo": "100%", "soak": "5m"}]"#)
    case 1:
      fields.append(
        #""stages": {"start": \#(random.within(1...8)), "growth": 2, "soak": "10m"}"#)
    default: break
    }
    if random.below(5) == 0 {
      fields.append(#""approve": {"above": "\#(random.within(10...70))%"}"#)
    }
    if random.below(5) == 0 {
      fields.append(#""failureLimit": {"share": "25%", "minimum": \#(random.within(2...5))}"#)
    }
    fields.append(#""limits": \#(random.below(2) == 0 ? drawLimits(&random) : "{}")"#)
    fields.append(#""retry": \#(drawRetry(&random))"#)
    fields.append(
      #""timeouts": {"accept": "\#(3 * minutes)m", "download": "\#(patience)m", "#
        + #""install": "\#(patience)m", "verify": "\#(patience)m", "reboot": "20m"}"#)
    fields.append(#""onAbort": "\#(random.below(4) == 0 ? "stop" : "rollback")""#)
    return policy("{\(fields.joined(separator: ", "))}")
  }

  private static func drawGate(_ random: inout SeededRandom) -> String {
    var fields = [
      #""tolerance": "\#(["1%", "5%", "10%", "20%"][random.below(4)])""#,
      #""soak": "\#(random.within(5...120))m""#, #""first": \#(random.within(1...5))"#,
      #""growth": \#(random.within(1...10))"#, #""budget": \#(random.within(1...30))"#,
      #""stallLimit": \#(random.within(2...6))"#,
      #""quarantineLimit": \#(random.within(1...3))"#,
      #""quarantineShare": "\#(random.within(30...90))%""#,
      #""deliveryLimit": "\#(random.within(10...50))%""#,
    ]
    if random.below(4) == 0 { fields.append(#""deviceHours": \#(random.within(1...20))"#) }
    if random.below(5) == 0 { fields.append(#""verdictWithin": "\#(random.within(1...5))h""#) }
    if random.below(5) == 0 { fields.append(#""silentAfter": "\#(random.within(1...3))h""#) }
    if random.below(5) == 0 { fields.append(#""domain": "tag.site""#) }
    return "{\(fields.joined(separator: ", "))}"
  }
}
