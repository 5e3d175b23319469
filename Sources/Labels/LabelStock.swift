// LabelStock: what labels are printed on: a paper and the grid of labels it has.
//
// Lengths are whole micrometres, so that places are exact and the same on every machine.

/// A sheet of paper.
public enum Paper: String, CaseIterable, Hashable, Sendable {
  /// 210 x 297 mm (ISO 216).
  case a4
  /// 8.5 x 11 inches (ANSI A).
  case letter

  /// In micrometres.
  public var width: Int {
    switch self {
    case .a4: 210_000
    case .letter: 215_900
    }
  }

  /// In micrometres.
  public var height: Int {
    switch self {
    case .a4: 297_000
    case .letter: 279_400
    }
  }
}

/// A paper with a grid of equal labels in its middle.
public struct LabelStock: Hashable, Sendable {
  /// The paper.
  public let paper: Paper
  /// Labels side by side, 1 to 20.
  public let columns: Int
  /// Labels one below the other, 1 to 60.
  public let rows: Int
  /// Width of a label in micrometres.
  public let labelWidth: Int
  /// Height of a label in micrometres.
  public let labelHeight: Int
  /// Between two columns, in micrometres.
  public let columnGap: Int
  /// Between two rows, in micrometres.
  public let rowGap: Int
  /// Above the first row, in micrometres.
  public let top: Int
  /// Left of the first column, in micrometres.
  public let left: Int

  /// Labels of a page.
  public var labelsPerPage: Int { columns * rows }

  /// Where the label at a position of a page is; positions go along rows and start at 0.
  func box(at position: Int) -> Box {
    Box(
      x: left + position % columns * (labelWidth + columnGap),
      y: top + position / columns * (labelHeight + rowGap), width: labelWidth, height: labelHeight)
  }

  /// Divides a paper evenly.
  ///
  /// - Parameters:
  ///   - paper: the paper.
  ///   - columns: 1 to 20.
  ///   - rows: 1 to 60.
  ///   - margin: on each side of the paper, 0 to 50,000 micrometres.
  ///   - gap: between labels, 0 to 20,000 micrometres.
  /// - Throws: `LabelError.option` for a number out of its range, and `tooSmall` when labels would
  ///   be narrower than 10 or lower than 8 mm.
  public init(
    paper: Paper, columns: Int, rows: Int, margin: Int, gap: Int
  ) throws(LabelError) {
    try Self.check(columns, "columns", 1...20)
    try Self.check(rows, "rows", 1...60)
    guard (0...50_000).contains(margin) else {
      throw .option(name: "margin", reason: "\(millimetres(margin)) mm; use 0 to 50 mm")
    }
    guard (0...20_000).contains(gap) else {
      throw .option(name: "gap", reason: "\(millimetres(gap)) mm; use 0 to 20 mm")
    }
    let width = (paper.width - 2 * margin - (columns - 1) * gap) / columns
    let height = (paper.height - 2 * margin - (rows - 1) * gap) / rows
    guard width >= 10_000, height >= 8_000 else {
      throw .tooSmall(width: millimetres(max(0, width)), height: millimetres(max(0, height)))
    }
    self.init(
      paper, columns: columns, rows: rows, width: width, height: height, columnGap: gap, rowGap: gap
    )
  }

  private static func check(
    _ count: Int, _ name: String, _ range: ClosedRange<Int>
  ) throws(LabelError) {
    guard range.contains(count) else {
      throw .option(
        name: name, reason: "\(count); use \(range.lowerBound) to \(range.upperBound)")
    }
  }

  /// A grid in the middle of its paper, as nearly all products have it.
  private init(
    _ paper: Paper, columns: Int, rows: Int, width: Int, height: Int, columnGap: Int = 0,
    rowGap: Int = 0
  ) {
    self.paper = paper
    self.columns = columns
    self.rows = rows
    labelWidth = width
    labelHeight = height
    self.columnGap = columnGap
    self.rowGap = rowGap
    left = (paper.width - columns * width - (columns - 1) * columnGap) / 2
    top = (paper.height - rows * height - (rows - 1) * rowGap) / 2
  }

  /// Products by the number on their box, with sizes as their makers state them.
  public static let products: [(name: String, stock: LabelStock)] = [
    (
      "L4731",
      LabelStock(.a4, columns: 7, rows: 27, width: 25_400, height: 10_000, columnGap: 2_540)
    ),
    (
      "L4732",
      LabelStock(.a4, columns: 5, rows: 16, width: 35_600, height: 16_900, columnGap: 2_500)
    ),
    (
      "L7651",
      LabelStock(.a4, columns: 5, rows: 13, width: 38_100, height: 21_200, columnGap: 2_500)
    ),
    (
      "L7654",
      LabelStock(.a4, columns: 4, rows: 10, width: 45_700, height: 25_400, columnGap: 2_800)
    ),
    (
      "L7159", LabelStock(.a4, columns: 3, rows: 8, width: 63_500, height: 33_900, columnGap: 2_540)
    ),
    (
      "L7160", LabelStock(.a4, columns: 3, rows: 7, width: 63_500, height: 38_100, columnGap: 2_540)
    ),
    (
      "L7161", LabelStock(.a4, columns: 3, rows: 6, width: 63_500, height: 46_600, columnGap: 2_540)
    ),
    (
      "L7163", LabelStock(.a4, columns: 2, rows: 7, width: 99_100, height: 38_100, columnGap: 2_540)
    ),
    (
      "L7165", LabelStock(.a4, columns: 2, rows: 4, width: 99_100, height: 67_700, columnGap: 2_540)
    ),
    (
      "5160",
      LabelStock(.letter, columns: 3, rows: 10, width: 66_675, height: 25_400, columnGap: 3_175)
    ),
    (
      "5163",
      LabelStock(.letter, columns: 2, rows: 5, width: 101_600, height: 50_800, columnGap: 4_763)
    ),
    (
      "5167",
      LabelStock(.letter, columns: 4, rows: 20, width: 44_450, height: 12_700, columnGap: 7_620)
    ),
  ]

  /// Finds a product by its number, in either case; nil when it is not known.
  public init?(product: String) {
    let wanted = product.uppercased()
    guard let found = Self.products.first(where: { $0.name == wanted }) else { return nil }
    self = found.stock
  }
}

/// Micrometres as millimetres with at most three decimals and a point.
func millimetres(_ micrometres: Int) -> String {
  let sign = micrometres < 0 ? "-" : ""
  let whole = abs(micrometres) / 1000
  var rest = abs(micrometres) % 1000
  guard rest != 0 else { return "\(sign)\(whole)" }
  var digits = 3
  while rest.isMultiple(of: 10) {
    rest /= 10
    digits -= 1
  }
  let text = String(rest)
  return "\(sign)\(whole)." + String(repeating: "0", count: digits - text.utf8.count) + text
}
