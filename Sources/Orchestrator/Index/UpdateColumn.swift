// UpdateColumn: how the updates of a shard's devices go, as columns that are made for one query and
// not kept.

import UpdateModel

/// Tells what devices do in rollouts, in their order.
typealias PartLookup = @Sendable ([DeviceID]) -> [Participation?]

extension ShardView {
  /// Devices that are looked up at once: few, so that nobody waits long for the ledger.
  private static let partsAtOnce = 512

  /// Fills the columns of those among `fields` that ask for the reported property `update`.
  mutating func addUpdates(_ fields: Set<QueryField>, _ parts: PartLookup) {
    let asked = fields.compactMap { field in field.updatePath.map { (field, $0) } }
    guard !asked.isEmpty else { return }
    var columns = asked.map { _ in UpdateColumn(count: count) }
    let live = isLive.indices.filter { isLive[$0] }
    for start in stride(from: 0, to: live.count, by: ShardView.partsAtOnce) {
      let batch = live[start..<min(start + ShardView.partsAtOnce, live.count)]
      // Ids of registered devices are ids.
      let known = batch.compactMap { index in
        (try? DeviceID(ids.text(index))).map { (index: index, id: $0) }
      }
      for ((index, _), part) in zip(known, parts(known.map(\.id))) {
        guard let part else { continue }
        for (number, (_, path)) in asked.enumerated() {
          columns[number].set(index, part.value(of: path))
        }
      }
    }
    for ((field, _), column) in zip(asked, columns) { self.columns[field] = column.view }
  }
}

/// Values by code, each once.
private struct UpdateColumn {
  private var codes: ContiguousArray<UInt32>
  private var values: ContiguousArray<QueryValue?>
  private var numbers: [[UInt8]: UInt32] = [:]

  init(count: Int) {
    codes = ContiguousArray(repeating: FieldColumn.missing, count: count)
    // No code of a value may be one of those with a meaning of their own.
    values = ContiguousArray(repeating: nil, count: Int(FieldColumn.wide) + 1)
  }

  mutating func set(_ index: Int, _ value: JSON?) {
    guard let value else { return }
    let text = value.text
    if let known = numbers[text] {
      codes[index] = known
      return
    }
    let fresh = UInt32(values.count)
    values.append(.json(value))
    numbers[text] = fresh
    codes[index] = fresh
  }

  var view: ColumnView { .coded(CodedView(codes: codes, values: values)) }
}
