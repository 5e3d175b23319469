// EvidenceLines: the strata of a rollout as lines of the live picture.

/// Draws what the evidence says, on as much room as it may take.
struct EvidenceLines {
  private let evidence: EvidencePicture?
  private let columns: Int
  private let limit: Int

  /// `columns` and `rows` are those of the terminal.
  init(_ evidence: EvidencePicture?, columns: Int, rows: Int) {
    self.evidence = evidence
    self.columns = columns
    limit = EvidenceLines.strata(rows: rows)
  }

  // A third of the terminal at most; on a small one the stages matter more.
  private static func strata(rows: Int) -> Int { max(2, min(12, rows / 3 - 3)) }

  /// Lines that the evidence takes.
  static func height(of evidence: EvidencePicture?, rows: Int) -> Int {
    EvidenceLines(evidence, columns: 80, rows: rows).lines.count
  }

  /// The table with the control cohort below it and an empty line; nothing without evidence.
  var lines: [StyledLine] {
    guard let evidence, !evidence.strata.isEmpty else { return [] }
    let rows = shown(evidence.rows(limit: limit))
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = rows.enumerated().map { index, cells -> StyledLine in
      var line: StyledLine = "  "
      for (column, cell) in cells.enumerated() {
        let gap = String(repeating: " ", count: widths[column] - cell.count)
        let isLeft = column == 0 || column == cells.count - 1
        line.append(isLeft ? cell + gap : gap + cell, colour(of: cell, column, index, rows[0]))
        line.append("  ")
      }
      return line
    }
    if let control = evidence.control {
      var line: StyledLine = "  "
      line.append(control, evidence.isOutage ? .red : .grey)
      lines.append(line)
    }
    return lines + [StyledLine()]
  }

  // A narrow terminal goes without the columns that the others explain.
  private func shown(_ rows: [[String]]) -> [[String]] {
    guard columns < 100 else { return rows }
    let spare: Set<String> = columns < 80 ? ["began", "awaited", "proven"] : ["began", "awaited"]
    let kept = rows[0].indices.filter { !spare.contains(rows[0][$0]) }
    return rows.map { row in kept.map { row[$0] } }
  }

  private func colour(
    of cell: String, _ column: Int, _ index: Int, _ headings: [String]
  ) -> Colour {
    if index == 0 { return .grey }
    switch headings[column] {
    case "failed", "silent": return cell == "0" || cell.isEmpty ? .plain : .red
    case "state": return cell == "quarantined" ? .red : cell == "waiting" ? .blue : .plain
    default: return .plain
    }
  }
}
