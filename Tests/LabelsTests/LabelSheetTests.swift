// Label sheets: where labels are, what they say, and that scanners and PDF readers agree.

import Glibc
import Testing
import UpdateModel

@testable import Labels

/// Labels with different codes, the same ones in each run.
func labels(_ count: Int, id: String = "pump-", tenant: String = "acme") throws -> [Label] {
  try (0..<count).map { index in
    let entropy = (0..<15).map {
      UInt8(truncatingIfNeeded: (index * 15 + $0) &* 2_654_435_761 >> 7)
    }
    return Label(
      tenant: try Name(tenant), device: try DeviceID("\(id)\(1000 + index)"),
      code: ClaimCode(entropy: entropy))
  }
}

let server = "https://ota.example.com"

@Suite("Label sheets")
struct LabelSheetTests {
  @Test(arguments: LabelStock.products.map(\.name))
  func `on every product everything stays inside its label, with a quiet zone around the code`(
    name: String
  ) throws {
    let stock = try #require(LabelStock(product: name.lowercased()))
    let ids = ["pump-", "550e8400-e29b-41d4-a716-44665544", String(repeating: "w", count: 200)]
    for id in ids {
      for colour in [nil, try LabelColour("red")] {
        let style = LabelStyle(batch: "Pilot 2026", server: server, colour: colour)
        let sheet = try LabelSheet(
          try labels(stock.labelsPerPage + 1, id: id), on: stock, style: style)
        #expect(sheet.pageCount == 2)
        #expect(sheet.pages[0].count > sheet.pages[1].count)
        check(sheet, stock, hasBand: colour != nil)
        #expect(sheet.notes.contains { $0.contains("shortened") } == (id.count > 100))
      }
    }
  }

  private func check(_ sheet: LabelSheet, _ stock: LabelStock, hasBand: Bool) {
    let boxes = (0..<stock.labelsPerPage).map { stock.box(at: $0) }
    let paper = Box(x: 0, y: 0, width: stock.paper.width, height: stock.paper.height)
    #expect(boxes.allSatisfy { paper.holds($0) })
    for page in sheet.pages {
      let areas = page.map(\.area)
      // The code says which label is being drawn; a band comes before it.
      var label = -1
      let strays = page.indices.filter { index in
        let next = min(index + 1, page.count - 1)
        if page[hasBand ? next : index].isCode { label += 1 }
        return !boxes[label].holds(areas[index])
      }
      #expect(strays == [], "these leave their label")
      for (index, shape) in page.enumerated() {
        guard case .code(_, _, _, let module) = shape else { continue }
        if module < LabelLayout.moduleLeast { Issue.record("modules of \(module) micrometres") }
        let quiet = areas[index].grown(by: QRCode.quietModules * module)
        // Only the neighbours: the band before it and the lines after it.
        let range = max(0, index - 1)..<min(page.count, index + 8)
        let guests = range.filter { $0 != index && quiet.meets(areas[$0]) }
        if !guests.isEmpty { Issue.record("\(guests) are in the quiet zone of \(index)") }
      }
    }
  }

  @Test func `labels are as many as codes and go along rows from the first place`() throws {
    let stock = try #require(LabelStock(product: "L7160"))
    let sheet = try LabelSheet(
      try labels(22), on: stock, style: LabelStyle(server: server, firstPosition: 20))
    #expect(sheet.pages.map { $0.count { $0.isCode } } == [2, 20])
    let first = try #require(sheet.pages[0].first { $0.isCode }).area
    #expect(stock.box(at: 19).holds(first))
    for position in [0, 22] {
      #expect(throws: LabelError.self) {
        try LabelSheet(
          try labels(1), on: stock, style: LabelStyle(firstPosition: position))
      }
    }
  }

  @Test func `small labels say less in their codes and a note says so`() throws {
    let small = try #require(LabelStock(product: "L4731"))
    let sheet = try LabelSheet(try labels(3), on: small, style: LabelStyle(server: server))
    #expect(sheet.notes.count == 1 && sheet.notes[0].contains("leave out"))
    let large = try #require(LabelStock(product: "L7160"))
    #expect(try LabelSheet(try labels(3), on: large, style: LabelStyle(server: server)).notes == [])
  }

  @Test func `sheets and grids that cannot be are refused`() throws {
    let stock = try #require(LabelStock(product: "L7160"))
    #expect(throws: LabelError.count(0, most: 10_000)) {
      try LabelSheet([], on: stock, style: LabelStyle())
    }
    let tiny = try LabelStock(paper: .a4, columns: 19, rows: 30, margin: 5_000, gap: 0)
    #expect(throws: LabelError.tooSmall(width: "10.526", height: "9.566")) {
      try LabelSheet(try labels(1), on: tiny, style: LabelStyle())
    }
    #expect(throws: LabelError.self) {
      try LabelSheet(try labels(1), on: stock, style: LabelStyle(server: "ota.example.com"))
    }
    for (columns, rows, margin, gap) in [
      (0, 1, 0, 0), (21, 1, 0, 0), (1, 0, 0, 0), (1, 61, 0, 0), (1, 1, -1, 0), (1, 1, 50_001, 0),
      (1, 1, 0, -1), (1, 1, 0, 20_001), (20, 60, 0, 20_000), (20, 1, 10_000, 0),
      (Int.max, Int.max, Int.max, Int.max),
    ] {
      #expect(throws: LabelError.self) {
        try LabelStock(paper: .letter, columns: columns, rows: rows, margin: margin, gap: gap)
      }
    }
    #expect(LabelStock(product: "L9999") == nil)
  }

  @Test func `crop marks continue the edges and touch no label`() throws {
    let stock = try LabelStock(paper: .letter, columns: 3, rows: 5, margin: 12_000, gap: 3_000)
    let plain = try LabelSheet(try labels(2), on: stock, style: LabelStyle())
    let marked = try LabelSheet(try labels(2), on: stock, style: LabelStyle(hasCropMarks: true))
    #expect(marked.pages[0].count == plain.pages[0].count + 2 * 6 + 2 * 10)
    for mark in marked.pages[0].prefix(32) {
      for position in 0..<15 { #expect(!stock.box(at: position).meets(mark.area)) }
    }
  }

  @Test func `colours are read by name and by number`() throws {
    #expect(try LabelColour("#1f6FEB").hex == "#1f6feb")
    #expect(try LabelColour("Blue") == (try LabelColour("#1f6feb")))
    #expect(try LabelColour("#00000a").hex == "#00000a")
    for text in ["", "#", "#12345", "#1234567", "#12345g", "#+12345", "1f6feb", "bleu", "#１２３４５６"] {
      #expect(throws: LabelError.self, "\(text)") { try LabelColour(text) }
    }
  }

  @Test func `lengths are written without rounding`() {
    let rows = [
      (0, "0"), (1, "0.001"), (10, "0.01"), (1_000, "1"), (1_500, "1.5"), (210_000, "210"),
      (12_345, "12.345"), (-1_050, "-1.05"),
    ]
    for (length, text) in rows { #expect(millimetres(length) == text) }
  }
}

extension Shape {
  var isCode: Bool { if case .code = self { true } else { false } }

  /// What it covers; letters reach a quarter of their size below the line.
  var area: Box {
    switch self {
    case .rectangle(let box, _): box
    case .line(let line):
      Box(
        x: line.x, y: line.baseline - line.size * line.font.capitalHeight / 1_000,
        width: line.width, height: line.size * line.font.capitalHeight / 1_000)
    case .code(let code, let x, let y, let module):
      Box(x: x, y: y, width: code.side * module, height: code.side * module)
    }
  }
}

extension Box {
  func holds(_ other: Box) -> Bool {
    other.x >= x && other.y >= y && other.right <= right && other.bottom <= bottom
  }

  func meets(_ other: Box) -> Bool {
    other.x < right && x < other.right && other.y < bottom && y < other.bottom
  }

  func grown(by margin: Int) -> Box {
    Box(x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin)
  }
}
