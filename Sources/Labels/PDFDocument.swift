// The sheet as PDF 1.7 (ISO 32000-1), by hand: vectors and standard fonts, nothing embedded.

extension LabelSheet {
  /// All pages in one PDF file.
  ///
  /// Viewers are asked to print it in its true size, since a scaled sheet misses its labels.
  public func pdf() -> [UInt8] {
    var file = PDFFile()
    let fonts = Typeface.allCases.map { font in
      file.add(
        "<< /Type /Font /Subtype /Type1 /BaseFont /\(font.name) /Encoding /WinAnsiEncoding >>")
    }
    let names = zip(Typeface.allCases, fonts).map { "/F\($0.rawValue) \($1) 0 R" }
    let resources = file.add("<< /Font << \(names.joined(separator: " ")) >> >>")
    let tree = file.reserve()
    let size = "\(points(stock.paper.width)) \(points(stock.paper.height))"
    let kids = pages.map { shapes in
      let content = file.add(stream: PageContent(shapes, pageHeight: stock.paper.height).bytes)
      return file.add(
        "<< /Type /Page /Parent \(tree) 0 R /MediaBox [0 0 \(size)] /Resources \(resources) 0 R "
          + "/Contents \(content) 0 R >>")
    }
    let list = kids.map { "\($0) 0 R" }.joined(separator: " ")
    file.fill(tree, "<< /Type /Pages /Count \(kids.count) /Kids [\(list)] >>")
    let root = file.add(
      "<< /Type /Catalog /Pages \(tree) 0 R /ViewerPreferences << /PrintScaling /None >> >>")
    let title = "Labels" + (batch.map { " \($0)" } ?? "")
    let facts = file.add("<< /Title \(unicode(title)) /Producer (Groundswell) >>")
    return file.finish(root: root, facts: facts)
  }

  /// A text string in UTF-16 with its byte order mark (section 7.9.2.2).
  private func unicode(_ text: String) -> String {
    let digits = ([0xFEFF] + Array(text.utf16)).map { unit in
      let hex = String(unit, radix: 16)
      return String(repeating: "0", count: 4 - hex.utf8.count) + hex
    }
    return "<" + digits.joined() + ">"
  }
}

/// Micrometres as points of 1/72 inch with three decimals.
private func points(_ micrometres: Int) -> String {
  millimetres((micrometres * 72_000 + 12_700) / 25_400)
}

/// Numbered objects and the table of where they are (sections 7.3.10 and 7.5).
private struct PDFFile {
  private var bytes: [UInt8]
  private var offsets: [Int] = []

  init() {
    // Four bytes above 127 tell programs that this is no text (section 7.5.2).
    bytes = Array("%PDF-1.7\n%".utf8) + [0xE2, 0xE3, 0xCF, 0xD3, 0x0A]
  }

  /// Takes a number for an object that is filled later.
  mutating func reserve() -> Int {
    offsets.append(0)
    return offsets.count
  }

  mutating func fill(_ number: Int, _ text: String) {
    offsets[number - 1] = bytes.count
    bytes += "\(number) 0 obj\n\(text)\nendobj\n".utf8
  }

  mutating func add(_ text: String) -> Int {
    let number = reserve()
    fill(number, text)
    return number
  }

  mutating func add(stream content: [UInt8]) -> Int {
    let number = reserve()
    offsets[number - 1] = bytes.count
    bytes += "\(number) 0 obj\n<< /Length \(content.count) >>\nstream\n".utf8
    bytes += content
    bytes += "\nendstream\nendobj\n".utf8
    return number
  }

  consuming func finish(root: Int, facts: Int) -> [UInt8] {
    let start = bytes.count
    bytes += "xref\n0 \(offsets.count + 1)\n0000000000 65535 f \n".utf8
    for offset in offsets {
      let digits = String(offset)
      bytes += (String(repeating: "0", count: 10 - digits.utf8.count) + digits + " 00000 n \n").utf8
    }
    let size = offsets.count + 1
    bytes += "trailer\n<< /Size \(size) /Root \(root) 0 R /Info \(facts) 0 R >>\n".utf8
    bytes += "startxref\n\(start)\n%%EOF\n".utf8
    return bytes
  }
}

/// The operators that draw a page (section 8).
private struct PageContent {
  private(set) var bytes: [UInt8] = []

  init(_ shapes: [Shape], pageHeight: Int) {
    // From here on all numbers are micrometres from the top left corner: 72 / 25400.
    write("0.0028346457 0 0 -0.0028346457 0 \(points(pageHeight)) cm\n")
    for shape in shapes {
      switch shape {
      case .rectangle(let box, let colour):
        fill(colour)
        numbers(box.x, box.y, box.width, box.height)
        write("re f\n")
      case .line(let line): draw(line)
      case .code(let code, let x, let y, let module): draw(code, x, y, module)
      }
    }
  }

  private mutating func fill(_ colour: LabelColour) {
    let parts = [colour.red, colour.green, colour.blue].map { part in
      millimetres((Int(part) * 1_000 + 127) / 255)
    }
    write(parts.joined(separator: " ") + " rg\n")
  }

  private mutating func draw(_ line: Line) {
    fill(line.colour)
    write("BT /F\(line.font.rawValue) ")
    numbers(line.size)
    // The page is upside down, so letters are turned back.
    write("Tf 1 0 0 -1 ")
    numbers(line.x, line.baseline)
    write("Tm (")
    for byte in WinAnsi.bytes(of: line.text) {
      switch byte {
      case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\\"):
        bytes += [UInt8(ascii: "\\"), byte]
      case 32...126: bytes.append(byte)
      default:
        bytes += [UInt8(ascii: "\\"), 48 + (byte >> 6), 48 + (byte >> 3 & 7), 48 + (byte & 7)]
      }
    }
    write(") Tj ET\n")
  }

  private mutating func draw(_ code: QRCode, _ x: Int, _ y: Int, _ module: Int) {
    write("q 0 g \(module) 0 0 \(module) \(x) \(y) cm\n")
    for polygon in CodeOutline(code).polygons {
      for (index, point) in polygon.enumerated() {
        numbers(point.x, point.y)
        write(index == 0 ? "m " : "l ")
      }
      write("h\n")
    }
    write("f Q\n")
  }

  private mutating func write(_ text: String) { bytes += text.utf8 }

  private mutating func numbers(_ values: Int...) {
    for value in values {
      append(value, to: &bytes)
      bytes.append(UInt8(ascii: " "))
    }
  }
}

/// Appends a decimal number, many times faster than by way of a string.
func append(_ value: Int, to bytes: inout [UInt8]) {
  if value < 0 { bytes.append(UInt8(ascii: "-")) }
  var rest = value.magnitude
  let start = bytes.count
  repeat {
    bytes.append(48 + UInt8(rest % 10))
    rest /= 10
  } while rest > 0
  bytes[start...].reverse()
}
