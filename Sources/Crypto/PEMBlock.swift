// PEM blocks (RFC 7468): a label and bytes, read from hostile text and written as text.
import COpenSSL

/// One block of PEM text.
struct PEMBlock {
  /// More text than this holds no key, request or certificate of a device.
  static let textByteCountMax = 16 << 10

  /// What stands between BEGIN and END.
  let label: String
  /// The decoded bytes.
  let bytes: [UInt8]

  init(label: String, bytes: [UInt8]) {
    self.label = label
    self.bytes = bytes
  }

  /// Reads the first block of a text; what stands before and after it is commentary.
  init(firstOf text: [UInt8], subject: String) throws(CryptoError) {
    guard text.count <= Self.textByteCountMax else {
      throw .malformed(subject: subject, reason: "is larger than \(Self.textByteCountMax) bytes")
    }
    let found = text.withUnsafeBytes { Self.readFirst($0) }
    guard let found else {
      throw .malformed(subject: subject, reason: "holds no PEM block (-----BEGIN ...)")
    }
    guard !found.hasHeaders else {
      throw .malformed(subject: subject, reason: "is encrypted or has headers; send plain PEM")
    }
    self = found.block
  }

  private static func readFirst(
    _ text: UnsafeRawBufferPointer
  ) -> (block: PEMBlock, hasHeaders: Bool)? {
    // Empty memory is no error for OpenSSL but has no address either.
    guard !text.isEmpty, let input = BIO_new_mem_buf(text.baseAddress, Int32(text.count)) else {
      return nil
    }
    defer {
      BIO_free(input)
      ERR_clear_error()
    }
    var label: UnsafeMutablePointer<CChar>?
    var headers: UnsafeMutablePointer<CChar>?
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    guard PEM_read_bio(input, &label, &headers, &bytes, &count) == 1 else { return nil }
    defer {
      // What was sent may be a private key by mistake, so it is wiped.
      CRYPTO_clear_free(bytes, count, nil, 0)
      CRYPTO_free(headers, nil, 0)
      CRYPTO_free(label, nil, 0)
    }
    guard let label, let headers, let bytes else { return nil }
    let block = PEMBlock(
      label: String(cString: label), bytes: Array(UnsafeBufferPointer(start: bytes, count: count)))
    return (block, headers.pointee != 0)
  }

  /// The block as text with lines of 64 characters and a final line feed.
  var text: String {
    let characters = Array(Base64.standard.encode(bytes).utf8)
    var text = "-----BEGIN \(label)-----\n"
    var start = 0
    while start < characters.count {
      let end = min(start + 64, characters.count)
      text += String(decoding: characters[start..<end], as: UTF8.self) + "\n"
      start = end
    }
    return text + "-----END \(label)-----\n"
  }
}

/// Runs one of OpenSSL's `i2d` functions, which count first and then write.
func derBytes(_ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32) -> [UInt8]?
{
  let count = encode(nil)
  guard count > 0 else { return nil }
  var bytes = [UInt8](repeating: 0, count: Int(count))
  let written = bytes.withUnsafeMutableBufferPointer { buffer in
    var position = buffer.baseAddress
    return encode(&position)
  }
  return written == count ? bytes : nil
}

/// Runs one of OpenSSL's `d2i` functions and insists that it consumed every byte.
///
/// A handle that left bytes over is freed by `free`.
func decodeDER(
  _ bytes: [UInt8], _ decode: (inout UnsafePointer<UInt8>?, Int) -> OpaquePointer?,
  free: (OpaquePointer?) -> Void
) -> OpaquePointer? {
  defer { ERR_clear_error() }
  return bytes.withUnsafeBufferPointer { buffer in
    var position = buffer.baseAddress
    guard let handle = decode(&position, buffer.count) else { return nil }
    guard position == buffer.baseAddress?.advanced(by: buffer.count) else {
      free(handle)
      return nil
    }
    return handle
  }
}
