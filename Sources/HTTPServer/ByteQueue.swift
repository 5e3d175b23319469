// A growable run of bytes outside the Swift heap, reused for years without allocating.
import Glibc

/// Bytes appended at the end and taken from the front.
struct ByteQueue: ~Copyable {
  private(set) var base: UnsafeMutablePointer<UInt8>
  private(set) var count = 0
  private(set) var capacity: Int

  init(capacity: Int) {
    self.capacity = capacity
    base = .allocate(capacity: capacity)
  }

  deinit { base.deallocate() }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// Makes room for `extra` bytes behind the present ones.
  @inline(__always)
  mutating func reserve(_ extra: Int) {
    if capacity - count < extra { grow(extra) }
  }

  private mutating func grow(_ extra: Int) {
    let larger = max(capacity * 2, count + extra)
    let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    fresh.update(from: base, count: count)
    base.deallocate()
    base = fresh
    capacity = larger
  }

  @inline(__always)
  mutating func append(_ source: UnsafeRawBufferPointer) {
    guard let start = source.baseAddress, source.count > 0 else { return }
    reserve(source.count)
    memcpy(base + count, start, source.count)
    count += source.count
  }

  @inline(__always)
  mutating func append(_ text: StaticString) {
    let length = text.utf8CodeUnitCount
    reserve(length)
    memcpy(base + count, text.utf8Start, length)
    count += length
  }

  @inline(__always)
  mutating func append(_ byte: UInt8) {
    reserve(1)
    base[count] = byte
    count += 1
  }

  mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  mutating func append(decimal value: Int) {
    if value < 0 { append(0x2D as UInt8) }
    let magnitude = value.magnitude
    let digits = Self.digitCount(magnitude)
    reserve(digits)
    Self.write(magnitude, digits, to: base + count)
    count += digits
  }

  static func digitCount(_ value: UInt) -> Int {
    var digits = 1
    var rest = value
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    return digits
  }

  /// Writes a number right-aligned into `digits` bytes.
  static func write(_ value: UInt, _ digits: Int, to target: UnsafeMutablePointer<UInt8>) {
    var rest = value
    var position = digits
    while position > 0 {
      position -= 1
      target[position] = 0x30 + UInt8(rest % 10)
      rest /= 10
    }
  }

  /// Moves the bytes from `start` on by `distance`, to make room or to close a gap.
  mutating func shift(from start: Int, by distance: Int) {
    if distance > 0 { reserve(distance) }
    memmove(base + start + distance, base + start, count - start)
    count += distance
  }

  /// Closes the gap before `source`, so that its bytes stand at `target`.
  func move(_ source: Range<Int>, to target: Int) {
    precondition(target <= source.lowerBound && source.upperBound <= count, "moves go forward")
    memmove(base + target, base + source.lowerBound, source.count)
  }

  mutating func truncate(to newCount: Int) {
    precondition(newCount >= 0 && newCount <= count, "truncation only shortens")
    count = newCount
  }

  mutating func dropFirst(_ dropped: Int) {
    precondition(dropped >= 0 && dropped <= count, "only present bytes can be dropped")
    guard dropped > 0 else { return }
    if dropped < count { memmove(base, base + dropped, count - dropped) }
    count -= dropped
  }

  /// Forgets the bytes, and the memory too where it grew beyond `keeping`.
  mutating func reset(keeping limit: Int) {
    count = 0
    guard capacity > limit else { return }
    base.deallocate()
    base = .allocate(capacity: limit)
    capacity = limit
  }
}
