// What holds for every text: no traces of one machine, a tidy top folder, clean line ends.

enum TextRules {
  static let all = [absolutePath, topLevel, trailingSpace, tab, finalNewline]

  /// Folders in which people and build machines keep their work.
  private static let privateFolders = ["home", "root", "work", "Users"]
  private static let topLevelEntries: Set<String> = [
    "Package.swift", "Sources", "Tests", "Policies", "Artifacts", "Tools", "README.md",
    "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE",
  ]

  private static let absolutePath = Rule(
    name: "absolute-path",
    reason: "A path of one machine is wrong on every other and tells strangers about it.",
    fires: [
      Specimen("README.md", "Build it.\n\nSee `/\(privateFolders[0])/me/a`.", line: 3),
      Specimen("Tests/Goldens/a.txt", "/\(privateFolders[2])/a"),
    ],
    quiet: [Specimen("README.md", "See https://example.org/\(privateFolders[2])/a and /usr/bin/a.")]
  ) { repository in
    repository.files.filter { !$0.isBinary }.flatMap { file in
      privateFolders.flatMap { folder in
        file.offsets(of: "/\(folder)/", in: file.bytes).compactMap { offset -> Finding? in
          guard offset == 0 || !isPathByte(file.bytes[offset - 1]) else { return nil }
          return Finding(
            file.path, file.line(at: offset), "a path below /\(folder) belongs to one machine",
            "use a path relative to the repository or a variable")
        }
      }
    }
  }

  /// Bytes before a slash that make it the middle of a longer path or address.
  private static func isPathByte(_ byte: UInt8) -> Bool {
    Ascii.isIdentifier(byte)
      || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "~")].contains(byte)
      || [Ascii.closeBrace, Ascii.close].contains(byte)
  }

  private static let topLevel = Rule(
    name: "top-level",
    reason: "The top folder is the front door: few entries, each where a visitor expects it.",
    fires: [Specimen("notes.md", "a\n"), Specimen("Scripts/a.sh", "a\n")],
    quiet: [Specimen("README.md", "a\n"), Specimen(".gitignore", "a\n")]
  ) { repository in
    Set(repository.topLevel).subtracting(topLevelEntries).sorted().compactMap { entry -> Finding? in
      guard !entry.hasPrefix(".") else { return nil }
      return Finding(
        entry, 1, "\(entry) does not belong into the top folder",
        "move it to the folder that holds its kind")
    }
  }

  private static let trailingSpace = Rule(
    name: "trailing-space",
    reason: "Invisible differences make noisy reviews.",
    fires: [Specimen("README.md", "a\nb \n", line: 2), Specimen("Sources/A/A.swift", "a\t\n")],
    quiet: [Specimen("README.md", "a b\n\nc\n"), Specimen("Tests/Corpus/a.http", "a \r\n")]
  ) { repository in
    repository.textFiles.flatMap { file in
      file.lines { $0.last.map(Ascii.isBlank) ?? false }.map { line in
        Finding(file.path, line, "the line ends with a blank", "remove it")
      }
    }
  }

  private static let tab = Rule(
    name: "tab",
    reason: "Swift here is indented by two spaces everywhere.",
    fires: [Specimen("Sources/A/A.swift", "// Job.\n\tlet a = 1\n", line: 2)],
    quiet: [Specimen("Sources/A/A.swift", "let a = \"\\t\"\n"), Specimen("Tools/Makefile", "\ta")]
  ) { repository in
    repository.swiftFiles.flatMap { file in
      file.lines { $0.contains(Ascii.tab) }.map { line in
        Finding(file.path, line, "the line holds a tab", "use spaces, or \\t in a string")
      }
    }
  }

  private static let finalNewline = Rule(
    name: "final-newline",
    reason: "A line ends with a newline, the last one too.",
    fires: [Specimen("README.md", "a\nb", line: 2)],
    quiet: [Specimen("README.md", "a\nb\n"), Specimen("README.md", "")]
  ) { repository in
    repository.textFiles.compactMap { file -> Finding? in
      guard let last = file.bytes.last, last != Ascii.newline else { return nil }
      return Finding(file.path, file.lineCount, "the last line has no newline", "add it")
    }
  }
}

extension SourceFile {
  /// The numbers of the lines whose bytes satisfy a condition.
  fileprivate func lines(where condition: (ArraySlice<UInt8>) -> Bool) -> [Int] {
    (1...max(1, lineCount)).filter { condition(bytes[range(of: $0)]) }
  }
}
