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
    let place = ids.bisect { $0 < device }
    ids.insert(device, at: place)
    items.insert(item, at: place)
    if ids.count > limit {
      ids.removeLast()
      items.removeLast()
    }
  }
}
