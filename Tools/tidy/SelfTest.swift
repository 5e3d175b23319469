// Proves that every rule fires on its bad specimens, at the right line, and spares its good ones.

enum SelfTest {
  /// What went wrong, a sentence each; empty when all rules work.
  static func failures(of rules: [Rule]) -> [String] {
    rules.flatMap { rule in
      var failures: [String] = []
      if rule.fires.isEmpty || rule.quiet.isEmpty {
        failures.append("\(rule.name): lacks a bad or a good specimen; add it to the rule")
      }
      for (index, specimen) in rule.fires.enumerated() {
        let lines = rule.check(Repository(specimen)).map(\.line)
        if !lines.contains(specimen.line) {
          failures.append(
            "\(rule.name): bad specimen \(index + 1) should fire at line \(specimen.line), "
              + "it fired at \(lines)")
        }
      }
      for (index, specimen) in rule.quiet.enumerated() {
        for finding in rule.check(Repository(specimen)) {
          failures.append(
            "\(rule.name): good specimen \(index + 1) should pass: \(finding.message(of: rule))")
        }
      }
      return failures
    }
  }

  static func specimenCount(of rules: [Rule]) -> Int {
    rules.reduce(0) { $0 + $1.fires.count + $1.quiet.count }
  }
}
