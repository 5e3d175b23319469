// CommandReport: what a device says about a command, read from its document.

/// One word of a device about a command.
public struct CommandReport: Equatable, Sendable {
  /// What it says.
  public let word: Word
  /// How far it is, 0 to 100; nil when it does not say.
  public let percent: Int?
  /// What came out; nil when it gives nothing, or more than is kept.
  public let result: JSON?
  /// The device's own words, cut to `CommandLimits.textBytes`; nil without any.
  public let text: String?

  /// The words of the protocol.
  public enum Word: String, Sendable, CaseIterable {
    /// It has the command and will do it.
    case accepted
    /// It is at it.
    case running
    /// It has done it.
    case done
    /// It tried in vain.
    case failed
    /// It will not try.
    case rejected
  }

  /// Joins what was said; a result over its limits is dropped, and the text says so.
  ///
  /// Dropped and not refused, because a device would repeat a refused report for ever.
  public init(_ word: Word, percent: Int? = nil, result: JSON? = nil, text: String? = nil) {
    self.word = word
    self.percent = percent
    var words = text.flatMap { $0.isEmpty ? nil : $0 }
    var kept = result
    if let result {
      let size = result.text.count
      if size > CommandLimits.resultBytes || result.depth > CommandLimits.resultDepth {
        kept = nil
        words =
          "[a result of \(size) bytes and \(result.depth) levels was dropped; at most "
          + "\(CommandLimits.resultBytes) bytes and \(CommandLimits.resultDepth) levels are kept] "
          + (words ?? "")
      }
    }
    self.result = kept
    self.text = words.map { CommandReport.cut($0) }
  }

  /// Reads `{"state", "percent"?, "result"?, "text"?}`; other members are ignored.
  public init(_ document: JSON) throws(InvalidValue) {
    guard document.members != nil else {
      throw InvalidValue(field: "$", reason: "is \(document.kind) where an object is expected")
    }
    guard let word = document["state"]?.string.flatMap(Word.init(rawValue:)) else {
      let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw InvalidValue(field: "$.state", reason: "give one of \(known)")
    }
    var percent: Int?
    if let value = document["percent"], value != .null {
      guard let number = value.integer, (0...100).contains(number) else {
        throw InvalidValue(
          field: "$.percent",
          reason: "found \(value.kind) where a whole number from 0 to 100 is expected")
      }
      percent = Int(number)
    }
    var text: String?
    if let value = document["text"], value != .null {
      guard let words = value.string else {
        throw InvalidValue(
          field: "$.text", reason: "found \(value.kind) where a text is expected")
      }
      text = words
    }
    let result = document["result"].flatMap { $0 == .null ? nil : $0 }
    self.init(word, percent: percent, result: result, text: text)
  }

  // At the end of a character, so that no half of one is kept.
  private static func cut(_ text: String) -> String {
    guard text.utf8.count > CommandLimits.textBytes else { return text }
    var end = text.utf8.index(text.startIndex, offsetBy: CommandLimits.textBytes)
    while end > text.startIndex, end.samePosition(in: text.unicodeScalars) == nil {
      end = text.utf8.index(before: end)
    }
    return String(text[..<end])
  }
}
