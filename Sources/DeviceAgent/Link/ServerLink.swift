// ServerLink: requests to the server of the device, as JSON, with refusals as errors.

import Crypto
public import HTTPClient
public import UpdateModel

/// One connection to the server; it is opened when needed. Not thread safe.
public final class ServerLink {
  /// Answers of the protocol are below 256 KiB; more is not for us.
  static let answerBytesMax = 512 << 10

  private let address: HTTPAddress
  private let tls: TLSClientOptions
  private let connection: HTTPConnection
  private let prefix: String
  /// The tenant, as it stands in paths.
  let tenant: Name

  /// Names the server.
  ///
  /// - Parameters:
  ///   - server: such as `https://updates.example.com`; a path in it comes before every path.
  ///   - tenant: whose devices these are.
  ///   - tls: whom to believe, and the device's certificate if it has one.
  ///   - secondsMax: longest silence of the server, 1-86,400.
  /// - Throws: `LinkError.unreachable` for a URL or certificate file that cannot be used.
  public init(
    server: String, tenant: Name, tls: TLSClientOptions, secondsMax: Int = 30
  ) throws(LinkError) {
    self.tls = tls
    self.tenant = tenant
    do throws(HTTPClientError) {
      address = try HTTPAddress(server)
      connection = try HTTPConnection(address, tls: tls, timeoutSeconds: secondsMax)
    } catch {
      throw .unreachable(error)
    }
    let path = address.target.prefix { $0 != "?" }
    prefix = path.hasSuffix("/") ? String(path.dropLast()) : String(path)
  }

  /// A second connection to the same server with another patience.
  func another(secondsMax: Int) throws(LinkError) -> HTTPConnection {
    do throws(HTTPClientError) {
      return try HTTPConnection(address, tls: tls, timeoutSeconds: secondsMax)
    } catch {
      throw .unreachable(error)
    }
  }

  /// Opens such a connection on another thread.
  func opener(secondsMax: Int) -> @Sendable () throws(LinkError) -> HTTPConnection {
    let (address, tls) = (address, tls)
    return { () throws(LinkError) in
      do throws(HTTPClientError) {
        return try HTTPConnection(address, tls: tls, timeoutSeconds: secondsMax)
      } catch {
        throw .unreachable(error)
      }
    }
  }

  /// The path of a resource of the tenant: `enrol`, or a device and what is below it.
  static func path(_ tenant: Name, _ parts: [String]) -> String {
    "/device/v1/" + ([tenant.text] + parts).map(percentEncoded).joined(separator: "/")
  }

  /// A path of the protocol as it goes into a request of this server.
  func target(_ path: String) -> String { prefix + path }

  /// Sends a request and takes any answer but 5xx, 429 and silence.
  ///
  /// - Throws: `LinkError.unreachable`, or `.refused` for 429 and 5xx.
  func send(
    _ method: String, _ path: String, body: HTTPRequestBody = .none,
    headers: [(name: String, value: String)] = []
  ) throws(LinkError) -> HTTPResponse {
    let response: HTTPResponse
    do throws(HTTPClientError) {
      response = try connection.send(
        method, target(path), headers: headers, body: body, bodyLimit: ServerLink.answerBytesMax)
    } catch {
      throw .unreachable(error)
    }
    if response.status == 429 || response.status >= 500 { throw ServerLink.refusal(response) }
    return response
  }

  /// Closes the connection.
  func close() { connection.close() }

  /// A JSON body and its type.
  static func json(
    _ document: JSON
  ) -> (body: HTTPRequestBody, header: (name: String, value: String)) {
    (.bytes(document.text), ("Content-Type", "application/json"))
  }

  /// The document in an answer that must have one.
  static func document(_ response: HTTPResponse) throws(LinkError) -> JSON {
    do throws(JSONError) {
      return try JSON.parse(response.body)
    } catch {
      throw .malformedAnswer(error.description)
    }
  }

  /// A refusal as an error: the problem's detail (RFC 9457), or else its status.
  static func refusal(_ response: HTTPResponse, body: [UInt8]? = nil) -> LinkError {
    // A refusal without a readable document still has its status.
    let problem = try? JSON.parse(body ?? response.body)
    let detail = problem?["detail"]?.string ?? problem?["title"]?.string
    return .refused(
      status: response.status, detail: String((detail ?? "no reason given").prefix(500)),
      retryAfter: response.header("Retry-After").flatMap { Int($0) })
  }

  /// Text as one segment of a path (RFC 3986 section 2.3).
  static func percentEncoded(_ text: String) -> String {
    var output = ""
    for byte in text.utf8 {
      let scalar = Unicode.Scalar(byte)
      let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9") ~= scalar)
      if isPlain || "-._~".unicodeScalars.contains(scalar) {
        output.unicodeScalars.append(scalar)
      } else {
        output += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return output
  }
}
