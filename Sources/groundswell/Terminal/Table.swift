// Table: rows of text in aligned columns.

/// A table with a heading per column.
struct Table {
  /// How a column stands.
  enum Side { case left, right }

  private let headings: [(text: String, side: Side)]
  private var rows: [[String]] = []

  /// Starts a table; a heading that begins with `>` stands right, for numbers.
  init(_ headings: String...) { self.init(headings: headings) }

  /// Starts a table whose headings are not known beforehand.
  init(headings: [String]) {
    self.headings = headings.map {
      $0.hasPrefix(">") ? (String($0.dropFirst()), .right) : ($0, .left)
    }
  }

  /// A table of one row per element.
  init<Element>(
    _ headings: String..., rows elements: [Element], _ cells: (Element) -> [String]
  ) {
    self.headings = headings.map {
      $0.hasPrefix(">") ? (String($0.dropFirst()), .right) : ($0, .left)
    }
    for element in elements { append(cells(element)) }
  }

  /// Adds a row with a cell per column.
  mutating func append(_ cells: [String]) {
    precondition(cells.count == headings.count, "a row has a cell per column")
    rows.append(cells.map(Table.printable))
  }

  /// The table with two spaces between columns and a final newline.
  var text: String {
    let all = [headings.map { $0.text.uppercased() }] + rows
    let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { cells in
      var line = ""
      for (column, cell) in cells.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += headings[column].side == .right ? padding + cell : cell + padding
        line += "  "
      }
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }

  /// Text of devices and people without control characters, which could command the terminal.
  static func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "?" : $0 }))
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
  }

  /// Lines of `label: value` with aligned values; those without value are left out.
  static func facts(_ pairs: KeyValuePairs<String, String?>) -> String {
    let known = pairs.compactMap { label, value in value.map { (label, printable($0)) } }
    let width = (known.map { $0.0.count }.max() ?? 0) + 2
    return known.map { label, value in
      label + ":" + String(repeating: " ", count: width - label.count - 1) + value + "\n"
    }.joined()
  }
}
