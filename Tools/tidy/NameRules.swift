// Names that say nothing are not allowed, for types as for files.

enum NameRules {
  static let all = [typeName, fileName]

  /// The one protocol that handles: the server calls whatever conforms to it.
  private static let allowed: Set<String> = ["RequestHandler"]
  private static let emptyWords: Set<String> = [
    "manager", "helper", "helpers", "util", "utils", "impl", "handler",
  ]
  private static let remedy = "name it after the thing it is or the work it does"

  /// The word of a name that carries no meaning, if there is one.
  private static func emptyWord(in name: String) -> String? {
    if allowed.contains(name) { return nil }
    let words = words(of: name)
    if let last = words.last, last.lowercased() == "base", words.count > 1 { return last }
    return words.first { emptyWords.contains($0.lowercased()) }
  }

  /// `HTTPRequestHandler` and `http-request_handler` both have three words.
  private static func words(of name: String) -> [String] {
    let letters = Array(name)
    var words: [String] = []
    var word = ""
    for (index, letter) in letters.enumerated() {
      let isSeparator = letter == "-" || letter == "_" || letter == "."
      let endsAcronym =
        index > 0 && index + 1 < letters.count && letters[index - 1].isUppercase
        && letters[index + 1].isLowercase
      let afterLower = index > 0 && letters[index - 1].isLowercase
      if isSeparator || (letter.isUppercase && (afterLower || endsAcronym)) {
        words.append(word)
        word = ""
      }
      if !isSeparator { word.append(letter) }
    }
    return (words + [word]).filter { !$0.isEmpty }
  }

  private static let typeName = Rule(
    name: "type-name",
    reason: "A vague name invites unrelated work to move in.",
    fires: [
      Specimen("Sources/A/A.swift", "// Job.\nfinal class HTTPHandler {}", line: 2),
      Specimen("Sources/A/A.swift", "struct StoreBase {}"),
      Specimen("Sources/A/A.swift", "  enum DateUtils {}"),
      Specimen("Sources/A/A.swift", "struct RequestHandler {}"),
    ],
    quiet: [
      Specimen("Sources/A/A.swift", "protocol RequestHandler {}\nstruct Database {}"),
      Specimen("Sources/A/A.swift", "// class Manager\nlet text = \"class Helper\""),
    ]
  ) { repository in
    repository.swiftFiles.flatMap { file in
      file.types.compactMap { type -> Finding? in
        let word =
          allowed.contains(type.name) && type.keyword != "protocol"
          ? "Handler" : emptyWord(in: type.name)
        guard let word else { return nil }
        return Finding(
          file.path, type.line, "\(type.keyword) \(type.name) has the empty word \(word)", remedy)
      }
    }
  }

  private static let fileName = Rule(
    name: "file-name",
    reason: "Files are found by name, so the name must tell the content.",
    fires: [
      Specimen("Sources/A/PollHelper.swift", ""), Specimen("Tools/deploy/log-utils.sh", ""),
    ],
    quiet: [
      Specimen("Sources/A/RequestHandler.swift", ""), Specimen("Sources/A/Database+Rows.swift", ""),
    ]
  ) { repository in
    repository.textFiles.compactMap { file -> Finding? in
      let parts = file.name.split(separator: ".").first.map { $0.split(separator: "+") } ?? []
      guard let word = parts.compactMap({ emptyWord(in: String($0)) }).first else { return nil }
      return Finding(file.path, 1, "the file name has the empty word \(word)", remedy)
    }
  }
}
