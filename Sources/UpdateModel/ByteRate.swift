// ByteRate: bytes per second as a whole number, read and written with decimal units.

/// A number of bytes per second, 1 to 1,000,000,000,000.
public struct ByteRate: Hashable, Sendable, CustomStringConvertible {
  /// Bytes per second.
  public let bytesPerSecond: Int64

  private static let range: ClosedRange<Int64> = 1...1_000_000_000_000
  // Longest first: every unit ends with that of bytes.
  private static let units: [(unit: String, scale: Int64)] = [
    ("GB/s", 1_000_000_000), ("MB/s", 1_000_000), ("kB/s", 1000), ("B/s", 1),
  ]

  /// Reads `800B/s`, `64kB/s`, `20MB/s` or `1.5GB/s`: at most two decimals, units of thousands, a
  /// whole number of bytes.
  public init?(text: String) {
    guard text.utf8.count <= 32,
      let found = ByteRate.units.first(where: { text.hasSuffix($0.unit) }),
      let hundredths = decimalHundredths(String(text.dropLast(found.unit.count)))
    else { return nil }
    let (product, overflow) = Int64(hundredths).multipliedReportingOverflow(by: found.scale)
    guard !overflow, product % 100 == 0, ByteRate.range.contains(product / 100) else { return nil }
    bytesPerSecond = product / 100
  }

  /// The largest unit in which the rate is a whole number, such as `1500MB/s`.
  public var description: String {
    for (unit, scale) in ByteRate.units where bytesPerSecond % scale == 0 {
      return "\(bytesPerSecond / scale)\(unit)"
    }
    return "\(bytesPerSecond)B/s"
  }
}
