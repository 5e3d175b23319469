// What a rule is, what it reports, and the specimens that prove it still works.

struct Finding: Sendable {
  let path: String
  let line: Int
  let problem: String
  let remedy: String

  init(_ path: String, _ line: Int, _ problem: String, _ remedy: String) {
    self.path = path
    self.line = line
    self.problem = problem
    self.remedy = remedy
  }

  func message(of rule: Rule) -> String {
    "\(path):\(line): \(rule.name): \(problem); \(remedy)"
  }
}

/// One check over the whole repository.
struct Rule: Sendable {
  let name: String
  let reason: String
  /// Each of these must give a finding at its own line.
  let fires: [Specimen]
  /// None of these may give a finding; they sit just inside the limit.
  let quiet: [Specimen]
  let check: @Sendable (Repository) -> [Finding]
}

/// A repository of a few lines, held in memory.
struct Specimen: Sendable {
  let files: [SpecimenFile]
  let line: Int

  init(_ path: String, _ text: String, line: Int = 1) {
    self.init([SpecimenFile(path, text)], line: line)
  }

  init(_ files: [SpecimenFile], line: Int = 1) {
    self.files = files
    self.line = line
  }

  /// Files together with a package description that declares `targets`.
  init(package targets: String, _ files: [SpecimenFile], line: Int = 1) {
    self.init([SpecimenFile("Package.swift", targets)] + files, line: line)
  }
}

struct SpecimenFile: Sendable {
  let path: String
  let text: String

  init(_ path: String, _ text: String) {
    self.path = path
    self.text = text
  }
}
