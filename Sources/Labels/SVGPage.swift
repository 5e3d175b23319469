// A page as SVG 1.1, in millimetres.

extension LabelSheet {
  /// One page as a complete SVG file.
  ///
  /// - Parameter page: 0 to `pageCount` - 1.
  /// - Returns: XML in UTF-8.
  public func svg(page: Int) -> [UInt8] {
    precondition(pages.indices.contains(page), "the sheet has that page")
    let width = millimetres(stock.paper.width)
    let height = millimetres(stock.paper.height)
    var picture = Picture()
    picture.write(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
        + "width=\"\(width)mm\" height=\"\(height)mm\" viewBox=\"0 0 \(width) \(height)\">\n"
        + "<title>\(Picture.escape("Labels" + (batch.map { " \($0)" } ?? "")))</title>\n"
        + "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n")
    for shape in pages[page] { picture.draw(shape) }
    picture.write("</svg>\n")
    return picture.bytes
  }
}

private struct Picture {
  private(set) var bytes: [UInt8] = []

  mutating func write(_ text: String) { bytes += text.utf8 }

  mutating func draw(_ shape: Shape) {
    switch shape {
    case .rectangle(let box, let colour):
      write(
        "<rect x=\"\(millimetres(box.x))\" y=\"\(millimetres(box.y))\" "
          + "width=\"\(millimetres(box.width))\" height=\"\(millimetres(box.height))\" "
          + "fill=\"\(colour.hex)\"/>\n")
    case .line(let line): draw(line)
    case .code(let code, let x, let y, let module): draw(code, x, y, module)
    }
  }

  private mutating func draw(_ line: Line) {
    let weight = line.font == .regular ? "" : " font-weight=\"bold\""
    // The length holds a substitute font to the room that the label has.
    write(
      "<text x=\"\(millimetres(line.x))\" y=\"\(millimetres(line.baseline))\" "
        + "font-family=\"\(line.font.family)\"\(weight) font-size=\"\(millimetres(line.size))\" "
        + "textLength=\"\(millimetres(line.width))\" lengthAdjust=\"spacingAndGlyphs\" "
        + "fill=\"\(line.colour.hex)\" xml:space=\"preserve\">\(Self.escape(line.text))</text>\n")
  }

  private mutating func draw(_ code: QRCode, _ x: Int, _ y: Int, _ module: Int) {
    write(
      "<path transform=\"translate(\(millimetres(x)) \(millimetres(y))) "
        + "scale(\(millimetres(module)))\" d=\"")
    for polygon in CodeOutline(code).polygons {
      var last = polygon[0]
      bytes.append(UInt8(ascii: "M"))
      append(last.x, to: &bytes)
      bytes.append(UInt8(ascii: " "))
      append(last.y, to: &bytes)
      for point in polygon.dropFirst() {
        let isLevel = point.y == last.y
        bytes.append(UInt8(ascii: isLevel ? "h" : "v"))
        append(isLevel ? point.x - last.x : point.y - last.y, to: &bytes)
        last = point
      }
      bytes.append(UInt8(ascii: "z"))
    }
    write("\"/>\n")
  }

  /// Escapes what has a meaning in XML and replaces what XML 1.0 cannot hold (section 2.2).
  static func escape(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "\u{0}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": escaped.unicodeScalars.append("\u{FFFD}")
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
