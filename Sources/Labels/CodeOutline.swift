// CodeOutline: the dark parts of a QR code as polygons, because rectangles that touch show
// hairlines between them when they are drawn smoothly.

/// Polygons around the dark modules: clockwise outside, anticlockwise around holes, so that both
/// filling rules fill the dark parts.
struct CodeOutline {
  struct Point: Hashable {
    var x: Int
    var y: Int
  }

  private(set) var polygons: [[Point]] = []

  /// Steps to the right, down, left and up; a turn to the right is the next one.
  private static let steps = [(1, 0), (0, 1), (-1, 0), (0, -1)]

  init(_ code: QRCode) {
    let width = code.side + 1
    // One bit for each direction in which an edge leaves a corner, the dark side on its right.
    var leaving = [UInt8](repeating: 0, count: width * width)
    for y in 0..<code.side {
      for x in 0..<code.side where code.isDark(column: x, row: y) {
        if !code.isDark(column: x, row: y - 1) { leaving[y * width + x] |= 1 }
        if !code.isDark(column: x + 1, row: y) { leaving[y * width + x + 1] |= 2 }
        if !code.isDark(column: x, row: y + 1) { leaving[(y + 1) * width + x + 1] |= 4 }
        if !code.isDark(column: x - 1, row: y) { leaving[(y + 1) * width + x] |= 8 }
      }
    }
    for corner in leaving.indices {
      while leaving[corner] != 0 {
        polygons.append(Self.trace(from: corner, width: width, &leaving))
      }
    }
  }

  /// Follows edges from a corner until it closes; each edge is taken once.
  private static func trace(
    from start: Int, width: Int, _ leaving: inout [UInt8]
  ) -> [Point] {
    var points: [Point] = []
    var corner = start
    var direction = leaving[corner].trailingZeroBitCount
    var previous: Int?
    repeat {
      if direction != previous { points.append(Point(x: corner % width, y: corner / width)) }
      leaving[corner] &= ~(1 << UInt8(direction))
      previous = direction
      corner += steps[direction].0 + steps[direction].1 * width
      // Where two dark modules touch at a corner, turning right keeps to the same one.
      let turns = [1, 0, 3].map { (direction + $0) % 4 }
      direction = turns.first { leaving[corner] & (1 << UInt8($0)) != 0 } ?? direction
    } while corner != start || leaving[corner] & (1 << UInt8(direction)) != 0
    return points
  }
}
