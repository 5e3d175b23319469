// TwinScanner: finds single properties in the compact JSON that is kept of a twin, without reading
// the rest of it.

import UpdateModel

/// Where a property lies in the text that `DeviceDetails.encoded` writes.
struct TwinWay {
  /// The letter of the part.
  let letter: UInt8
  /// The escaped names of the members, or positions in arrays, from the outside in.
  let steps: [Step]
  /// The escaped name of the first member.
  let first: [UInt8]
  /// The escaped name of a single member that stands for the whole way; see `QueryPath.dottedName`.
  let dotted: [UInt8]
  /// Whether there may be such a member.
  let isPath: Bool

  enum Step {
    case member([UInt8])
    case element(Int)
  }

  /// Nil for fields that are no part of the twin, as how an update goes.
  init?(_ field: QueryField) {
    guard field.updatePath == nil else { return nil }
    let path: QueryPath
    switch field {
    case .tag(let way): (letter, path) = (UInt8(ascii: "t"), way)
    case .desired(let way): (letter, path) = (UInt8(ascii: "d"), way)
    case .reported(let way): (letter, path) = (UInt8(ascii: "a"), way)
    case .device, .hardware, .version, .state, .group, .lastSeen, .createdAt: return nil
    }
    steps = path.steps.map { step in
      switch step {
      case .member(let name): .member(TwinWay.escaped(name.text))
      case .element(let position): .element(position)
      }
    }
    first = if case .member(let name) = path.steps.first { TwinWay.escaped(name.text) } else { [] }
    isPath = path.dottedName != nil
    dotted = TwinWay.escaped(path.dottedName ?? "")
  }

  // As the writer of the text escapes it, so that bytes can be compared.
  private static func escaped(_ name: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(jsonString: name)
    return Array(bytes.dropFirst().dropLast())
  }
}

/// Steps over compact JSON whose writer is known.
struct TwinScanner {
  private var cursor: CompactCursor

  init(_ bytes: UnsafeBufferPointer<UInt8>) { cursor = CompactCursor(bytes) }

  /// The bytes of the value of each way, in their order; nil where there is nothing.
  ///
  /// Nil in all when the text is not as its writer would have it.
  mutating func find(_ ways: [TwinWay]) -> [Range<Int>?]? {
    var found = [Range<Int>?](repeating: nil, count: ways.count)
    guard cursor.take("{") else { return nil }
    if cursor.take("}") { return found }
    repeat {
      guard let section = key(), section.count == 1 else { return nil }
      let letter = cursor.bytes[section.lowerBound]
      // What follows the three parts is about the server's own business.
      if letter == UInt8(ascii: "r") || letter == UInt8(ascii: "h") { return found }
      guard ways.contains(where: { $0.letter == letter }) else {
        guard cursor.skip() else { return nil }
        continue
      }
      guard part(letter, ways, &found) else { return nil }
    } while cursor.take(",")
    return cursor.take("}") ? found : nil
  }

  private mutating func part(
    _ letter: UInt8, _ ways: [TwinWay], _ found: inout [Range<Int>?]
  ) -> Bool {
    // What a single member says comes before what a path says, wherever the two stand.
    var isDotted = [Bool](repeating: false, count: ways.count)
    guard cursor.take("{") else { return false }
    if cursor.take("}") { return true }
    repeat {
      guard let name = key() else { return false }
      let start = cursor.position
      guard cursor.skip() else { return false }
      let end = cursor.position
      // By index: to copy a way would count its references for every member of every twin.
      for number in ways.indices where ways[number].letter == letter && !isDotted[number] {
        if isSame(name, ways[number].first) {
          cursor.position = start
          found[number] = descend(ways[number].steps.dropFirst())
        } else if ways[number].isPath, isSame(name, ways[number].dotted) {
          found[number] = start..<end
          isDotted[number] = true
        }
      }
      cursor.position = end
    } while cursor.take(",")
    return cursor.take("}")
  }

  // The value at the end of the steps, from the value that begins here.
  private mutating func descend(_ steps: ArraySlice<TwinWay.Step>) -> Range<Int>? {
    for step in steps {
      switch step {
      case .member(let name): guard enter(name) else { return nil }
      case .element(let index): guard enter(index) else { return nil }
      }
    }
    let start = cursor.position
    return cursor.skip() ? start..<cursor.position : nil
  }

  private mutating func enter(_ name: [UInt8]) -> Bool {
    guard cursor.take("{") else { return false }
    repeat {
      guard let found = key() else { return false }
      if isSame(found, name) { return true }
      guard cursor.skip() else { return false }
    } while cursor.take(",")
    return false
  }

  private mutating func enter(_ index: Int) -> Bool {
    guard cursor.take("["), cursor.position < cursor.bytes.count,
      cursor.bytes[cursor.position] != UInt8(ascii: "]")
    else {
      return false
    }
    for _ in 0..<index {
      guard cursor.skip(), cursor.take(",") else { return false }
    }
    return true
  }

  private func isSame(_ range: Range<Int>, _ name: [UInt8]) -> Bool {
    guard range.count == name.count else { return false }
    for offset in 0..<name.count where cursor.bytes[range.lowerBound + offset] != name[offset] {
      return false
    }
    return true
  }

  // A name with its colon; the range is what stands between the quotes.
  private mutating func key() -> Range<Int>? {
    let start = cursor.position + 1
    guard cursor.skipText() else { return nil }
    let end = cursor.position - 1
    return cursor.take(":") ? start..<end : nil
  }
}
