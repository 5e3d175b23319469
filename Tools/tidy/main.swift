// Checks the habits of this repository and names each place that breaks one.

import Glibc

let rules =
  DependencyRules.all + PureRules.all + SizeRules.all + NameRules.all + LeftoverRules.all
  + TextRules.all

let usage = """
  Usage: swift run tidy [--list | --self-test | --help]

  Run it from the top folder of the repository. It first tests its own rules, then prints one line
  for each finding: path:line: rule: what is wrong; what to do.

    --list       print the rules with their reasons
    --self-test  test the rules on their specimens and stop
    --help       print this text

  Exit status: 0 nothing found, 1 findings, 2 wrong usage or an unreadable tree, 3 a broken rule.
  """

enum Status: Int32 {
  case clean = 0
  case findings = 1
  case usage = 2
  case brokenRule = 3
}

func complain(_ text: String) {
  var line = text + "\n"
  line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

func selfTest() -> Status {
  let failures = SelfTest.failures(of: rules)
  failures.forEach(complain)
  return failures.isEmpty ? .clean : .brokenRule
}

func checkRepository() -> Status {
  guard selfTest() == .clean else { return .brokenRule }
  guard let repository = Repository.load() else {
    complain("tidy: cannot read the files here; check their permissions")
    return .usage
  }
  guard !repository.graph.targets.isEmpty else {
    complain("tidy: found no targets in Package.swift; run tidy from the top folder")
    return .usage
  }
  let found = rules.flatMap { rule in
    rule.check(repository).map { (finding: $0, rule: rule) }
  }
  let ordered = found.sorted {
    ($0.finding.path, $0.finding.line, $0.rule.name)
      < ($1.finding.path, $1.finding.line, $1.rule.name)
  }
  for (finding, rule) in ordered { print(finding.message(of: rule)) }
  complain("tidy: \(repository.files.count) files, \(rules.count) rules, \(found.count) findings")
  return found.isEmpty ? .clean : .findings
}

func run(_ arguments: [String]) -> Status {
  switch arguments {
  case []: return checkRepository()
  case ["--help"]: print(usage)
  case ["--list"]:
    for rule in rules { print("\(rule.name): \(rule.reason)") }
  case ["--self-test"]:
    let status = selfTest()
    if status == .clean {
      print("tidy: \(rules.count) rules pass \(SelfTest.specimenCount(of: rules)) specimens")
    }
    return status
  default:
    complain(usage)
    return .usage
  }
  return .clean
}

exit(run(Array(CommandLine.arguments.dropFirst())).rawValue)
