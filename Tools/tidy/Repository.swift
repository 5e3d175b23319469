// Everything the rules look at: the files, the entries of the top folder and the target graph.

import Glibc

struct Repository: Sendable {
  let files: [SourceFile]
  let topLevel: [String]
  let graph: PackageGraph
  private let filesByTarget: [String: [SourceFile]]

  init(files: [SourceFile], topLevel: [String]) {
    let graph = PackageGraph(files.first { $0.path == "Package.swift" })
    self.files = files
    self.topLevel = topLevel
    self.graph = graph
    let owned = files.filter { $0.isSwift && graph.target(of: $0.path) != nil }
    filesByTarget = Dictionary(grouping: owned) { graph.target(of: $0.path)?.name ?? "" }
  }

  init(_ specimen: Specimen) {
    let files = specimen.files.map { SourceFile(path: $0.path, bytes: Array($0.text.utf8)) }
    let tops = files.map { String($0.path.split(separator: "/").first ?? "") }
    self.init(files: files, topLevel: tops)
  }

  var swiftFiles: [SourceFile] { files.filter(\.isSwift) }
  /// Files people read and write: neither binary nor recorded data.
  var textFiles: [SourceFile] { files.filter { !$0.isBinary && !$0.isData } }

  func files(of target: PackageTarget) -> [SourceFile] {
    filesByTarget[target.name] ?? []
  }
}

extension Repository {
  /// What is not ours to check: version control and build output.
  private static func isSkipped(_ name: String) -> Bool {
    name == ".git" || name.hasPrefix(".build") || name.hasSuffix(".swp")
  }

  /// Larger files are recorded images, which no rule reads: the largest text is far below.
  private static let fileBytesMax = 4 << 20

  /// Reads the tree below the current folder; nothing when a folder or file cannot be read.
  static func load() -> Repository? {
    guard let topLevel = entries(of: ".") else { return nil }
    var files: [SourceFile] = []
    var pending = Array(topLevel.reversed())
    while let path = pending.popLast() {
      var status = stat()
      guard lstat(path, &status) == 0 else { return nil }
      switch status.st_mode & S_IFMT {
      case S_IFDIR:
        guard let names = entries(of: path) else { return nil }
        pending += names.reversed().map { "\(path)/\($0)" }
      case S_IFREG where status.st_size <= fileBytesMax:
        guard let bytes = contents(of: path, count: Int(status.st_size)) else { return nil }
        files.append(SourceFile(path: path, bytes: bytes))
      default: break
      }
    }
    return Repository(files: files, topLevel: topLevel)
  }

  private static func entries(of folder: String) -> [String]? {
    guard let handle = opendir(folder) else { return nil }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." && !isSkipped(name) { names.append(name) }
    }
    return names.sorted()
  }

  private static func contents(of path: String, count: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let received = bytes.withUnsafeMutableBytes { buffer in
        read(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled)
      }
      if received < 0 && errno == EINTR { continue }
      if received < 0 { return nil }
      if received == 0 { break }
      filled += received
    }
    return Array(bytes.prefix(filled))
  }
}
