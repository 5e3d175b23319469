// CSVReader: tables of comma-separated values (RFC 4180), record by record with their lines.

/// Why a table cannot be read.
struct CSVError: Error {
  /// One-based line of the fault.
  let line: Int
  /// What was found and what is expected.
  let reason: String
}

/// Reads records one after the other. Lines end in LF or CR LF; empty lines are passed over.
struct CSVReader {
  private let bytes: [UInt8]
  private var position: Int
  private var line = 1

  private static let quote = UInt8(ascii: "\"")
  private static let comma = UInt8(ascii: ",")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  /// Starts before the first record; a byte order mark is passed over.
  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  /// The next record with the line it starts on; nil after the last one.
  mutating func next() throws(CSVError) -> (line: Int, fields: [String])? {
    while position < bytes.count, endLine() {}
    guard position < bytes.count else { return nil }
    let start = line
    var fields: [String] = []
    while true {
      fields.append(try field())
      guard position < bytes.count, !endLine() else { return (start, fields) }
      guard bytes[position] == CSVReader.comma else {
        throw CSVError(line: line, reason: "found text behind a closing quote")
      }
      position += 1
    }
  }

  /// Passes over a line end; false when there is none here.
  private mutating func endLine() -> Bool {
    var next = position
    if next < bytes.count, bytes[next] == CSVReader.carriageReturn { next += 1 }
    guard next < bytes.count, bytes[next] == CSVReader.lineFeed else { return false }
    position = next + 1
    line += 1
    return true
  }

  private mutating func field() throws(CSVError) -> String {
    guard position < bytes.count, bytes[position] == CSVReader.quote else {
      let start = position
      while position < bytes.count, bytes[position] != CSVReader.comma,
        bytes[position] != CSVReader.lineFeed
      {
        guard bytes[position] != CSVReader.quote else {
          throw CSVError(
            line: line, reason: "found a quote inside a field; put the whole field in quotes")
        }
        position += 1
      }
      let isEndOfLine =
        position < bytes.count && bytes[position] == CSVReader.lineFeed && position > start
        && bytes[position - 1] == CSVReader.carriageReturn
      if isEndOfLine { position -= 1 }
      return try text(bytes[start..<position])
    }
    return try quoted()
  }

  private mutating func quoted() throws(CSVError) -> String {
    let start = line
    var content: [UInt8] = []
    position += 1
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == CSVReader.quote {
        guard position < bytes.count, bytes[position] == CSVReader.quote else {
          return try text(content[...])
        }
        position += 1
      } else if byte == CSVReader.lineFeed {
        line += 1
      }
      content.append(byte)
    }
    throw CSVError(line: start, reason: "a quote is never closed")
  }

  private func text(_ bytes: ArraySlice<UInt8>) throws(CSVError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CSVError(line: line, reason: "found bytes that are not UTF-8")
    }
    return text
  }
}
