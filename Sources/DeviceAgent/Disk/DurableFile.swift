// DurableFile: a small text in two generations, of which one is whole at every instant.

internal import Crypto

/// A checksummed value that survives power failures, torn writes and one spoilt file.
///
/// Two files, `NAME.0` and `NAME.1`. A save replaces the older one by rename, so the newer one is
/// never touched. Each is a header line, `generation=N`, the text, and `sha256=` of all before.
/// A shell script can check it with `head`, `sha256sum` and `grep`.
public struct DurableFile: Sendable {
  /// Longest text in bytes; the state of the agent with its reports fits many times.
  public static let textBytesMax = 256 << 10

  private static let header = "groundswell-durable 1\n"
  private let disk: any AgentDisk
  private let directory: String
  private let name: String

  /// Names the value `name` in a folder, which must exist when it is saved.
  public init(disk: any AgentDisk, directory: String, name: String) {
    self.disk = disk
    self.directory = directory
    self.name = name
  }

  /// What is stored.
  public enum Content: Equatable, Sendable {
    /// Never saved.
    case missing
    /// The newest whole generation.
    case text([UInt8])
    /// There are files, and none of them is whole.
    case spoilt
  }

  /// Reads the newest generation that is whole.
  public func load() throws(AgentError) -> Content {
    let found = try generations()
    if let newest = found.whole.max(by: { $0.number < $1.number }) { return .text(newest.text) }
    return found.isAnyThere ? .spoilt : .missing
  }

  /// Stores a text; it is durable when this returns. Until then a failure leaves what was there.
  public func save(_ text: [UInt8]) throws(AgentError) {
    guard text.count <= DurableFile.textBytesMax else {
      throw .malformed(
        subject: "\(directory)/\(name)",
        reason: "would have \(text.count) bytes; \(DurableFile.textBytesMax) are allowed")
    }
    let found = try generations()
    let newest = found.whole.max { $0.number < $1.number }
    let number = (newest?.number ?? 0) + 1
    let target = path(newest?.index == 0 ? 1 : 0)
    let temporary = "\(directory)/.\(name).new"
    let bytes = DurableFile.encode(text, number)
    let file = try disk.open(temporary, .create)
    try file.truncate(to: 0)
    try file.write(bytes, at: 0)
    try file.sync()
    try disk.rename(temporary, to: target)
    try disk.syncDirectory(directory)
  }

  private struct Generation {
    let index: Int
    let number: Int
    let text: [UInt8]
  }

  private func path(_ index: Int) -> String { "\(directory)/\(name).\(index)" }

  private func generations() throws(AgentError) -> (whole: [Generation], isAnyThere: Bool) {
    var whole: [Generation] = []
    var isAnyThere = false
    for index in 0...1 where try disk.exists(path(index)) {
      isAnyThere = true
      let file = try disk.open(path(index), .read)
      let size = try file.size()
      // Room for the lines around the text.
      guard size <= Int64(DurableFile.textBytesMax + 256) else { continue }
      let bytes = try file.read(at: 0, count: Int(size))
      guard let (number, text) = DurableFile.decode(bytes) else { continue }
      whole.append(Generation(index: index, number: number, text: text))
    }
    return (whole, isAnyThere)
  }

  static func encode(_ text: [UInt8], _ number: Int) -> [UInt8] {
    var bytes = Array("\(header)generation=\(number)\n".utf8) + text
    if bytes.last != 0x0A { bytes.append(0x0A) }
    return bytes + Array("sha256=\(SHA256.value(of: bytes).hex)\n".utf8)
  }

  static func decode(_ bytes: [UInt8]) -> (number: Int, text: [UInt8])? {
    // `sha256=`, 64 digits and a line feed.
    let trailerCount = 72
    guard bytes.count > trailerCount else { return nil }
    let body = Array(bytes.dropLast(trailerCount))
    let trailer = "sha256=\(SHA256.value(of: body).hex)\n"
    guard bytes.suffix(trailerCount).elementsEqual(trailer.utf8),
      body.starts(with: header.utf8)
    else { return nil }
    let rest = body.dropFirst(header.utf8.count)
    guard let lineEnd = rest.firstIndex(of: 0x0A) else { return nil }
    let line = String(decoding: rest[..<lineEnd], as: UTF8.self)
    let prefix = "generation="
    guard line.hasPrefix(prefix), let number = Int(line.dropFirst(prefix.count)), number > 0,
      number < Int.max
    else { return nil }
    return (number, Array(rest[(lineEnd + 1)...]))
  }
}
