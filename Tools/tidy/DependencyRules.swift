// The dependency law: imports follow the arrows that Package.swift draws.

enum DependencyRules {
  static let all = [
    undeclaredImport, unusedDependency, undeclaredTarget, owner, spread, moduleName,
  ]

  /// The one target that may import each C library.
  private static let owners = [
    "CLinux": "HTTPServer", "COpenSSL": "Crypto", "CZstd": "ImagePipeline",
    "CSQLite": "FleetStore", "CPostgreSQL": "FleetStore", "CQREncode": "Labels",
  ]
  /// Enough to wrap the largest library (OpenSSL: digests, keys, certificates, TLS); more means
  /// that its functions leak out.
  private static let importersMax = 15
  private static let systemModules: Set<String> = ["Swift", "Glibc", "Synchronization", "Dispatch"]

  private static func isSystem(_ module: String, in target: PackageTarget) -> Bool {
    systemModules.contains(module) || (target.kind == .test && module == "Testing")
  }

  /// C modules are written as a capital C before a capital letter: `CZstd`, unlike `Crypto`.
  static func isCModule(_ name: String) -> Bool {
    let start = Array(name.prefix(2))
    return start.count == 2 && start[0] == "C" && start[1].isUppercase
  }

  private static let undeclaredImport = Rule(
    name: "import-undeclared",
    reason: "Package.swift is the map of the house; an import beside it is a hidden arrow.",
    fires: [
      Specimen(
        package: #"library("Inner", [], s), library("Outer", [], s)"#,
        [SpecimenFile("Sources/Outer/A.swift", "// Job.\npublic import Inner")], line: 2),
      Specimen(
        package: #"tests("Inner", [])"#,
        [SpecimenFile("Tests/InnerTests/A.swift", "@testable import struct Inner.B")]),
      Specimen(
        package: #"library("Inner", [], s)"#,
        [SpecimenFile("Sources/Inner/A.swift", "import Foundation")]),
    ],
    quiet: [
      Specimen(
        package: #".target(name: "Outer", dependencies: ["Inner"], path: "Code")"#,
        [SpecimenFile("Code/A.swift", "import Glibc\nimport Inner\n// import Other")]),
      Specimen(
        package: #"tests("Inner", ["Inner"])"#,
        [SpecimenFile("Tests/InnerTests/A.swift", "import Testing\n@testable import Inner")]),
    ]
  ) { repository in
    repository.graph.targets.flatMap { target in
      let declared = Set(target.dependencies.map(\.name))
      return repository.files(of: target).flatMap { file in
        file.imports.compactMap { module -> Finding? in
          guard !declared.contains(module.name), !isSystem(module.name, in: target) else {
            return nil
          }
          return Finding(
            file.path, module.line, "\(target.name) may not import \(module.name)",
            "declare the dependency in Package.swift if the arrow points the right way, "
              + "or move the code")
        }
      }
    }
  }

  private static let unusedDependency = Rule(
    name: "dependency-unused",
    reason: "An arrow that no file follows hides how little a target needs.",
    fires: [
      Specimen(
        package: "library(\n  \"Outer\",\n  [\"Inner\"], s)",
        [SpecimenFile("Sources/Outer/A.swift", "// import Inner\nstruct A {}")], line: 3)
    ],
    quiet: [
      Specimen(
        package: #"library("Outer", ["Inner"], s) // library("Outer", ["Third"], s)"#,
        [SpecimenFile("Sources/Outer/A.swift", "import enum Inner.Gate")]),
      Specimen(
        package: #".executableTarget(name: "x"), tests("x", ["x"])"#,
        [SpecimenFile("Tests/xTests/A.swift", "struct A {}")]),
      Specimen(
        package: #"library("Outer", ["Inner"], s)"#,
        [SpecimenFile("Sources/Outer/A.swift", "// Nothing here yet.")]),
    ]
  ) { repository in
    let executables = repository.graph.targets.filter { $0.kind == .executable }.map(\.name)
    return repository.graph.targets.flatMap { target -> [Finding] in
      let files = repository.files(of: target)
      // A target without code yet has nothing that could follow an arrow; its placeholder is named.
      guard files.contains(where: \.hasCode) else { return [] }
      let imported = Set(files.flatMap(\.imports).map(\.name))
      return target.dependencies.compactMap { dependency -> Finding? in
        guard !imported.contains(dependency.name), !executables.contains(dependency.name) else {
          return nil
        }
        return Finding(
          "Package.swift", dependency.line,
          "\(target.name) declares \(dependency.name), which none of its files imports",
          "remove the dependency")
      }
    }
  }

  private static let undeclaredTarget = Rule(
    name: "target-undeclared",
    reason: "A file outside every target is never compiled, so it is dead.",
    fires: [Specimen(package: #"library("A", [], s)"#, [SpecimenFile("Sources/B/B.swift", "")])],
    quiet: [
      Specimen(package: #"library("A", [], s)"#, [SpecimenFile("Sources/A/B/B.swift", "")])
    ]
  ) { repository in
    repository.swiftFiles.compactMap { file -> Finding? in
      guard file.path != "Package.swift", !file.isData else { return nil }
      guard repository.graph.target(of: file.path) == nil else { return nil }
      return Finding(
        file.path, 1, "no target of Package.swift holds this file",
        "declare the target or delete it")
    }
  }

  private static let owner = Rule(
    name: "c-module-owner",
    reason: "One target speaks to each C library, so its handles and errors have one translator.",
    fires: [
      Specimen(package: #"library("Gateways", ["CZstd"], s)"#, []),
      Specimen(
        package: "library(\"A\", [\"CNew\"], s)\nlibrary(\"B\", [\"CNew\"], s)", [], line: 2),
    ],
    quiet: [
      Specimen(package: #"library("ImagePipeline", ["Crypto", "CZstd"], s)"#, []),
      Specimen(package: #"library("A", ["CNew"], s)"#, []),
    ]
  ) { repository in
    var users = owners
    return repository.graph.targets.flatMap { target -> [Finding] in
      target.dependencies.filter { isCModule($0.name) }.compactMap { module -> Finding? in
        let user = users[module.name, default: target.name]
        users[module.name] = user
        guard user != target.name else { return nil }
        return Finding(
          "Package.swift", module.line, "\(target.name) may not use \(module.name)",
          "call it through \(user), the only importer")
      }
    }
  }

  private static let spread = Rule(
    name: "c-module-spread",
    reason: "C calls that stay in a handful of files can be reviewed for every return code.",
    fires: [Specimen(package: #"library("Crypto", ["COpenSSL"], s)"#, importers(importersMax + 1))],
    quiet: [Specimen(package: #"library("Crypto", ["COpenSSL"], s)"#, importers(importersMax))]
  ) { repository in
    repository.graph.targets.flatMap { target in
      target.dependencies.filter { isCModule($0.name) }.compactMap { module -> Finding? in
        let importing = repository.files(of: target).filter { file in
          file.imports.contains { $0.name == module.name }
        }
        guard importing.count > importersMax, let last = importing.last else { return nil }
        let line = last.imports.first { $0.name == module.name }?.line ?? 1
        return Finding(
          last.path, line,
          "\(importing.count) files of \(target.name) import \(module.name), "
            + "\(importersMax) are allowed",
          "move the calls behind the types that own the handles")
      }
    }
  }

  private static func importers(_ count: Int) -> [SpecimenFile] {
    (1...count).map { SpecimenFile("Sources/Crypto/File\($0).swift", "import COpenSSL") }
  }

  private static let moduleName = Rule(
    name: "module-name",
    reason: "A type named like its module makes every qualified name ambiguous.",
    fires: [
      Specimen(
        package: #"library("Console", [], s)"#,
        [SpecimenFile("Sources/Console/A.swift", "// Job.\npublic final class Console {}")],
        line: 2)
    ],
    quiet: [
      Specimen(
        package: #"library("Console", [], s)"#,
        [SpecimenFile("Sources/Console/A.swift", "struct ConsolePage {}\nextension Console {}")])
    ]
  ) { repository in
    repository.graph.targets.flatMap { target in
      repository.files(of: target).flatMap { file in
        file.types.filter { $0.name == target.name }.map { type in
          Finding(
            file.path, type.line, "\(type.keyword) \(type.name) has the name of its module",
            "name the type after what it does in the module")
        }
      }
    }
  }
}
