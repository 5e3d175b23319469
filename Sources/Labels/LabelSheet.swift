// LabelSheet: the labels of a batch on pages, ready to be written as PDF, SVG or CSV.
//
// The same input gives the same bytes: nothing here looks at a clock, and no output holds a date.

public import UpdateModel

/// What one label says.
public struct Label: Hashable, Sendable {
  /// Whose device it is for.
  public let tenant: Name
  /// The id that was fixed for the device, if it was.
  public let device: DeviceID?
  /// The secret that claims it.
  public let code: ClaimCode

  /// Joins the parts.
  public init(tenant: Name, device: DeviceID?, code: ClaimCode) {
    self.tenant = tenant
    self.device = device
    self.code = code
  }

  /// The largest words on the label.
  var title: String { device?.text ?? tenant.text }
}

/// What all labels of a sheet have in common.
public struct LabelStyle: Hashable, Sendable {
  /// Longest batch name that is printed.
  public static let batchCharactersMax = 100

  /// The name of the batch, in small letters.
  public var batch: String?
  /// The address of the server, for the QR code.
  public var server: String?
  /// A band along the edge, to tell batches apart from afar.
  public var colour: LabelColour?
  /// Whether marks around the grid show where to cut plain paper.
  public var hasCropMarks: Bool
  /// The place of the first label on the first page, for sheets that were used before; 1 is the top
  /// left, and places go along rows.
  public var firstPosition: Int

  /// Joins the parts; everything may be left out.
  public init(
    batch: String? = nil, server: String? = nil, colour: LabelColour? = nil,
    hasCropMarks: Bool = false, firstPosition: Int = 1
  ) {
    self.batch = batch.map { String($0.prefix(Self.batchCharactersMax)) }
    self.server = server
    self.colour = colour
    self.hasCropMarks = hasCropMarks
    self.firstPosition = firstPosition
  }
}

/// Pages of labels.
public struct LabelSheet: Sendable {
  /// Labels that one sheet may have.
  public static let labelsMax = 10_000

  /// What they are printed on.
  public let stock: LabelStock
  /// What was left out or changed to make everything fit, in sentences for people; often empty.
  public let notes: [String]
  let batch: String?
  let pages: [[Shape]]

  /// The number of pages, at least 1.
  public var pageCount: Int { pages.count }

  /// Draws labels in their order.
  ///
  /// - Parameters:
  ///   - labels: 1 to `labelsMax`.
  ///   - stock: what they are printed on.
  ///   - style: what they have in common.
  /// - Throws: `LabelError`, when there are too many labels or they are too small for what they
  ///   have to say.
  public init(_ labels: [Label], on stock: LabelStock, style: LabelStyle) throws(LabelError) {
    guard (1...Self.labelsMax).contains(labels.count) else {
      throw .count(labels.count, most: Self.labelsMax)
    }
    guard (1...stock.labelsPerPage).contains(style.firstPosition) else {
      throw .option(
        name: "first position",
        reason: "\(style.firstPosition); this stock has places 1 to \(stock.labelsPerPage)")
    }
    let (codes, layout, linkNote) = try Self.fit(labels, stock, style)
    var pages: [[Shape]] = []
    var shortened = 0
    let marks = style.hasCropMarks ? stock.cropMarks : []
    for (index, label) in labels.enumerated() {
      let position = index + style.firstPosition - 1
      if pages.count <= position / stock.labelsPerPage { pages.append(marks) }
      let box = stock.box(at: position % stock.labelsPerPage)
      let (shapes, isShortened) = layout.shapes(of: label, code: codes[index], at: box)
      pages[pages.count - 1] += shapes
      shortened += isShortened ? 1 : 0
    }
    var notes = linkNote.map { [$0] } ?? []
    if shortened > 0 {
      notes.append(
        "\(shortened) of \(labels.count) device ids are too long for the label and shortened there")
    }
    let odd = labels.count { !WinAnsi.canShow($0.title) }
    if odd > 0 || !WinAnsi.canShow(style.batch ?? "") {
      notes.append("characters beyond Western European ones are printed as ? in PDF")
    }
    self.stock = stock
    self.notes = notes
    self.pages = pages
    batch = style.batch
  }

  /// What the link of a label may leave out when there is no room.
  private enum Extent: CaseIterable {
    case whole
    case withoutDevice
    case codeOnly

    var note: String? {
      switch self {
      case .whole: nil
      case .withoutDevice:
        "the labels are small, so their QR codes leave out the device id; the server knows it"
      case .codeOnly:
        "the labels are small, so their QR codes leave out the server's address and the device id"
      }
    }
  }

  /// From this size on modules are comfortable to read: four dots of an office printer.
  private static let moduleComfortable = 340

  /// Says as much in the codes as can be read comfortably, or as little as possible.
  private static func fit(
    _ labels: [Label], _ stock: LabelStock, _ style: LabelStyle
  ) throws(LabelError) -> ([QRCode], LabelLayout, String?) {
    let titles = labels.map(\.title)
    func layout(_ code: QRCode, _ extent: Extent) -> LabelLayout? {
      let layout = LabelLayout(stock: stock, side: code.side, titles: titles, style: style)
      guard let layout, layout.module >= moduleComfortable || extent == .codeOnly else {
        return nil
      }
      return layout
    }
    for extent in Extent.allCases {
      // One code tells nearly always whether the others fit, and a sheet may have ten thousand.
      guard layout(try QRCode(try link(labels[0], style, extent)), extent) != nil else { continue }
      let codes = try encode(labels, style, extent)
      guard let layout = layout(codes[0], extent) else { continue }
      return (codes, layout, extent.note)
    }
    throw .tooSmall(
      width: millimetres(stock.labelWidth), height: millimetres(stock.labelHeight))
  }

  /// Codes of one size for all labels.
  private static func encode(
    _ labels: [Label], _ style: LabelStyle, _ extent: Extent
  ) throws(LabelError) -> [QRCode] {
    var codes: [QRCode] = []
    var version = 1
    for label in labels {
      let code = try QRCode(try link(label, style, extent), atLeast: version)
      version = max(version, code.version)
      codes.append(code)
    }
    for (index, code) in codes.enumerated() where code.version < version {
      codes[index] = try QRCode(try link(labels[index], style, extent), atLeast: version)
    }
    return codes
  }

  private static func link(
    _ label: Label, _ style: LabelStyle, _ extent: Extent
  ) throws(LabelError) -> String {
    do throws(InvalidValue) {
      return try ClaimLink(
        tenant: label.tenant, device: extent == .whole ? label.device : nil, code: label.code,
        server: extent == .codeOnly ? nil : style.server
      ).text
    } catch {
      throw .option(name: error.field, reason: error.reason)
    }
  }
}

extension LabelStock {
  private static let markLength = 3_000
  private static let markDistance = 1_000
  private static let markWidth = 90

  /// Short lines outside of the grid that continue the edges of the labels.
  var cropMarks: [Shape] {
    let right = left + columns * labelWidth + (columns - 1) * columnGap
    let bottom = top + rows * labelHeight + (rows - 1) * rowGap
    let across = (0..<columns).flatMap { column -> [Int] in
      let start = left + column * (labelWidth + columnGap)
      return [start, start + labelWidth]
    }
    let down = (0..<rows).flatMap { row -> [Int] in
      let start = top + row * (labelHeight + rowGap)
      return [start, start + labelHeight]
    }
    let half = Self.markWidth / 2
    let distance = Self.markDistance
    let height = min(Self.markLength, top - 2 * distance)
    let width = min(Self.markLength, left - 2 * distance)
    var marks: [Box] = []
    for x in Set(across).sorted() where height > 0 {
      marks.append(
        Box(x: x - half, y: top - distance - height, width: 2 * half, height: height))
      marks.append(Box(x: x - half, y: bottom + distance, width: 2 * half, height: height))
    }
    for y in Set(down).sorted() where width > 0 {
      marks.append(Box(x: left - distance - width, y: y - half, width: width, height: 2 * half))
      marks.append(Box(x: right + distance, y: y - half, width: width, height: 2 * half))
    }
    return marks.map { .rectangle($0, .black) }
  }
}
