// ConsolePage: the files of the console, as the server hands them out.

/// The first page of the console: four files that live in the binary and change only with it.
public enum ConsolePage {
  /// The file at a path of the URL, without query; nil for a path which is not of the console.
  ///
  /// - Parameter path: `/`, `/console.css`, `/console.js` or `/favicon.svg`.
  /// - Returns: The media type, the bytes, and a strong entity tag with its quotes (RFC 9110,
  ///   section 8.8.3) that depends on the bytes alone.
  public static func asset(
    path: String
  ) -> (contentType: String, bytes: [UInt8], etag: String)? {
    guard let file = files[path] else { return nil }
    return (file.contentType, file.bytes, file.etag)
  }

  /// Headers that go with every answer of `asset`, and with refusals below the same paths.
  ///
  /// Nothing may run or load but these very files; the page talks to its own server only, stands
  /// in no frame, and tells no other site where it was.
  public static let securityHeaders: [(name: String, value: String)] = [
    (
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        + "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
  ]

  private struct File {
    let contentType: String
    let bytes: [UInt8]
    let etag: String

    init(_ contentType: String, _ bytes: [UInt8]) {
      self.contentType = contentType
      self.bytes = bytes
      etag = entityTag(of: bytes)
    }
  }

  /// Made once, at the first request.
  private static let files: [String: File] = [
    "/": File("text/html; charset=utf-8", PackageResources.index_html),
    "/console.css": File("text/css; charset=utf-8", PackageResources.console_css),
    "/console.js": File("text/javascript; charset=utf-8", PackageResources.console_js),
    "/favicon.svg": File("image/svg+xml", PackageResources.favicon_svg),
  ]

  /// FNV-1a of 64 bits: it tells builds apart and guards nothing, so no digest of Crypto is needed.
  private static func entityTag(of bytes: [UInt8]) -> String {
    let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { hash, byte in
      (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }
    let digits = String(hash, radix: 16)
    return "\"" + String(repeating: "0", count: 16 - digits.count) + digits + "\""
  }
}
