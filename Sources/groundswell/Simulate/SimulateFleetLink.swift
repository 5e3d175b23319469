// SimulateFleetLink: one worker's connections, and the requests of devices on them.

import Crypto
import HTTPClient
import UpdateModel

/// Requests of one worker thread; links are followed exactly as the server gave them.
final class FleetLink {
  private let home: HTTPAddress
  private let trust: TLSClientOptions
  private let connection: HTTPConnection
  // A server may hand out links to another host; a few such connections are kept.
  private var others: [(address: HTTPAddress, connection: HTTPConnection)] = []
  private static let otherCountMax = 4

  init(_ server: ServerAddress, authorities: String?) throws(HTTPClientError) {
    home = try HTTPAddress(server.description)
    trust = TLSClientOptions(trust: authorities.map { .authorities(path: $0) } ?? .system)
    connection = try HTTPConnection(home, tls: trust)
  }

  /// Sends a JSON request to a path of the server.
  func send(
    _ method: String, path: String, token: String?, body: JSON? = nil
  ) throws(HTTPClientError) -> HTTPResponse {
    try connection.send(
      method, path, headers: FleetLink.headers(token), body: FleetLink.body(body))
  }

  /// Sends a JSON request to a link.
  func send(
    _ method: String, link: String, token: String?, body: JSON? = nil
  ) throws(HTTPClientError) -> HTTPResponse {
    let address = try HTTPAddress(link)
    return try connection(to: address).send(
      method, address.target, headers: FleetLink.headers(token), body: FleetLink.body(body))
  }

  /// Fetches a link piece by piece.
  func download(
    link: String, token: String?, headers: [(name: String, value: String)],
    receive: (HTTPResponse, UnsafeRawBufferPointer) -> Bool
  ) throws(HTTPClientError) -> HTTPResponse {
    let address = try HTTPAddress(link)
    return try connection(to: address).download(
      address.target, headers: FleetLink.authorization(token) + headers, receive: receive)
  }

  private func connection(to address: HTTPAddress) throws(HTTPClientError) -> HTTPConnection {
    func isSame(_ other: HTTPAddress) -> Bool {
      (other.host, other.port, other.isSecure) == (address.host, address.port, address.isSecure)
    }
    if isSame(home) { return connection }
    if let known = others.first(where: { isSame($0.address) }) { return known.connection }
    if others.count == FleetLink.otherCountMax { others.removeFirst() }
    let fresh = try HTTPConnection(address, tls: trust)
    others.append((address, fresh))
    return fresh
  }

  private static func body(_ document: JSON?) -> HTTPRequestBody {
    document.map { .bytes($0.text) } ?? .none
  }

  private static func headers(_ token: String?) -> [(name: String, value: String)] {
    authorization(token) + [
      ("Accept", "application/json"), ("Content-Type", "application/json"),
    ]
  }

  private static func authorization(_ token: String?) -> [(name: String, value: String)] {
    let agent = [(name: "User-Agent", value: "groundswell-simulator/\(Program.version)")]
    return agent + (token.map { [("Authorization", "TargetToken \($0)")] } ?? [])
  }
}
