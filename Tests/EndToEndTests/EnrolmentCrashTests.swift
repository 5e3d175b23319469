// EnrolmentCrashTests: the server is killed right after it answered; nobody is forgotten.

import Crypto
import Dispatch
import HTTPClient
import Testing
import UpdateModel

@Suite(.serialized) struct EnrolmentCrashTests {
  private func provision(
    _ server: TestServer, _ body: JSON
  ) throws -> [(id: String, code: String)] {
    let answer = try server.call("POST", TestServer.path("/batches"), body)
    return (answer.document["devices"]?.array ?? []).compactMap { place in
      guard let id = place["id"]?.string, let code = place["code"]?.string else { return nil }
      return (id, code)
    }
  }

  private func enrol(
    _ server: TestServer, _ key: CredentialPrivateKey, claim: String
  ) throws -> (status: Int, device: String?) {
    let message =
      "groundswell-enrol\nDEFAULT\n\(claim)\n\n\(key.publicKey.fingerprint.hex)"
    let answer = try server.call(
      "POST", "/device/v1/DEFAULT/enrol",
      .members([
        "key": .string(key.publicKey.pem), "claim": .string(claim),
        "signature": .string(Base64.url.encode(try key.sign(Array(message.utf8)))),
      ]), token: "none")
    return (answer.status, answer.document["device"]?.string)
  }

  @Test(.timeLimit(.minutes(5)))
  func `an enrolment that was answered survives kill -9, and its code stays used`() throws {
    let server = try TestServer()
    let places = try provision(server, ["name": "line", "count": 5])
    try #require(places.count == 5)
    for place in places {
      let key = try CredentialPrivateKey.generate(.p256)
      let first = try enrol(server, key, claim: place.code)
      server.crash()
      #expect(first.status == 201 && first.device == place.id)
      try server.start()
      let again = try enrol(server, key, claim: place.code)
      #expect(again.status == 201 && again.device == place.id)
      let thief = try CredentialPrivateKey.generate(.p256)
      #expect(try enrol(server, thief, claim: place.code).status == 403)
    }
  }

  @Test(.timeLimit(.minutes(5)))
  func `a batch that was cut short is gone after the restart, others are whole`() throws {
    let server = try TestServer()
    let url = server.port
    let token = server.token
    let body: JSON = ["name": "large", "count": 60_000]
    let done = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      // It is not answered when the server is killed meanwhile.
      let connection = try? HTTPConnection(host: "127.0.0.1", port: url, timeoutSeconds: 60)
      _ = try? connection?.send(
        "POST", TestServer.path("/batches"), headers: [("Authorization", "Bearer \(token)")],
        body: .bytes(body.text), bodyLimit: 64 << 20)
      done.signal()
    }
    for _ in 0..<600 where try devices(server) < 2000 { pause(5) }
    server.crash()
    done.wait()
    try server.start()
    let batches = try server.call("GET", TestServer.path("/batches")).document["items"]?.array ?? []
    let count = try devices(server)
    if let batch = batches.first {
      #expect(batch["complete"] == true && count == 60_000)
    } else {
      #expect(count == 0)
    }
    #expect(server.stop() == 0)
  }

  private func devices(_ server: TestServer) throws -> Int {
    let tenant = try server.call("GET", "/api/v1/tenants/DEFAULT").document
    return Int(tenant["devices"]?.integer ?? 0)
  }
}
