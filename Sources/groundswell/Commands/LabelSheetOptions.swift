// LabelSheetOptions: how a command that makes claims prints their labels, and the files it writes.

import Glibc
import Labels
import UpdateModel

/// What to write where.
///
/// A command adds `options` to its own, reads them with `init` before it asks the server for
/// anything, and calls `write` with what it got.
struct LabelSheetOptions: Sendable {
  static let options: [Option] = [
    .value(
      "labels", "FILE",
      "write the labels here; the ending says how: .pdf, .svg (one file a page) or .csv",
      repeats: true),
    .value(
      "stock", "NAME", "labels by product: \(products); or give --columns and --rows",
      default: "L7160"),
    .value("columns", "N", "labels side by side, for a grid of your own"),
    .value("rows", "N", "labels one below the other, for a grid of your own"),
    .value("paper", "a4|letter", "paper of a grid of your own", default: "a4"),
    .value("margin", "MM", "free space at the edges of that paper", default: "10"),
    .value("gap", "MM", "free space between those labels", default: "2"),
    .value("colour", "NAME|#RRGGBB", "a band along the edge of each label"),
    .flag("crop-marks", "show where to cut plain paper"),
    .value("first-label", "N", "place of the first label, for sheets used before", default: "1"),
  ]

  /// A file and what goes into it.
  private struct File: Sendable {
    enum Format: String, CaseIterable { case pdf, svg, csv }

    let path: String
    let format: Format
  }

  private static let products = LabelStock.products.map(\.name).joined(separator: ", ")
  /// What an own grid is made of, and a product is not.
  private static let gridNames = ["columns", "rows", "paper", "margin", "gap"]

  private let files: [File]
  private let stock: LabelStock
  private let colour: LabelColour?
  private let hasCropMarks: Bool
  private let firstPosition: Int

  /// Whether no labels are wanted.
  var isEmpty: Bool { files.isEmpty }

  /// Reads the options.
  ///
  /// Files that exist or cannot be created are refused here, because a claim that was made but not
  /// written down is lost: the server keeps only its digest.
  init(_ arguments: Arguments) throws(Failure) {
    var files: [File] = []
    for path in arguments.values("labels") { files.append(try Self.file(path, arguments)) }
    self.files = files
    stock = try Self.stock(arguments)
    do throws(LabelError) {
      if let text = arguments.value("colour") {
        colour = try LabelColour(text)
      } else {
        colour = nil
      }
    } catch {
      throw arguments.refuse("option --\(error)")
    }
    hasCropMarks = arguments.has("crop-marks")
    firstPosition = try arguments.integer("first-label", default: 1, in: 1...stock.labelsPerPage)
  }

  private static func file(_ path: String, _ arguments: Arguments) throws(Failure) -> File {
    let format = File.Format.allCases.first { path.lowercased().hasSuffix(".\($0.rawValue)") }
    guard let format else {
      throw arguments.refuse("option --labels: '\(path)' ends in none of .pdf, .svg and .csv")
    }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    guard access(folder, W_OK) == 0 else {
      throw .failed("cannot create files in \(folder): \(String(cString: strerror(errno)))")
    }
    for taken in [path, page(1, of: path)] where LocalFile.exists(taken) {
      throw .failed("\(taken) exists", hint: "another name, or remove it first")
    }
    return File(path: path, format: format)
  }

  private static func stock(_ arguments: Arguments) throws(Failure) -> LabelStock {
    guard arguments.has("columns") || arguments.has("rows") else {
      if let stray = gridNames.first(where: arguments.has) {
        throw arguments.refuse("option --\(stray) belongs to a grid; give --columns and --rows too")
      }
      let name = arguments.value("stock") ?? "L7160"
      guard let stock = LabelStock(product: name) else {
        throw arguments.refuse("option --stock: '\(name)' is not known; use one of \(products)")
      }
      return stock
    }
    guard !arguments.has("stock") else {
      throw arguments.refuse("option --stock has a grid already; leave out --columns and --rows")
    }
    let paperName = arguments.value("paper") ?? "a4"
    guard let paper = Paper(rawValue: paperName.lowercased()) else {
      throw arguments.refuse("option --paper: '\(paperName)' is neither a4 nor letter")
    }
    let columns = try arguments.integer("columns", default: 0, in: 1...20)
    let rows = try arguments.integer("rows", default: 0, in: 1...60)
    guard columns > 0, rows > 0 else {
      throw arguments.refuse("a grid needs both --columns and --rows")
    }
    let margin = try micrometres("margin", default: 10_000, arguments)
    let gap = try micrometres("gap", default: 2_000, arguments)
    do throws(LabelError) {
      return try LabelStock(paper: paper, columns: columns, rows: rows, margin: margin, gap: gap)
    } catch {
      throw arguments.refuse("\(error)")
    }
  }

  /// Millimetres with at most two decimals.
  private static func micrometres(
    _ name: String, default fallback: Int, _ arguments: Arguments
  ) throws(Failure) -> Int {
    guard let text = arguments.value(name) else { return fallback }
    guard let hundredths = decimalHundredths(text), hundredths <= 100_00 else {
      throw arguments.refuse("option --\(name): '\(text)' is no length in mm such as 8 or 8.5")
    }
    return hundredths * 10
  }

  /// `labels.svg` becomes `labels-1.svg`.
  private static func page(_ number: Int, of path: String) -> String {
    guard let dot = path.lastIndex(of: ".") else { return "\(path)-\(number)" }
    return "\(path[..<dot])-\(number)\(path[dot...])"
  }
}

extension LabelSheetOptions {
  /// Writes the labels, readable by their owner only, because whoever reads them can claim.
  ///
  /// - Parameters:
  ///   - labels: in the order of printing.
  ///   - batch: its name, for people.
  ///   - server: the address that devices reach the server at.
  /// - Returns: the files that were written, and notes on what was left out.
  /// - Throws: a failure that names the file, or why the labels are impossible.
  func write(
    _ labels: [Label], batch: String?, server: String?
  ) throws(Failure) -> (paths: [String], notes: [String]) {
    guard !files.isEmpty else { return ([], []) }
    let style = LabelStyle(
      batch: batch, server: server, colour: colour, hasCropMarks: hasCropMarks,
      firstPosition: firstPosition)
    var contents: [(path: String, bytes: [UInt8])] = []
    var notes: [String] = []
    do throws(LabelError) {
      for file in files where file.format == .csv {
        contents.append((file.path, try LabelTable.csv(labels, style: style)))
      }
      if files.contains(where: { $0.format != .csv }) {
        let sheet = try LabelSheet(labels, on: stock, style: style)
        notes = sheet.notes
        for file in files { contents += Self.pages(of: sheet, for: file) }
      }
    } catch {
      throw .failed("\(error)")
    }
    // The number of pages is known only now.
    for (path, _) in contents where LocalFile.exists(path) {
      throw .failed("\(path) exists", hint: "another name, or remove it first")
    }
    // The table came first: whoever has it can print the rest again.
    for (path, bytes) in contents {
      let file = try LocalFile.Creation(path, isPrivate: true)
      try file.append(bytes)
      try file.sync()
    }
    return (contents.map(\.path), notes)
  }

  private static func pages(
    of sheet: LabelSheet, for file: File
  ) -> [(path: String, bytes: [UInt8])] {
    switch file.format {
    case .csv: []
    case .pdf: [(file.path, sheet.pdf())]
    case .svg where sheet.pageCount == 1: [(file.path, sheet.svg(page: 0))]
    case .svg:
      (0..<sheet.pageCount).map { (page($0 + 1, of: file.path), sheet.svg(page: $0)) }
    }
  }
}
