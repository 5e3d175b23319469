// Session: one command's dealings with the server: which server, which tenant, whose token.

import Glibc
import UpdateModel

/// What the connection options of a command amount to.
struct Session: Sendable {
  /// Talks to the server.
  let client: APIClient
  /// Whose devices, artifacts and rollouts.
  let tenant: String
  /// Whether the server's documents are printed as they are.
  let wantsJSON: Bool
  /// The time of the command, for `3 min ago`.
  let now: Instant

  /// Where `groundswell serve` leaves the first token.
  static let usualTokenFile = "./groundswell-data/admin.token"
  private static let usualServer = "http://127.0.0.1:8080"

  /// The options of every command that talks to a server.
  static let options: [Option] = [
    .value(
      "server", "URL", "where the server is; also GROUNDSWELL_SERVER", default: usualServer),
    .value("token", "TOKEN", "credentials; also GROUNDSWELL_TOKEN"),
    .value(
      "token-file", "FILE", "file with the credentials; also GROUNDSWELL_TOKEN_FILE",
      default: "\(usualTokenFile) when it exists"),
    .value("tenant", "NAME", "whose fleet; also GROUNDSWELL_TENANT", default: "DEFAULT"),
    .value("ca", "FILE", "certificates (PEM) to trust instead of the system's"),
    .flag("json", "print the server's document instead of text"),
  ]

  /// Reads options and environment; options win.
  init(_ arguments: Arguments) throws(Failure) {
    let url =
      arguments.value("server") ?? Session.environment("GROUNDSWELL_SERVER") ?? Session.usualServer
    guard let server = ServerAddress(url) else {
      throw arguments.refuse(
        "'\(url)' is no server address; write it as \(Session.usualServer) or https://host:port")
    }
    client = APIClient(
      server: server, token: try Session.token(arguments), authorities: arguments.value("ca"))
    tenant = arguments.value("tenant") ?? Session.environment("GROUNDSWELL_TENANT") ?? "DEFAULT"
    wantsJSON = arguments.has("json")
    now = .present
  }

  private static func token(_ arguments: Arguments) throws(Failure) -> String? {
    if let token = arguments.value("token") { return try checked(token, from: "--token") }
    if let file = arguments.value("token-file") { return try read(tokenFile: file) }
    if let token = environment("GROUNDSWELL_TOKEN") {
      return try checked(token, from: "GROUNDSWELL_TOKEN")
    }
    if let file = environment("GROUNDSWELL_TOKEN_FILE") { return try read(tokenFile: file) }
    return LocalFile.exists(usualTokenFile) ? try read(tokenFile: usualTokenFile) : nil
  }

  private static func read(tokenFile path: String) throws(Failure) -> String {
    let bytes = try LocalFile.read(path, atMost: 4096)
    let text = String(decoding: bytes, as: UTF8.self)
    return try checked(String(text.filter { !$0.isWhitespace }), from: path)
  }

  // A token goes into a header field; what cannot stand there never reaches the connection.
  private static func checked(_ token: String, from place: String) throws(Failure) -> String {
    guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw .usage("\(place) holds no token: printable ASCII without spaces is expected")
    }
    return token
  }

  private static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// A path of this session's tenant.
  func target(_ segments: String...) -> APITarget {
    APITarget(segments: ["tenants", tenant] + segments)
  }

  /// Fetches a document.
  func get(_ target: APITarget) throws(Failure) -> JSON {
    try client.document("GET", target)
  }

  /// Sends a document and reads the answer.
  func post(
    _ target: APITarget, _ body: JSON = .object([]), seconds: Int = 60
  ) throws(Failure) -> JSON {
    try client.document("POST", target, body: body, seconds: seconds)
  }

  /// Fetches a list page by page, at most `limit` items.
  func list(_ target: APITarget, limit: Int = 1000) throws(Failure) -> Listing {
    var items: [JSON] = []
    var next: String?
    repeat {
      let page = try get(
        target.with("limit", String(min(1000, limit - items.count))).with("after", next))
      let found = page["items"]?.array ?? []
      items += found.prefix(limit - items.count)
      next = page["next"]?.string
      // A server that names a next page but sends nothing would be asked for ever.
      if found.isEmpty { next = nil }
    } while next != nil && items.count < limit
    return Listing(items: items, next: next)
  }

  /// Prints a document as it is when `--json` was given, and as text otherwise.
  func show(_ document: JSON, _ text: (JSON) -> String) {
    if wantsJSON {
      Terminal.write(String(decoding: document.prettyText, as: UTF8.self))
    } else {
      Terminal.write(text(document))
    }
  }

  /// Prints a list as a table, or says what is missing.
  func show(_ listing: Listing, empty: String, _ table: ([JSON]) -> Table) {
    show(listing.document) { _ in
      if listing.items.isEmpty { return empty + "\n" }
      let more =
        listing.next == nil ? "" : "... and more; raise --limit or narrow the list to see them\n"
      return table(listing.items).text + more
    }
  }
}

/// Items gathered from the pages of a list.
struct Listing {
  /// In the server's order.
  let items: [JSON]
  /// The cursor of the page that was not fetched.
  let next: String?

  /// The list as one page.
  var document: JSON {
    .members(["items": .array(items), "next": next.map { .string($0) }])
  }
}
