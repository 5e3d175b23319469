// What is left behind in a hurry: markers, traps, unproven promises, swallowed errors, empty files.

enum LeftoverRules {
  static let all = [marker, trap, uncheckedSendable, silentTry, placeholder, noDeclaration]

  private static let markers = ["TODO", "FIXME", "XXX", "HACK"]
  private static let traps = ["try!", "as!", "fatalError("]

  private static let marker = Rule(
    name: "marker",
    reason: "Work that is left is an issue with an owner, not a note in the code.",
    fires: [
      Specimen("Sources/A/A.swift", "// Job.\n// FIXME: later", line: 2),
      Specimen("Tools/test", "# XXX"), Specimen("Sources/A/A.swift", "func HACK() {}"),
    ],
    quiet: [
      Specimen("Sources/A/A.swift", "let text = \"TODO\"\n// TODOS and FIXMEs"),
      Specimen("Tools/test", "mktemp -d name.XXXXXX"), Specimen("CONTRIBUTING.md", "No TODO."),
    ]
  ) { repository in
    repository.textFiles.filter { !$0.path.hasSuffix(".md") }.flatMap { file in
      markers.flatMap { word in
        let inComments = file.isSwift ? file.offsets(of: word, in: file.views.comments) : []
        return (file.offsetsInCode(of: word) + inComments).map { offset in
          Finding(
            file.path, file.line(at: offset), "\(word) is left in the file",
            "do it now or open an issue, and delete the marker")
        }
      }
    }
  }

  private static let trap = Rule(
    name: "trap",
    reason: "Hostile input and broken disks must never end the process.",
    fires: traps.map { Specimen("Sources/A/A.swift", "// Job.\nlet a = (\($0) b())", line: 2) },
    quiet: [
      Specimen("Tests/ATests/A.swift", "let a = try! b() as! C"),
      Specimen("Sources/A/A.swift", "let a = try b() as? C // try! would trap"),
    ]
  ) { repository in
    repository.swiftFiles.filter { !$0.isTest }.flatMap { file in
      traps.flatMap { word in
        file.offsetsInCode(of: word).map { offset in
          Finding(
            file.path, file.line(at: offset), "\(word) ends the process",
            "throw the error of this target, or state the invariant with precondition")
        }
      }
    }
  }

  private static let uncheckedSendable = Rule(
    name: "unchecked-sendable",
    reason: "The compiler believes this promise, so a reader must be able to check it.",
    fires: [Specimen("Sources/A/A.swift", "// Job.\n\nstruct A: @unchecked Sendable {}", line: 3)],
    quiet: [
      Specimen(
        "Sources/A/A.swift", "// Only its loop touches it.\nstruct A: @unchecked Sendable {}"),
      Specimen("Sources/A/A.swift", "struct A: @unchecked Sendable {} // Never changes."),
    ]
  ) { repository in
    repository.swiftFiles.flatMap { file in
      file.offsetsInCode(of: "@unchecked Sendable").compactMap { offset -> Finding? in
        let line = file.line(at: offset)
        guard !file.hasComment(on: line), !file.hasComment(on: line - 1) else { return nil }
        return Finding(
          file.path, line, "@unchecked Sendable without its proof",
          "say in the line above which rule keeps two threads from touching it")
      }
    }
  }

  private static let silentTry = Rule(
    name: "silent-try",
    reason: "An error that is dropped was a decision; the reader must see the reason.",
    fires: [Specimen("Sources/A/A.swift", "// Job.\n\nlet a = try? b()", line: 3)],
    quiet: [
      Specimen("Sources/A/A.swift", "// The file may be gone already.\ntry? a()\ntry? b()"),
      Specimen("Sources/A/A.swift", "try? a() // Closing twice is harmless."),
      Specimen(
        "Sources/A/A.swift", "// Never fails here.\nguard\n  let a = try? b() else { return }"),
    ]
  ) { repository in
    repository.swiftFiles.flatMap { file in
      var explained: Set<Int> = []
      return file.offsetsInCode(of: "try?").compactMap { offset -> Finding? in
        let line = file.line(at: offset)
        // One comment speaks for a run of lines that all drop their errors.
        let isExplained =
          file.hasComment(on: line) || file.hasComment(on: line - 1)
          || (file.hasCode(on: line - 1) && file.hasComment(on: line - 2))
          || explained.contains(line - 1)
        if isExplained {
          explained.insert(line)
          return nil
        }
        return Finding(
          file.path, line, "try? drops an error without a word",
          "handle the error, or say just above why it does not matter")
      }
    }
  }

  private static let placeholder = Rule(
    name: "placeholder",
    reason: "A file that waits for content tells a visitor that something exists which does not.",
    fires: [
      Specimen("Sources/A/Placeholder.swift", "struct A {}"),
      Specimen("Sources/A/A.swift", "// Placeholder until A lands."),
      Specimen("Artifacts/.gitkeep", ""),
    ],
    quiet: [Specimen("Sources/A/A.swift", "// Fills the placeholders of a page.")]
  ) { repository in
    repository.files.compactMap { file -> Finding? in
      guard isPlaceholder(file) else { return nil }
      return Finding(file.path, 1, "the file is a placeholder", "delete it or write its content")
    }
  }

  static func isPlaceholder(_ file: SourceFile) -> Bool {
    let isEmpty = file.bytes.isEmpty && !file.isData
    let saysSo = file.isSwift && file.firstLine.hasPrefix("// Placeholder")
    return isEmpty || saysSo || file.stem == "Placeholder" || file.name == ".gitkeep"
  }

  private static let noDeclaration = Rule(
    name: "no-declaration",
    reason: "A file that declares nothing is dead, whatever its comments say.",
    fires: [
      Specimen("Sources/A/A.swift", "// struct A {}\nimport Glibc"),
      Specimen("Sources/A/main.swift", "// Starts the program.\n"),
    ],
    quiet: [
      Specimen("Sources/A/A.swift", "extension B {}"),
      Specimen("Sources/A/main.swift", "// Starts the program.\nrun()"),
    ]
  ) { repository in
    repository.swiftFiles.compactMap { file -> Finding? in
      // A placeholder is reported as such, once.
      guard !isPlaceholder(file) else { return nil }
      let isAlive = file.name == "main.swift" ? file.hasCode : file.hasDeclaration
      guard !isAlive else { return nil }
      return Finding(file.path, 1, "the file declares nothing", "delete it")
    }
  }
}
