// IDPage: the first few of many, by device id, without sorting or keeping the many.

import UpdateModel

/// Collects what comes after a cursor, at most `limit` items, whatever their order of arrival.
struct IDPage<Item> {
  private let cursor: String?
  private let limit: Int
  private var ids: [DeviceID] = []
  /// What was collected, by id.
  private(set) var items: [Item] = []

  init(after cursor: String?, limit: Int) {
    self.cursor = cursor
    self.limit = limit
  }

  /// Whether an item of this device belongs to the page as far as is known by now.
  func takes(_ device: DeviceID) -> Bool {
    // In the order of `DeviceID`, by bytes.
    if let cursor, !cursor.utf8.lexicographicallyPrecedes(device.text.utf8) { return false }
    return ids.count < limit || ids.last.map { device < $0 } ?? false
  }

  /// Adds an item that `takes` accepts; what falls off the end of the page is let go.
  mutating func insert(_ item: Item, _ device: DeviceID) {
    var low = 0
    var high = ids.count
    while low < high {
      let middle = (low + high) / 2
      if ids[middle] < device { low = middle + 1 } else { high = middle }
    }
    ids.insert(device, at: low)
    items.insert(item, at: low)
    if ids.count > limit {
      ids.removeLast()
      items.removeLast()
    }
  }
}
