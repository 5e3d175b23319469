// What a handler writes a response body into: the output of its connection's loop.

/// The growing body of a response; appending does not allocate in steady state.
public struct OutputBuffer: ~Copyable {
  var queue: ByteQueue

  init(capacity: Int) { queue = ByteQueue(capacity: capacity) }

  /// Bytes in the buffer, those of earlier responses included.
  public var count: Int { queue.count }

  /// Appends a literal.
  public mutating func append(_ text: StaticString) { queue.append(text) }

  /// Appends raw bytes.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) { queue.append(bytes) }

  /// Appends an array of bytes.
  public mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { queue.append($0) } }

  /// Appends one byte.
  public mutating func append(byte: UInt8) { queue.append(byte) }

  /// Appends text as UTF-8.
  public mutating func append(utf8 text: String) { queue.append(text) }

  /// Appends a number in decimal digits.
  public mutating func append(decimal value: Int) { queue.append(decimal: value) }
}
