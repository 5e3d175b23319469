// ManagementService: the whole server in this process, on a free port, with its own data directory.

import Crypto
import FleetStore
import Gateways
import Glibc
import HTTPClient
import HTTPServer
import ImagePipeline
import Orchestrator
import Testing
import UpdateModel

/// A running service that is gone, with its files, when it is let go.
final class ManagementService {
  /// Hands every request to the gateway it is for.
  private struct Doorway: RequestHandler {
    let gateway: ManagementGateway
    let devices: DDIGateway
    let native: NativeGateway
    func plan(_ head: Request) -> BodyPlan {
      if NativeGateway.serves(head.path) { return native.plan(head) }
      return DDIGateway.serves(head.path) ? devices.plan(head) : gateway.plan(head)
    }
    func handle(_ request: Request, _ reply: inout Reply) {
      guard !DDIGateway.serves(request.path) else { return devices.handle(request, &reply) }
      if NativeGateway.serves(request.path) { return native.handle(request, &reply) }
      gateway.handle(request, &reply)
    }
  }

  let directory: String
  let plane: ControlPlane
  /// Where the news of commits can be kept back.
  let commits: CommitGate
  let token: String
  private let isSecure: Bool
  private let store: Store
  private let server: Server

  static let tenant = "/api/v1/tenants/DEFAULT"
  private static let policies = [
    "plain": """
    // No group goes first.
    {"name": "plain", "summary": "one after the other",
     "stages": {"start": 1, "growth": 2, "soak": "1m"},
     "failureLimit": {"share": "50%"}, "limits": {"concurrent": 2}, "onAbort": "stop"}
    """,
    "careful": """
    {"name": "careful", "canary": {"group": "staging", "soak": "5m", "signOff": true},
     "stages": [{"upTo": "100%", "soak": "1m"}], "failureLimit": {"share": "1%"}}
    """,
    "broken": "{\"name\": \"broken\",\n \"stages\": 7}",
  ]

  init(
    imageBytesMax: Int64 = 1 << 20, clock: any Clock = SystemClock(), publicURL: String? = nil,
    isSecure: Bool = false
  ) throws {
    self.isSecure = isSecure
    var template = Array("/tmp/management-tests-XXXXXX\0".utf8CString)
    guard let made = mkdtemp(&template) else { throw Failure("mkdtemp: \(errno)") }
    directory = String(cString: made)
    mkdir(directory + "/policies", 0o700)
    for (name, text) in ManagementService.policies {
      try write(text, to: "\(directory)/policies/\(name).json")
    }
    let barrier = Barrier()
    let commits = CommitGate(barrier)
    self.commits = commits
    store = try Store(
      directory: directory, pendingLimit: 100_000, onCommit: { commits.pass($0) },
      onFailure: { ticket, _ in barrier.fail(through: ticket) })
    let authority = try CertificateAuthority.selfSigned(
      try CredentialPrivateKey.generate(.p256), name: "devices",
      serial: [UInt8](repeating: 7, count: 16), at: clock.now.milliseconds / 1000)
    plane = ControlPlane(
      store: store,
      images: ImageShelf(
        blobs: try BlobDirectory(root: directory + "/images"), key: try SigningKey.generate(),
        compressor: try ImageCompressor(level: 1, workerCount: 0), imageBytesMax: imageBytesMax),
      policies: PolicyShelf(directory: directory + "/policies"), clock: clock,
      authority: authority, logs: try LogShelf(root: directory + "/logs"))
    try plane.load()
    for name in ["DEFAULT", "other"] {
      _ = try plane.createTenant(try Name(name), settings: .object([]))
    }
    token = try plane.issueToken(label: "tester", tenant: nil).token
    let gateway = ManagementGateway(plane: plane, jobs: Jobs(), statistics: { (1, 2) })
    server = try Server(
      configuration: ServerConfiguration(
        address: "127.0.0.1:0",
        tls: isSecure ? try ManagementService.tls(authority, directory, clock) : nil),
      handler: Doorway(
        gateway: gateway, devices: DDIGateway(plane: plane, publicURL: publicURL),
        native: NativeGateway(plane: plane)),
      barrier: barrier)
    try server.start()
  }

  deinit {
    server.shutdown(deadlineSeconds: 0)
    store.stop()
    ManagementService.remove(directory)
  }

  var port: Int { server.localPort }

  func connect(as identity: TLSIdentity? = nil) throws -> HTTPConnection {
    try HTTPConnection(
      host: "127.0.0.1", port: port,
      tls: isSecure ? TLSClientOptions(trust: .anyone, identity: identity) : nil,
      timeoutSeconds: 10)
  }

  // The server shows a certificate of its own authority and asks devices for theirs.
  private static func tls(
    _ authority: CertificateAuthority, _ directory: String, _ clock: any Clock
  ) throws -> TLSContext {
    let key = try CredentialPrivateKey.generate(.p256)
    let certificate = try authority.issue(
      for: key.publicKey, device: "server", tenant: "tests",
      serial: [UInt8](repeating: 8, count: 16),
      validity: try CertificateValidity(days: 2, at: clock.now.milliseconds / 1000))
    try key.save(to: directory + "/server.key")
    try write(certificate.pem, to: directory + "/server.pem")
    try write(authority.certificate.pem, to: directory + "/authority.pem")
    return try TLSContext(
      server: TLSIdentity(
        certificatePath: directory + "/server.pem", keyPath: directory + "/server.key"),
      clientAuthorities: directory + "/authority.pem")
  }

  /// The names in a folder of the images, such as `incoming`.
  func files(in folder: String) -> [String] {
    ManagementService.entries(directory + "/images/" + folder)
  }

  /// Stored images, each in a folder named by its first two digits.
  var storedImages: [String] {
    files(in: "").filter { $0.utf8.count == 2 }.flatMap { files(in: $0) }
  }

  /// The names in a folder.
  func files(inFolder path: String) -> [String] { ManagementService.entries(path) }

  private static func entries(_ path: String) -> [String] {
    guard let handle = opendir(path) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  private static func remove(_ path: String) {
    for name in entries(path) { remove(path + "/" + name) }
    Glibc.remove(path)
  }
}

/// Why a test cannot go on.
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

func write(_ text: String, to path: String) throws {
  guard let file = fopen(path, "w") else { throw Failure("cannot write \(path)") }
  fputs(text, file)
  fclose(file)
}

/// Asks the service, and reads documents.
final class ManagementClient {
  let connection: HTTPConnection
  var token: String?
  /// Kept running as long as somebody asks it.
  private let service: ManagementService

  init(_ service: ManagementService, token: String? = nil) throws {
    self.service = service
    connection = try service.connect()
    self.token = token ?? service.token
  }

  /// Sends a request; a path that starts with T is the tenant's.
  func send(
    _ method: String, _ path: String, _ body: String? = nil, type: String = "application/json",
    headers: [(name: String, value: String)] = []
  ) throws -> HTTPResponse {
    let target = path.hasPrefix("T") ? ManagementService.tenant + path.dropFirst() : path
    var fields = headers
    if let token { fields.append(("Authorization", "Bearer \(token)")) }
    if body != nil { fields.append(("Content-Type", type)) }
    return try connection.send(
      method, String(target), headers: fields, body: body.map { .bytes(Array($0.utf8)) } ?? .none)
  }

  /// Sends a request that must be answered with this status; returns the document.
  func expect(
    _ status: Int, _ method: String, _ path: String, _ body: String? = nil,
    type: String = "application/json"
  ) throws -> JSON {
    let response = try send(method, path, body, type: type)
    guard response.status == status else {
      throw Failure("\(method) \(path): \(response.status) \(response.text)")
    }
    return response.body.isEmpty ? .null : try JSON.parse(response.body)
  }

  /// Where the image of most tests goes.
  static let image = "T/artifacts?name=app&version=1.0&hardware=board-a,board-b&fileName=app.bin"

  /// Uploads an image, publishes a release of it and registers five devices.
  func prepareFleet() throws {
    let artifact = try expect(
      201, "POST", ManagementClient.image, "firmware", type: "application/octet-stream")
    #expect(artifact["id"] == 1)
    let release = try expect(
      201, "POST", "T/releases", #"{"name":"app","version":"1.0","artifacts":[1]}"#)
    #expect(release["status"] == "draft")
    let published = try expect(200, "POST", "T/releases/app:1.0/publish", "{}")
    #expect(published["status"] == "published")
    let table =
      "id,hardware,tag.site,group\r\na1,board-a,lab,staging\r\n"
      + "a2,board-a,\"north, hall 2\",\na3,board-b,,\na4,board-a,lab,\n"
    let bulk = try expect(200, "POST", "T/devices/bulk", table, type: "text/csv")
    #expect(bulk["created"] == 4)
    #expect(bulk["tokens"]?.array?.count == 4)
    let single = try expect(
      201, "POST", "T/devices", #"{"id":"b1","hardware":"board-x","tags":{"site":"lab"}}"#)
    #expect(single["token"]?.string?.isEmpty == false)
    #expect(single["device"]?["tags"]?["site"] == "lab")
  }
}
