// LabelLayout: where the parts of a label stand. Found once for a whole sheet, so that all labels
// look alike: the code beside the text on wide labels and above it on others.

import UpdateModel

/// What every label of a sheet has in common.
struct LabelLayout {
  /// Modules smaller than this are blurred by office printers and cheap cameras.
  static let moduleLeast = 200
  /// Larger ones only waste the label.
  private static let moduleMost = 900
  private static let titleSizes = stride(from: 4_939, through: 1_058, by: -88)  // 14 to 3 points
  private static let codeSizeLeast = 1_234  // 3.5 points
  /// Up to 7 points the letters of a code may be larger than the title; they have to be typed.
  private static let codeSizeUsual = 2_470

  /// How the lines of text share their room. Sizes are those of fonts.
  private struct Text {
    var titleSize: Int
    var titleLines: Int
    var batchSize: Int
    var codeSize: Int
    var groupsPerLine: Int

    var codeLines: Int { 6 / groupsPerLine }

    /// How well it can be read: what is smallest counts most.
    var score: Int {
      2 * min(titleSize, codeSize) + titleSize + codeSize - (titleLines - 1) * titleSize / 4
        + min(batchSize, 1)
    }

    var height: Int {
      titleLines * titleSize * 115 / 100 + batchSize * 130 / 100 + titleSize * 4 / 10
        + codeLines * codeSize * 120 / 100
    }
  }

  private let width: Int
  private let height: Int
  /// Free space at the edges, for printers that miss their mark.
  private let padding: Int
  private let band: Box?
  private let isWide: Bool
  private let codeX: Int
  private let codeY: Int
  /// The size of a module in micrometres.
  let module: Int
  private let textBox: Box
  private let text: Text
  private let style: LabelStyle

  /// Lays out labels; nil when there is no room.
  ///
  /// - Parameters:
  ///   - stock: gives the size.
  ///   - side: modules of a side of the QR code.
  ///   - titles: the largest words of the labels.
  ///   - style: what else there is.
  init?(stock: LabelStock, side: Int, titles: [String], style: LabelStyle) {
    width = stock.labelWidth
    height = stock.labelHeight
    self.style = style
    padding = min(max(min(width, height) / 14, 700), 2_500)
    isWide = width * 10 >= height * 13
    let bandSize = min(max(min(width, height) / 14, 900), 3_000)
    if style.colour == nil {
      band = nil
    } else if isWide {
      band = Box(x: 0, y: 0, width: bandSize, height: height)
    } else {
      band = Box(x: 0, y: 0, width: width, height: bandSize)
    }
    let room = Self.room(width, height, band: band, isWide: isWide)
    let codeRoom =
      isWide
      ? (width: room.width * 55 / 100, height: room.height)
      : (width: room.width, height: room.height * 62 / 100)
    // The quiet zone may reach into the padding, since both are empty.
    let quiet = QRCode.quietModules
    let least = min(codeRoom.width, codeRoom.height)
    module = min(Self.moduleMost, least / (side + 2 * quiet), (least - padding) / (side + quiet))
    guard module >= Self.moduleLeast else { return nil }
    let symbol = module * side
    let textRooms: [Box]
    let edge = max(padding, module * quiet)
    if isWide {
      codeX = room.x + edge
      codeY = room.y + (room.height - symbol) / 2
      let start = codeX + symbol + edge
      textRooms = [
        Box(x: start, y: codeY, width: width - padding - start, height: symbol),
        Box(x: start, y: padding, width: width - padding - start, height: height - 2 * padding),
      ]
    } else {
      codeX = room.x + (room.width - symbol) / 2
      codeY = room.y + edge
      let start = codeY + symbol + edge
      textRooms = [
        Box(x: padding, y: start, width: width - 2 * padding, height: height - padding - start)
      ]
    }
    // Beside the code the text ends where the code ends, unless the whole height is much better.
    var best: (box: Box, text: Text)?
    for box in textRooms {
      guard let text = Self.arrange(titles, style.batch, in: box) else { continue }
      if text.score * 10 > (best?.text.score ?? 0) * 12 { best = (box, text) }
    }
    guard let best else { return nil }
    textBox = best.box
    text = best.text
  }

  private static func room(_ width: Int, _ height: Int, band: Box?, isWide: Bool) -> Box {
    let x = isWide ? band?.width ?? 0 : 0
    let y = isWide ? 0 : band?.height ?? 0
    return Box(x: x, y: y, width: width - x, height: height - y)
  }

  /// The largest letters that fit; the batch is left out when it is in the way.
  private static func arrange(_ titles: [String], _ batch: String?, in box: Box) -> Text? {
    guard box.width > 0, box.height > 0 else { return nil }
    let isCrowded = arrange(titles, hasBatch: batch != nil, in: box)
    return isCrowded ?? arrange(titles, hasBatch: false, in: box)
  }

  private static func arrange(_ titles: [String], hasBatch: Bool, in box: Box) -> Text? {
    let widest = (1...2).map { lines in
      titles.map { title in
        split(title, lines).map { Typeface.bold.width(of: $0, size: 1_000) }.max() ?? 0
      }.max() ?? 0
    }
    var best: Text?
    for size in titleSizes {
      for titleLines in 1...2 {
        // At the smallest size titles are shortened instead.
        guard widest[titleLines - 1] * size <= box.width * 1_000 || size < 1_058 + 88 else {
          continue
        }
        for groups in [6, 3, 2] {
          var text = Text(
            titleSize: size, titleLines: titleLines, batchSize: hasBatch ? size * 7 / 10 : 0,
            codeSize: 0, groupsPerLine: groups)
          let rest = box.height - text.height
          text.codeSize = min(
            max(size, codeSizeUsual), box.width * 1_000 / (600 * (5 * groups - 1)),
            rest * 100 / (120 * text.codeLines))
          guard text.codeSize >= codeSizeLeast else { continue }
          if text.score > best?.score ?? 0 { best = text }
        }
      }
    }
    return best
  }

  /// Cuts a title for two lines, after a separator near its middle where there is one.
  private static func split(_ title: String, _ lines: Int) -> [String] {
    guard lines == 2, title.count > 1 else { return [title] }
    let letters = Array(title)
    let middle = (letters.count + 1) / 2
    let separators: Set<Character> = ["-", "_", ".", ":"]
    let reach = max(1, letters.count / 6)
    let cut = (0...reach).lazy.flatMap { [middle + $0, middle - $0] }.first { position in
      (1..<letters.count).contains(position) && separators.contains(letters[position - 1])
    }
    return [String(letters[..<(cut ?? middle)]), String(letters[(cut ?? middle)...])]
  }
}

extension LabelLayout {
  /// Draws a label whose top left corner is at a place.
  ///
  /// - Returns: the shapes, and whether the title had to be shortened.
  func shapes(
    of label: Label, code: QRCode, at place: Box
  ) -> (shapes: [Shape], isShortened: Bool) {
    var shapes: [Shape] = []
    if var band, let colour = style.colour {
      band.x += place.x
      band.y += place.y
      shapes.append(.rectangle(band, colour))
    }
    shapes.append(.code(code, x: place.x + codeX, y: place.y + codeY, module: module))
    let (lines, isShortened) = lines(of: label)
    for line in lines {
      let lineWidth = line.font.width(of: line.text, size: line.size)
      let x = isWide ? textBox.x : textBox.x + (textBox.width - lineWidth) / 2
      shapes.append(
        .line(
          Line(
            text: line.text, font: line.font, size: line.size, x: place.x + x,
            baseline: place.y + line.baseline, colour: line.colour)))
    }
    return (shapes, isShortened)
  }

  private typealias Row = (
    text: String, font: Typeface, size: Int, baseline: Int, colour: LabelColour
  )

  /// The title's capitals begin at the top of the room, the code stands on its bottom.
  private func lines(of label: Label) -> (rows: [Row], isShortened: Bool) {
    var rows: [Row] = []
    var isShortened = false
    var y = textBox.y
    for (number, part) in Self.split(label.title, text.titleLines).enumerated() {
      let short = shorten(part)
      isShortened = isShortened || short != part
      y += number == 0 ? text.titleSize * 718 / 1_000 : text.titleSize * 115 / 100
      rows.append((short, .bold, text.titleSize, y, .black))
    }
    if let batch = style.batch, text.batchSize > 0 {
      y += text.batchSize * 145 / 100
      let short = shorten(batch, .regular, text.batchSize)
      rows.append((short, .regular, text.batchSize, y, .grey))
    }
    let groups = label.code.groups
    for line in 0..<text.codeLines {
      let start = line * text.groupsPerLine
      let part = groups[start..<start + text.groupsPerLine].joined(separator: "-")
      let below = text.codeLines - 1 - line
      rows.append(
        (
          part, .monospaced, text.codeSize,
          textBox.bottom - below * text.codeSize * 120 / 100, .black
        ))
    }
    return (rows, isShortened)
  }

  /// Takes letters out of the middle until a text fits; both ends tell devices apart.
  private func shorten(
    _ part: String, _ font: Typeface = .bold, _ size: Int? = nil
  ) -> String {
    let size = size ?? text.titleSize
    guard font.width(of: part, size: size) > textBox.width else { return part }
    let letters = Array(part)
    var kept = letters.count - 1
    while kept > 0 {
      let head = (kept + 1) / 2
      let short = String(letters[..<head]) + "…" + String(letters[(letters.count - kept + head)...])
      if font.width(of: short, size: size) <= textBox.width { return short }
      kept -= 1
    }
    return "…"
  }
}
