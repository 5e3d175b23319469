// AgentDisk: the one door to files and block devices, so that tests can take the power away.

/// What the agent does to disks. Paths are absolute; errors are `AgentError.system`.
///
/// Nothing is durable before `sync` of the file, and no name before `syncDirectory` of its folder.
public protocol AgentDisk: Sendable {
  /// Opens a file or block device.
  func open(_ path: String, _ mode: DiskMode) throws(AgentError) -> any DiskFile
  /// Whether something is there.
  func exists(_ path: String) throws(AgentError) -> Bool
  /// Whether it is a block device.
  func isBlockDevice(_ path: String) throws(AgentError) -> Bool
  /// Gives a file another name and takes the place of what has it.
  func rename(_ path: String, to target: String) throws(AgentError)
  /// Removes a file or link; not an error when there is none.
  func remove(_ path: String) throws(AgentError)
  /// Makes the names in a folder durable.
  func syncDirectory(_ path: String) throws(AgentError)
  /// Makes a folder and those above it; not an error when it is there.
  func makeDirectory(_ path: String) throws(AgentError)
  /// Names in a folder, sorted; empty when there is no folder.
  func names(in path: String) throws(AgentError) -> [String]
  /// Makes a symbolic link; an error when the name is taken.
  func link(_ path: String, to target: String) throws(AgentError)
  /// Where a symbolic link points; nothing when there is none.
  func target(ofLink path: String) throws(AgentError) -> String?
  /// Bytes that may still be written to the file system of a folder.
  func freeBytes(at path: String) throws(AgentError) -> Int64
}

/// How a file is opened.
public enum DiskMode: Sendable {
  /// It must be there.
  case read
  /// It must be there; it is read and written.
  case write
  /// As `write`, for a block device that nothing else uses: one that is mounted is refused.
  case exclusive
  /// It is made when it is not there; readable by its owner only.
  case create
  /// As `create`, and may be run.
  case createProgram
}

/// An open file; closed with its last reference.
public protocol DiskFile: AnyObject {
  /// Length in bytes, of a block device too.
  func size() throws(AgentError) -> Int64
  /// Up to `count` bytes from an offset; fewer only at the end.
  func read(at offset: Int64, count: Int) throws(AgentError) -> [UInt8]
  /// Writes all bytes at an offset.
  func write(_ bytes: [UInt8], at offset: Int64) throws(AgentError)
  /// Cuts or extends a file.
  func truncate(to size: Int64) throws(AgentError)
  /// Forces what was written to the medium.
  func sync() throws(AgentError)
  /// Forgets what is cached, so that the next read comes from the medium.
  func dropCache()
}
