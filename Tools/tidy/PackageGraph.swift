// Reads the targets and their dependencies out of the text of Package.swift.
//
// It understands the forms our package uses: the local functions `library` and `tests`, and the
// factory calls of the package description with literal names. A call whose name is not a literal,
// such as the one inside `library` itself, declares nothing.

struct PackageTarget: Sendable {
  enum Kind { case source, executable, test, systemLibrary }

  let name: String
  let kind: Kind
  let folder: String
  let line: Int
  let dependencies: [Named]
}

struct PackageGraph: Sendable {
  private(set) var targets: [PackageTarget] = []

  init(_ file: SourceFile?) {
    guard let file else { return }
    let tokens = Token.read(file)
    for (index, token) in tokens.enumerated() {
      guard let form = Self.forms[token.text], index + 1 < tokens.count,
        tokens[index + 1].text == "(", index == 0 || tokens[index - 1].text != "func"
      else { continue }
      if let target = Self.target(of: form, in: tokens, from: index + 2) { targets.append(target) }
    }
  }

  /// The target a file belongs to, by the folder that is nearest above it.
  func target(of path: String) -> PackageTarget? {
    targets.filter { path.hasPrefix($0.folder + "/") }.max { $0.folder.count < $1.folder.count }
  }

  private struct Form {
    let kind: PackageTarget.Kind
    /// The local functions take name and dependencies without labels.
    let hasLabels: Bool
    var suffix = ""
  }

  private static let forms: [String: Form] = [
    "library": Form(kind: .source, hasLabels: false),
    "tests": Form(kind: .test, hasLabels: false, suffix: "Tests"),
    ".target": Form(kind: .source, hasLabels: true),
    ".executableTarget": Form(kind: .executable, hasLabels: true),
    ".testTarget": Form(kind: .test, hasLabels: true),
    ".systemLibrary": Form(kind: .systemLibrary, hasLabels: true),
  ]

  private static func target(of form: Form, in tokens: [Token], from start: Int) -> PackageTarget? {
    var depth = 1
    var argument = 0
    var label = ""
    var name: Token?
    var folder: String?
    var dependencies: [Named] = []
    for token in tokens[start...] {
      switch token.text {
      case "(", "[": depth += 1
      case ")", "]": depth -= 1
      case "," where depth == 1:
        argument += 1
        label = ""
      default:
        if token.isLabel && depth == 1 { label = token.text }
      }
      if depth == 0 { break }
      guard token.isLiteral else { continue }
      let role = form.hasLabels ? label : ["name", "dependencies"].dropFirst(argument).first ?? ""
      switch role {
      case "name": name = token
      case "path": folder = token.text
      case "dependencies":
        dependencies.append(Named(keyword: "dependency", name: token.text, line: token.line))
      default: break
      }
    }
    guard let name else { return nil }
    let fullName = name.text + form.suffix
    let parent = form.kind == .test ? "Tests" : "Sources"
    return PackageTarget(
      name: fullName, kind: form.kind, folder: folder ?? "\(parent)/\(fullName)", line: name.line,
      dependencies: dependencies)
  }
}

/// A word, a string or a sign of Package.swift.
private struct Token {
  var text: String
  var line: Int
  var isLiteral = false
  var isLabel = false

  static func read(_ file: SourceFile) -> [Token] {
    var tokens: [Token] = []
    var position = 0
    let bytes = file.bytes
    while position < bytes.count {
      let byte = bytes[position]
      let start = position
      position += 1
      if byte == Ascii.newline || Ascii.isBlank(byte) || isCommented(start, in: file) { continue }
      let line = file.line(at: start)
      if byte == Ascii.quote {
        while position < bytes.count && bytes[position] != Ascii.quote { position += 1 }
        let text = file.text(of: (start + 1)..<position, in: bytes)
        tokens.append(Token(text: text, line: line, isLiteral: true))
        position += 1
        continue
      }
      let isWord = Ascii.isIdentifier(byte) || byte == UInt8(ascii: ".")
      while isWord && position < bytes.count && Ascii.isIdentifier(bytes[position]) {
        position += 1
      }
      var token = Token(text: file.text(of: start..<position, in: bytes), line: line)
      token.isLabel = isWord && position < bytes.count && bytes[position] == UInt8(ascii: ":")
      tokens.append(token)
    }
    return tokens
  }

  private static func isCommented(_ offset: Int, in file: SourceFile) -> Bool {
    !Ascii.isBlank(file.views.comments[offset])
  }
}
