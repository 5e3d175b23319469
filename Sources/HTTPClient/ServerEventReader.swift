// Server-sent events on the client's side (WHATWG HTML section 9.2.6).

/// One event of a stream.
public struct ServerEvent: Sendable, Equatable {
  /// The type, `message` if the server gave none.
  public var name = "message"
  /// The data, lines joined by line feeds.
  public var data = ""
  /// The last event id, empty if the server gave none.
  public var id = ""

  /// Makes an event.
  public init(name: String = "message", data: String = "", id: String = "") {
    self.name = name
    self.data = data
    self.id = id
  }
}

/// Turns the bytes of an event stream into events, wherever they are cut.
public struct ServerEventReader {
  /// A line longer than this is not ours; the rest of it is dropped.
  private static let lineLimit = 1 << 20

  private var line: [UInt8] = []
  private var event = ServerEvent()
  private var hasData = false

  /// Starts before the first event.
  public init() {}

  /// Takes the next bytes and calls `receive` with each event they complete.
  ///
  /// - Returns: `false` as soon as `receive` does.
  public mutating func take(
    _ bytes: UnsafeRawBufferPointer, _ receive: (ServerEvent) -> Bool
  ) -> Bool {
    for byte in bytes {
      if byte == 0x0A {
        if line.last == 0x0D { line.removeLast() }
        let text = String(decoding: line, as: UTF8.self)
        line.removeAll(keepingCapacity: true)
        if let event = take(line: text), !receive(event) { return false }
      } else if line.count < Self.lineLimit {
        line.append(byte)
      }
    }
    return true
  }

  /// Takes one line; an empty one completes an event.
  private mutating func take(line: String) -> ServerEvent? {
    if line.isEmpty {
      defer {
        event = ServerEvent(id: event.id)
        hasData = false
      }
      return hasData ? event : nil
    }
    let colon = line.firstIndex(of: ":")
    let field = line[..<(colon ?? line.endIndex)]
    var value = colon.map { line[line.index(after: $0)...] } ?? ""
    if value.hasPrefix(" ") { value = value.dropFirst() }
    switch field {
    case "data":
      event.data += hasData ? "\n" + value : String(value)
      hasData = true
    case "event": event.name = String(value)
    case "id": event.id = String(value)
    default: break
    }
    return nil
  }
}

extension HTTPConnection {
  /// Listens to an event stream until the server ends it or `receive` returns `false`.
  ///
  /// - Parameters:
  ///   - target: path and query, percent-encoded.
  ///   - headers: further fields.
  ///   - receive: takes each event; returns `false` to stop.
  /// - Returns: the response without its body; look at its status.
  /// - Throws: `HTTPClientError`; `.timedOut` if the server is silent for too long.
  public func events(
    _ target: String, headers: [(name: String, value: String)] = [],
    receive: (ServerEvent) -> Bool
  ) throws(HTTPClientError) -> HTTPResponse {
    var reader = ServerEventReader()
    var head: HTTPResponse?
    let accept = [(name: "Accept", value: "text/event-stream")]
    do throws(HTTPClientError) {
      return try download(target, headers: accept + headers) { response, bytes in
        head = response
        guard response.status == 200 else { return true }
        return reader.take(bytes, receive)
      }
    } catch {
      if case .cancelled = error, let head { return head }
      throw error
    }
  }
}
