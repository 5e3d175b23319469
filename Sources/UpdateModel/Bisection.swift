// Bisection: finding a place in something that is in order.

extension RandomAccessCollection {
  /// The position of the first element that does not come before what is looked for; the end when
  /// all do.
  ///
  /// The elements for which `isBefore` is true precede all others.
  @inlinable
  public func bisect(_ isBefore: (Element) throws -> Bool) rethrows -> Index {
    var low = startIndex
    var count = count
    while count > 0 {
      let half = count / 2
      let middle = index(low, offsetBy: half)
      if try isBefore(self[middle]) {
        low = index(after: middle)
        count -= half + 1
      } else {
        count = half
      }
    }
    return low
  }
}
