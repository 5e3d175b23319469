// Paging: lists come in pages; each names the cursor that asks for the next one.

import UpdateModel

/// Which part of a list is asked for.
struct Page: Sendable {
  /// The parameters of every list.
  static let parameters = ["limit", "after"]
  private static let limits = 1...1000

  /// Items on the page at most.
  let limit: Int
  /// The item before the first one of the page; nil for the first page.
  let cursor: String?

  /// Reads `limit` and `after`.
  init(_ query: Query) throws(Problem) {
    cursor = query["after"]
    guard let text = query["limit"] else {
      limit = 100
      return
    }
    guard let number = Int(text), Page.limits.contains(number) else {
      throw Problem(
        InvalidValue(field: "limit", reason: "'\(text.prefix(40))' is no number from 1 to 1000"))
    }
    limit = number
  }

  /// The cursor as a number; nil when there is none.
  func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(Problem) -> Number? {
    guard let cursor else { return nil }
    guard let number = Number(cursor) else { throw strangeCursor }
    return number
  }

  /// A page of a list that is in memory; `isAfter` says which items follow the cursor.
  func cut<Item>(
    _ items: [Item], key: (Item) -> String, isAfter: (Item) -> Bool, document: (Item) -> JSON
  ) -> JSON {
    listed(
      Array((cursor == nil ? items[...] : items.filter(isAfter)[...]).prefix(limit + 1)),
      key: key, document: document)
  }

  /// A page from at most `limit + 1` items that follow the cursor; one more tells of a next page.
  func listed<Item>(_ items: [Item], key: (Item) -> String, document: (Item) -> JSON) -> JSON {
    let shown = items.prefix(limit)
    return .members([
      "items": .array(shown.map(document)),
      "next": items.count > limit ? shown.last.map { .string(key($0)) } : nil,
    ])
  }

  private var strangeCursor: Problem {
    Problem(
      InvalidValue(
        field: "after", reason: "this is no cursor of this list; give the member next of a page"))
  }
}
