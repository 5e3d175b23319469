// Finds imports, type names and function bodies in the code view of a file.

struct Named: Sendable {
  let keyword: String
  let name: String
  let line: Int
}

struct FunctionBody {
  let name: String
  let line: Int
  let lineCount: Int
}

extension SourceFile {
  /// The modules this file imports, each with its line.
  var imports: [Named] {
    offsetsInCode(of: "import").compactMap { offset in
      let line = self.line(at: offset)
      let before = text(of: range(of: line).lowerBound..<offset, in: views.code)
      let attributes = before.split(separator: " ")
      let isImport = attributes.allSatisfy { $0.hasPrefix("@") || Self.accessLevels.contains($0) }
      guard isImport else { return nil }
      let rest = offset + "import".utf8.count
      var module = identifier(after: rest)
      if Self.importKinds.contains(module) {
        let words = text(of: rest..<range(of: line).upperBound, in: views.code)
          .split(separator: " ")
        module = String(words.dropFirst().first?.split(separator: ".").first ?? "")
      }
      return Named(keyword: "import", name: module, line: line)
    }
  }

  private static let accessLevels: Set<Substring> = [
    "public", "package", "internal", "fileprivate", "private",
  ]
  private static let importKinds: Set<String> = [
    "struct", "class", "enum", "protocol", "typealias", "func", "let", "var",
  ]

  /// Every type declared here, nested ones included.
  var types: [Named] {
    let keywords = ["struct", "class", "enum", "actor", "protocol", "typealias"]
    return keywords.flatMap { keyword in
      offsetsInCode(of: keyword).compactMap { offset in
        let name = identifier(after: offset + keyword.utf8.count)
        // `class func` and `class var` declare members, and lower case names declare no type.
        guard let first = name.first, first.isUppercase else { return nil }
        return Named(keyword: keyword, name: name, line: line(at: offset))
      }
    }
  }

  /// Whether this file declares anything at all; imports do not count.
  var hasDeclaration: Bool {
    let keywords = ["func", "var", "let", "extension", "init", "macro", "subscript"]
    return !types.isEmpty || keywords.contains { !offsetsInCode(of: $0).isEmpty }
  }

  var hasCode: Bool {
    let importing = Set(imports.map(\.line))
    return (1...max(1, lineCount)).contains { line in
      !importing.contains(line) && views.code[range(of: line)].contains { !Ascii.isBlank($0) }
    }
  }

  /// Functions, initialisers, subscripts and computed properties that have a body.
  var functionBodies: [FunctionBody] {
    ["func", "init", "deinit", "subscript", "var"].flatMap { keyword in
      offsetsInCode(of: keyword).compactMap { body(of: keyword, at: $0) }
    }
  }

  private func body(of keyword: String, at offset: Int) -> FunctionBody? {
    let start = offset + keyword.utf8.count
    guard let open = bodyStart(after: start, onOneLine: keyword == "var") else { return nil }
    let first = line(at: offset)
    let last = line(at: closingBrace(of: open))
    let named = keyword == "func" || keyword == "var"
    let name = named ? identifier(after: start) : keyword
    return FunctionBody(name: name, line: first, lineCount: last - first + 1)
  }

  /// The brace that opens a body, or nothing for a requirement, a call or a stored property.
  private func bodyStart(after offset: Int, onOneLine: Bool) -> Int? {
    let code = views.code
    var depth = 0
    var position = offset
    var last = Ascii.space
    while position < code.count {
      let byte = code[position]
      switch byte {
      case Ascii.open, Ascii.openBracket: depth += 1
      case Ascii.close, Ascii.closeBracket: depth -= 1
      case Ascii.openBrace where depth == 0: return position
      case Ascii.closeBrace where depth == 0: return nil
      case Ascii.newline where depth == 0:
        if onOneLine || !signatureContinues(after: position, last: last) { return nil }
      default: break
      }
      if depth < 0 { return nil }
      if !Ascii.isBlank(byte) && byte != Ascii.newline { last = byte }
      position += 1
    }
    return nil
  }

  private func signatureContinues(after newline: Int, last: UInt8) -> Bool {
    if last == Ascii.comma || last == UInt8(ascii: ">") { return true }
    let code = views.code
    var start = newline
    while start < code.count && (Ascii.isBlank(code[start]) || code[start] == Ascii.newline) {
      start += 1
    }
    guard start < code.count else { return false }
    let byte = code[start]
    if byte == Ascii.openBrace || byte == Ascii.open || byte == UInt8(ascii: "-") { return true }
    return ["where", "throws", "async", "rethrows"].contains(identifier(after: start))
  }

  private func closingBrace(of open: Int) -> Int {
    let code = views.code
    var depth = 0
    for position in open..<code.count {
      if code[position] == Ascii.openBrace { depth += 1 }
      if code[position] == Ascii.closeBrace {
        depth -= 1
        if depth == 0 { return position }
      }
    }
    return code.count - 1
  }
}
