// StageBar: the devices of a stage as a bar of letters, one segment per standing.

/// Divides the cells of a bar among standings.
enum StageBar {
  /// Cells per element of `StandingSign.all`; what is left over is not there yet.
  ///
  /// Shares are rounded so that they add up, and every standing that has a device has a cell as
  /// long as there is room: one failure among ten thousand must be seen.
  static func cells(_ counts: StandingCounts, size: Int, width: Int) -> [Int] {
    let whole = max(size, counts.participants)
    guard whole > 0, width > 0 else { return counts.counts.map { _ in 0 } }
    // The cells of all participants together, and never a full bar before all take part.
    var room = min(width, counts.participants * width / whole)
    let present = counts.counts.filter { $0 > 0 }.count
    room = max(room, min(present, width))
    var cells = counts.counts.map { $0 == 0 ? 0 : max(1, $0 * width / whole) }
    while cells.reduce(0, +) > room, let widest = cells.indices.max(by: { cells[$0] < cells[$1] }) {
      cells[widest] -= 1
    }
    while cells.reduce(0, +) < room {
      // The cell goes where a cell stands for most devices.
      let neediest = cells.indices.filter { counts.counts[$0] > 0 }
        .max { need(counts.counts[$0], cells[$0]) < need(counts.counts[$1], cells[$1]) }
      guard let neediest else { break }
      cells[neediest] += 1
    }
    return cells
  }

  private static func need(_ count: Int, _ cells: Int) -> Int {
    count.multipliedReportingOverflow(by: 1000).partialValue / (cells + 1)
  }

  /// The bar in brackets.
  static func draw(_ counts: StandingCounts, size: Int, width: Int, into line: inout StyledLine) {
    line.append("[")
    var left = width
    for (sign, cells) in zip(StandingSign.all, cells(counts, size: size, width: width))
    where cells > 0 {
      line.append(String(repeating: sign.letter, count: cells), sign.colour)
      left -= cells
    }
    line.append(String(repeating: ".", count: left), .grey)
    line.append("]")
  }
}
