// Nearest: finds what somebody probably meant, by the number of typing slips between two words.

/// The word that differs least from `word`; nil when none is close.
func nearest(to word: String, among candidates: [String]) -> String? {
  // A word cut short comes before a typing slip.
  let longer = candidates.filter { word.utf8.count >= 4 && $0.hasPrefix(word) }
  if longer.count == 1 { return longer[0] }
  let ranked = candidates.map { ($0, slips(Array(word.utf8), Array($0.utf8))) }
  guard let best = ranked.min(by: { $0.1 < $1.1 }) else { return nil }
  // A third of the letters wrong is still a slip; more is another word.
  return best.1 <= max(1, word.utf8.count / 3) ? best.0 : longer.first
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
private func slips(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var beforeLast = [Int](repeating: 0, count: right.count + 1)
  var last = Array(0...right.count)
  for row in 0..<left.count {
    var present = [row + 1] + [Int](repeating: 0, count: right.count)
    for column in 0..<right.count {
      let isSame = left[row] == right[column]
      present[column + 1] = min(
        last[column + 1] + 1, present[column] + 1, last[column] + (isSame ? 0 : 1))
      if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
        present[column + 1] = min(present[column + 1], beforeLast[column - 1] + 1)
      }
    }
    (beforeLast, last) = (last, present)
  }
  return last[right.count]
}
