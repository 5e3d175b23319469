// JSONText: whole documents: text to value (with the line of every member) and value to text.

extension JSON {
  /// Reads one JSON document.
  ///
  /// - Throws: `JSONError` with the line of the first fault; duplicate keys are a fault.
  public static func parse(
    _ text: [UInt8], leniency: JSONScanner.Leniency = []
  ) throws(JSONError) -> JSON {
    var scanner = JSONScanner(text, leniency: leniency)
    var positions: [String: Int]?
    let value = try scanner.value(path: "$", positions: &positions)
    try scanner.end()
    return value
  }

  /// Reads one JSON document and notes on which line each value starts.
  ///
  /// - Returns: The value, and the line of each value by its path, such as `$.stages[2].soak`.
  public static func parseWithLines(
    _ text: [UInt8], leniency: JSONScanner.Leniency = []
  ) throws(JSONError) -> (value: JSON, lines: [String: Int]) {
    var scanner = JSONScanner(text, leniency: leniency)
    var positions: [String: Int]? = [:]
    let value = try scanner.value(path: "$", positions: &positions)
    try scanner.end()
    return (value, lines(of: positions ?? [:], in: text))
  }

  // One walk over the text for all positions.
  private static func lines(of positions: [String: Int], in text: [UInt8]) -> [String: Int] {
    var lines: [String: Int] = [:]
    var line = 1
    var reached = 0
    for (path, position) in positions.sorted(by: { $0.value < $1.value }) {
      while reached < position {
        if text[reached] == 0x0A { line += 1 }
        reached += 1
      }
      lines[path] = line
    }
    return lines
  }

  /// The document as compact JSON text.
  public var text: [UInt8] {
    var output: [UInt8] = []
    write(to: &output, indent: nil)
    return output
  }

  /// The document with two spaces of indentation and a final newline, for people.
  public var prettyText: [UInt8] {
    var output: [UInt8] = []
    write(to: &output, indent: 0)
    output.append(0x0A)
    return output
  }

  private func write(to output: inout [UInt8], indent: Int?) {
    switch self {
    case .null: output.append(contentsOf: "null".utf8)
    case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let number): output.append(contentsOf: String(number).utf8)
    case .decimal(let literal): output.append(contentsOf: literal.utf8)
    case .string(let text): output.append(jsonString: text)
    case .array(let elements):
      JSON.write(elements, between: ("[", "]"), to: &output, indent: indent) {
        element, output, inner in
        element.write(to: &output, indent: inner)
      }
    case .object(let members):
      JSON.write(members, between: ("{", "}"), to: &output, indent: indent) {
        member, output, inner in
        output.append(jsonString: member.key)
        output.append(contentsOf: (inner == nil ? ":" : ": ").utf8)
        member.value.write(to: &output, indent: inner)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], between brackets: (String, String), to output: inout [UInt8],
    indent: Int?, _ body: (Element, inout [UInt8], Int?) -> Void
  ) {
    func newline(_ depth: Int?) {
      guard let depth else { return }
      output.append(0x0A)
      output.append(contentsOf: repeatElement(0x20, count: depth * 2))
    }
    output.append(contentsOf: brackets.0.utf8)
    let inner = indent.map { $0 + 1 }
    for (position, element) in elements.enumerated() {
      if position > 0 { output.append(UInt8(ascii: ",")) }
      newline(inner)
      body(element, &output, inner)
    }
    if !elements.isEmpty { newline(indent) }
    output.append(contentsOf: brackets.1.utf8)
  }
}

extension JSONScanner {
  /// Reads one value as a tree; where each value starts is noted when `positions` is not nil.
  mutating func value(path: String, positions: inout [String: Int]?) throws(JSONError) -> JSON {
    let kind = try peek()
    if positions != nil { positions?[path] = position }
    switch kind {
    case .null:
      try null()
      return .null
    case .bool: return .bool(try bool())
    case .string: return .string(try string())
    case .number:
      let literal = try numberLiteral()
      if let integer = Int64(literal), literal != "-0" { return .integer(integer) }
      return .decimal(literal)
    case .array:
      var elements: [JSON] = []
      try array { (scanner) throws(JSONError) in
        elements.append(
          try scanner.value(path: "\(path)[\(elements.count)]", positions: &positions))
      }
      return .array(elements)
    case .object: return try objectValue(path: path, positions: &positions)
    }
  }

  private mutating func objectValue(
    path: String, positions: inout [String: Int]?
  ) throws(JSONError) -> JSON {
    var members: [JSON.Member] = []
    var seen: Set<[UInt8]> = []
    try object { (key, scanner) throws(JSONError) in
      guard seen.insert(Array(key.utf8)).inserted else {
        throw scanner.error("the key \"\(key.prefix(40))\" occurs twice")
      }
      let memberPath = positions == nil ? "" : "\(path).\(key)"
      members.append(JSON.Member(key, try scanner.value(path: memberPath, positions: &positions)))
    }
    return .object(members)
  }
}
