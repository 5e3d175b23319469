// The pure core stays pure: values in, values out, the same answer for the same arguments.

enum PureRules {
  static let all = [pureImport, pureCall]

  /// From the bottom up: each may import those before it.
  private static let targets = ["UpdateModel", "RolloutEngine", "FleetSimulator"]

  /// What would make an answer depend on the moment, the process or chance, and what to do.
  private static let banned: [(text: String, remedy: String)] = [
    ("Date(", clockRemedy), ("ContinuousClock", clockRemedy), ("SuspendingClock", clockRemedy),
    ("UUID(", chanceRemedy), (".random(", chanceRemedy), (".randomElement(", chanceRemedy),
    (".shuffled(", chanceRemedy), ("SystemRandomNumberGenerator", chanceRemedy),
    ("hashValue", "it differs from process to process; use a keyed digest of the identifier"),
    ("Task {", shellRemedy), ("Task.detached", shellRemedy), ("async", shellRemedy),
    ("print(", "return the text or a value that explains the decision"),
  ]
  private static let clockRemedy = "take the instant as the last parameter"
  private static let chanceRemedy = "take the seed or generator as an argument"
  private static let shellRemedy = "return what is to be done and let the shell do it"

  /// Evidence needs logarithms; nothing else of the pure core computes with floating point.
  private static let mathFolder = "Sources/RolloutEngine/Evidence/"

  private static func pureFiles(_ repository: Repository) -> [(target: String, file: SourceFile)] {
    repository.graph.targets.filter { targets.contains($0.name) }.flatMap { target in
      repository.files(of: target).map { (target.name, $0) }
    }
  }

  private static let pureImport = Rule(
    name: "pure-import",
    reason: "What the core cannot import it cannot do: no files, no clock, no threads.",
    fires: [
      engine("// Job.\nimport Glibc", line: 2), engine("import FleetSimulator"),
      engine("import Crypto"),
    ],
    quiet: [
      engine("public import UpdateModel"),
      Specimen(
        package: #"library("RolloutEngine", [], pure)"#,
        [SpecimenFile(mathFolder + "A.swift", "internal import Glibc")]),
    ]
  ) { repository in
    pureFiles(repository).flatMap { target, file in
      let allowed = targets.prefix { $0 != target }
      let hasMath = file.path.hasPrefix(mathFolder)
      return file.imports.filter {
        !allowed.contains($0.name) && !(hasMath && $0.name == "Glibc")
      }.map { module in
        Finding(
          file.path, module.line, "the pure target \(target) imports \(module.name)",
          allowed.isEmpty
            ? "keep \(target) free of imports"
            : "import nothing but " + allowed.joined(separator: " and "))
      }
    }
  }

  private static let pureCall = Rule(
    name: "pure-call",
    reason: "Simulation and replay hold only if a decision depends on nothing but its arguments.",
    fires: [
      engine("let now = Date()"), engine("func decide() async {}"), engine("Task { }"),
      engine("let seed = Int\n  .random(in: 0...1)", line: 2),
      engine(#"let text = "\(device.hashValue)""#),
    ],
    quiet: [
      engine("let date = UpdateDate()\nfingerprint()\n// print() is for the shell"),
      engine(#"let text = "print()""#),
      Specimen(
        package: #"library("Crypto", [], s)"#,
        [SpecimenFile("Sources/Crypto/A.swift", "print()")]),
    ]
  ) { repository in
    pureFiles(repository).flatMap { target, file in
      banned.flatMap { text, remedy in
        file.offsetsInCode(of: text).map { offset in
          Finding(
            file.path, file.line(at: offset), "the pure target \(target) uses \(text)", remedy)
        }
      }
    }
  }

  private static func engine(_ text: String, line: Int = 1) -> Specimen {
    Specimen(
      package: #"library("RolloutEngine", ["UpdateModel"], pure)"#,
      [SpecimenFile("Sources/RolloutEngine/A.swift", text)], line: line)
  }
}
