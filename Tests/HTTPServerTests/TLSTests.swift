// TLS end to end, with a certificate made by the openssl command.
import Crypto
import Glibc
import HTTPClient
import HTTPServer
import Testing

/// A folder with a self-signed certificate for 127.0.0.1 and localhost.
final class TestCertificate {
  let folder: String
  var certificate: String { folder + "/certificate.pem" }
  var key: String { folder + "/key.pem" }
  var identity: TLSIdentity { TLSIdentity(certificatePath: certificate, keyPath: key) }

  init() throws {
    var template = Array("/tmp/groundswell-tls-XXXXXX".utf8CString)
    #expect(mkdtemp(&template) != nil)
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let status = system(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        + " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost"
        + " -keyout \(folder)/key.pem -out \(folder)/certificate.pem 2>/dev/null")
    try #require(status == 0)
  }

  deinit {
    unlink(certificate)
    unlink(key)
    rmdir(folder)
  }
}

@Suite struct TLSTests {
  @Test func `requests, uploads and files go over TLS`() throws {
    let certificate = try TestCertificate()
    let context = try TLSContext(server: certificate.identity)
    let file = try PatternFile(count: 5_000_000)
    let server = try TestServer(file: file.body()) { $0.tls = context }
    let options = TLSClientOptions(trust: .authorities(path: certificate.certificate))
    let client = try HTTPConnection(host: "127.0.0.1", port: server.port, tls: options)
    #expect(try client.send("GET", "/inspect").text.contains("|true|"))
    #expect(try client.send("GET", "/file").body == PatternFile.bytes(0..<5_000_000))
    let range = try client.send("GET", "/file", headers: [("Range", "bytes=100-199")])
    #expect(range.body == PatternFile.bytes(100..<200))
    for target in ["/upload", "/slow-upload"] {
      let upload = try client.send("PUT", target, body: .file(path: file.path, progress: nil))
      #expect(upload.text == "5000000")
    }
    #expect(try client.send("GET", "/hello").text == "hello")
  }

  @Test func `a client refuses a certificate it does not trust or that is for another host`()
    throws
  {
    let certificate = try TestCertificate()
    let other = try TestCertificate()
    let context = try TLSContext(server: certificate.identity)
    let server = try TestServer { $0.tls = context }
    func status(_ host: String, _ trust: TLSTrust) throws -> Int {
      let options = TLSClientOptions(trust: trust)
      return try HTTPConnection(host: host, port: server.port, tls: options).send("GET", "/hello")
        .status
    }
    #expect(try status("127.0.0.1", .authorities(path: certificate.certificate)) == 200)
    #expect(try status("localhost", .authorities(path: certificate.certificate)) == 200)
    #expect(try status("127.0.0.1", .anyone) == 200)
    #expect(throws: HTTPClientError.self) {
      try status("127.0.0.1", .authorities(path: other.certificate))
    }
    #expect(throws: HTTPClientError.self) {
      try status("127.1", .authorities(path: certificate.certificate))
    }
  }

  @Test func `plain text at a TLS port is cut and a stalled handshake times out`() throws {
    let certificate = try TestCertificate()
    let context = try TLSContext(server: certificate.identity)
    var limits = Limits()
    limits.handshakeTimeout = .milliseconds(200)
    let server = try TestServer(limits: limits) { $0.tls = context }
    #expect(!server.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").contains("200"))
    #expect(RawSocket(port: server.port).readToEnd().isEmpty)
  }

  @Test func `wrong files are named in the error`() throws {
    let certificate = try TestCertificate()
    let other = try TestCertificate()
    let missing = TLSIdentity(certificatePath: "/nowhere.pem", keyPath: certificate.key)
    #expect(throws: TLSError.self) { try TLSContext(server: missing) }
    let mixed = TLSIdentity(certificatePath: certificate.certificate, keyPath: other.key)
    #expect { try TLSContext(server: mixed) } throws: { error in
      "\(error)".contains(other.key)
    }
  }
}
