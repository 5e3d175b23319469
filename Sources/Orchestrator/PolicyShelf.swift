// PolicyShelf: the policies in a directory, read when they are asked for, so that edits take
// effect.

import Glibc
public import UpdateModel

/// Policies by name. A policy file is `<name>.json`, and its `name` says the same.
public struct PolicyShelf: Sendable {
  private let directory: String
  // Policies that are given and not looked up, by name.
  private let texts: [String: String]
  /// Larger files are refused.
  private static let fileBytesMax = 256 * 1024

  /// Looks into a directory.
  public init(directory: String) {
    self.directory = directory
    texts = [:]
  }

  /// Knows these documents by name and no others.
  public init(texts: [String: String]) {
    directory = ""
    self.texts = texts
  }

  /// Reads a policy with overrides; returns it with the document that says the same.
  public func policy(
    _ name: String, overrides: [(path: String, value: String)]
  ) throws(Problem) -> (policy: Policy, document: JSON) {
    guard (try? Name(name)) != nil, let text = read("\(name).json") else {  // answered below
      let known = names.joined(separator: ", ")
      throw Problem(.unprocessable, "there is no policy '\(name.prefix(64))'; there are: \(known)")
    }
    let found = try Policy.readDocument(text, file: "\(name).json", overrides: overrides)
    guard found.policy.name.text == name else {
      throw Problem(
        .unprocessable,
        "policy \(name).json calls itself \(found.policy.name); file and name have to agree")
    }
    return found
  }

  /// The names of all policies, sorted.
  public var names: [String] {
    if directory.isEmpty { return texts.keys.sorted() }
    guard let handle = opendir(directory) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let file = withUnsafePointer(to: entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if file.hasSuffix(".json") { names.append(String(file.dropLast(5))) }
    }
    return names.sorted()
  }

  private func read(_ file: String) -> [UInt8]? {
    if directory.isEmpty { return texts[String(file.dropLast(5))].map { Array($0.utf8) } }
    guard let handle = fopen("\(directory)/\(file)", "r") else { return nil }
    defer { fclose(handle) }
    var bytes = [UInt8](repeating: 0, count: PolicyShelf.fileBytesMax + 1)
    let count = fread(&bytes, 1, bytes.count, handle)
    return count > PolicyShelf.fileBytesMax ? nil : Array(bytes.prefix(count))
  }
}
