// ManagementLifeTests: what people do in the order in which they do it, from image to rollout.

import Gateways
import HTTPClient
import Testing
import UpdateModel

struct ManagementLifeTests {
  @Test func `an image lives from upload to deletion`() throws {
    let client = try ManagementClient(try ManagementService())
    let artifact = try client.expect(
      201, "POST", ManagementClient.image, "firmware", type: "application/octet-stream")
    let sha256 = "c3bf47ea1f4a4a605470313cacb3a44f4a461f68c6faeab07e737610cb5ac835"
    #expect(artifact["sha256"]?.string == sha256)
    #expect(artifact["component"] == "os")
    #expect(artifact["size"] == 8)
    #expect(try client.expect(200, "GET", "T/artifacts/1") == artifact)
    #expect(try client.expect(200, "GET", "T/artifacts")["items"]?.array == [artifact])
    let verdict = try client.expect(200, "POST", "T/artifacts/1/verify")
    #expect(verdict["ok"] == true && verdict["signature"] == true)
    let part = try client.send(
      "GET", "T/artifacts/1/content", headers: [("Range", "bytes=4-")])
    #expect(part.status == 206 && part.text == "ware")
    #expect(part.header("ETag") == "\"\(sha256)\"")
    let key = try client.expect(200, "GET", "T/key")
    #expect(key["keyId"] == artifact["keyId"])
    #expect(key["pem"]?.string?.hasPrefix("-----BEGIN PUBLIC KEY-----") == true)
    _ = try client.expect(204, "DELETE", "T/artifacts/1")
    _ = try client.expect(404, "GET", "T/artifacts/1/content")
  }

  @Test func `a release keeps its images`() throws {
    let client = try ManagementClient(try ManagementService())
    try client.prepareFleet()
    _ = try client.expect(409, "DELETE", "T/artifacts/1")
    let release = try client.expect(200, "GET", "T/releases/1")
    #expect(try client.expect(200, "GET", "T/releases/app%3A1.0") == release)
    #expect(release["artifacts"]?.array?.first?["name"] == "app")
    #expect(try client.expect(200, "POST", "T/releases/1/revoke")["status"] == "revoked")
    _ = try client.expect(409, "POST", "T/releases/1/publish")
  }

  @Test func `devices and groups are listed, changed and removed`() throws {
    let client = try ManagementClient(try ManagementService())
    try client.prepareFleet()
    let first = try client.expect(200, "GET", "T/devices?limit=2")
    #expect(first["items"]?.array?.map { $0["id"] } == ["a1", "a2"])
    #expect(first["next"] == "a2")
    let rest = try client.expect(200, "GET", "T/devices?after=a2")
    #expect(rest["items"]?.array?.map { $0["id"] } == ["a3", "a4", "b1"])
    #expect(rest["next"] == nil)
    let lab = try client.expect(200, "GET", "T/devices?filter=tag.site%3Dlab")
    #expect(lab["items"]?.array?.count == 3)
    let changed = try client.expect(
      200, "PATCH", "T/devices/a1", #"{"hardware":"board-b","tags":{"site":null,"x":"y"}}"#)
    #expect(changed["tags"] == ["x": "y"] && changed["hardware"] == "board-b")
    #expect(changed["groups"] == ["staging"])
    #expect(try client.expect(200, "POST", "T/devices/a1/token")["token"] != nil)
    #expect(try client.expect(200, "GET", "T/devices/a1/history")["items"] == [])

    let filter = #"{"filter":"hardware=board-a"}"#
    #expect(try client.expect(200, "PUT", "T/groups/a", filter)["members"] == 2)
    #expect(try client.expect(200, "PUT", "T/groups/named")["members"] == 0)
    let edited = try client.expect(
      200, "POST", "T/groups/named/members", #"{"add":["a1","a2"],"remove":["a1"]}"#)
    #expect(edited == ["name": "named", "members": 1])
    #expect(try client.expect(200, "GET", "T/groups/named/members")["items"] == [["id": "a2"]])
    #expect(try client.expect(200, "GET", "T/groups")["items"]?.array?.count == 3)
    _ = try client.expect(409, "POST", "T/groups/a/members", #"{"add":["a1"]}"#)
    _ = try client.expect(204, "DELETE", "T/groups/named")
    _ = try client.expect(404, "GET", "T/groups/named")
    _ = try client.expect(204, "DELETE", "T/devices/b1")
    _ = try client.expect(404, "GET", "T/devices/b1")
  }

  @Test func `a rollout is planned, started, paused, resumed and aborted`() throws {
    let client = try ManagementClient(try ManagementService())
    try client.prepareFleet()
    let plan = try client.expect(
      200, "POST", "T/rollouts/plan",
      #"{"release":"app:1.0","policy":"careful","overrides":{"canary.soak":"5s"}}"#)
    #expect(plan["population"] == 4 && plan["notFitting"] == 1 && plan["onAbort"] == "rollback")
    let stages = plan["stages"]?.array ?? []
    #expect(stages.map { $0["share"] } == ["25%", "100%"])
    #expect(stages.map { $0["cumulative"] } == [1, 4])
    #expect(stages.first?["soakSeconds"] == 5 && stages.first?["signOff"] == true)
    #expect(stages.allSatisfy { $0["bytesPerSecond"] != nil && $0["downloads"] == 1 })
    #expect(plan["hearing"]?["never"] == 4 && plan["forecast"] == nil)
    #expect(
      plan["apart"]?.array?.map { $0["fate"] } == ["left-out", "later", "no-return"], "\(plan)")

    let draft = try client.expect(
      201, "POST", "T/rollouts", #"{"name":"r1","release":1,"policy":"careful"}"#)
    #expect(draft["status"] == "draft" && draft["size"] == 4)
    #expect(try client.expect(200, "POST", "T/rollouts/r1/start")["status"] == "running")
    #expect(try client.expect(200, "POST", "T/rollouts/1/pause", "{}")["status"] == "paused")
    #expect(try client.expect(200, "POST", "T/rollouts/1/resume")["status"] == "running")
    // Nobody can approve a canary that has not shown anything.
    _ = try client.expect(409, "POST", "T/rollouts/1/approve")
    let explained = try client.expect(200, "GET", "T/rollouts/r1/explain?device=a2")
    #expect(explained["sentence"]?.string?.isEmpty == false)
    let shown = try client.expect(200, "GET", "T/rollouts/r1")
    #expect(shown["policyDocument"]?["name"] == "careful")
    #expect(shown["stages"]?.array?.map { $0["state"] } == ["open", "closed"])
    #expect(shown["counts"]?["return-failed"] == 0)
    #expect(try client.expect(200, "GET", "T/rollouts/1/devices?standing=offered")["items"] == [])
    let aborted = try client.expect(200, "POST", "T/rollouts/r1/abort")
    #expect(["rolled-back", "rolling-back"].contains(aborted["status"]?.string))
    let events = try client.expect(200, "GET", "T/rollouts/1/events?limit=2")
    #expect(events["items"]?.array?.count == 2 && events["next"] != nil)

    let second = try client.expect(
      201, "POST", "T/rollouts",
      #"{"name":"r2","release":1,"policy":"plain","filter":"hardware=board-a","start":true}"#)
    #expect(second["status"] == "running" && second["filter"] == "hardware=board-a")
    let listed = try client.expect(200, "GET", "T/rollouts?limit=1")
    #expect(listed["items"]?.array?.map { $0["name"] } == ["r2"] && listed["next"] == "2")
    let summary = try client.expect(200, "GET", "T/summary")
    #expect(summary["devices"] == 5 && summary["rollouts"]?.array?.count == 2)
    #expect(summary["versions"] == [["version": .null, "count": 5]])
  }

  @Test func `policies are listed with those that are broken`() throws {
    let client = try ManagementClient(try ManagementService())
    let list = try client.expect(200, "GET", "T/policies")
    #expect(list["items"]?.array?.map { $0["name"] } == ["careful", "plain"])
    #expect(list["broken"]?.array?.map { $0["file"] } == ["broken.json"])
    #expect(try client.expect(200, "GET", "T/policies/plain")["onAbort"] == "stop")
    _ = try client.expect(404, "GET", "T/policies/nothing")
    _ = try client.expect(422, "GET", "T/policies/broken")
    let good = "// mine\n{\"name\":\"p\",\"stages\":{\"start\":1,\"soak\":\"1s\"},"
    #expect(
      try client.expect(
        200, "POST", "T/policies/check", good + "\"failureLimit\":{\"share\":\"1%\"}}")
        == ["ok": true])
    let bad = try client.expect(
      400, "POST", "T/policies/check", good + "\n\"failureLimit\":{\"share\":\"101%\"}}")
    #expect(bad["errors"]?.array?.first?["field"] == "$.failureLimit.share")
    #expect(bad["errors"]?.array?.first?["line"] == 3)
  }

  @Test func `tenants and tokens are made and withdrawn`() throws {
    let service = try ManagementService()
    let client = try ManagementClient(service)
    let tenant = try client.expect(
      201, "POST", "/api/v1/tenants", #"{"name":"acme","pollSeconds":60}"#)
    #expect(tenant["pollSeconds"] == 60 && tenant["registerOnFirstContact"] == false)
    let patched = try client.expect(
      200, "PATCH", "/api/v1/tenants/acme", #"{"registerOnFirstContact":true}"#)
    #expect(patched["registerOnFirstContact"] == true && patched["pollSeconds"] == 60)
    #expect(try client.expect(200, "GET", "/api/v1/tenants/acme") == patched)
    let listed = try client.expect(200, "GET", "/api/v1/tenants?limit=2")
    #expect(listed["items"]?.array?.count == 2 && listed["next"] == "acme")

    let issued = try client.expect(
      201, "POST", "/api/v1/tokens", #"{"label":"robot","tenant":"acme"}"#)
    let text = try #require(issued["token"]?.string)
    let fingerprint = try #require(issued["fingerprint"]?.string)
    let robot = try ManagementClient(service, token: text)
    _ = try robot.expect(200, "GET", "/api/v1/tenants/acme/summary")
    _ = try robot.expect(404, "GET", "T/summary")
    _ = try robot.expect(403, "GET", "/api/v1/tokens")
    _ = try robot.expect(403, "POST", "/api/v1/tenants", #"{"name":"mine"}"#)
    #expect(try robot.expect(200, "GET", "/api/v1/status")["requests"] == 2)
    let tokens = try client.expect(200, "GET", "/api/v1/tokens")["items"]?.array ?? []
    #expect(tokens.contains { $0["fingerprint"]?.string == fingerprint && $0["token"] == nil })
    _ = try client.expect(204, "DELETE", "/api/v1/tokens/\(fingerprint)")
    _ = try robot.expect(401, "GET", "/api/v1/status")
    client.token = nil
    #expect(try client.expect(200, "GET", "/healthz") == ["status": "ok"])
  }

  @Test func `a change is told to those who listen`() throws {
    let service = try ManagementService()
    let client = try ManagementClient(service)
    let listener = try ManagementClient(service)
    var counts: [Int64?] = []
    let response = try listener.connection.events(
      ManagementService.tenant + "/events",
      headers: [("Authorization", "Bearer \(service.token)")]
    ) { event in
      let summary = try? JSON.parse(Array(event.data.utf8))  // nil fails the expectation below
      #expect(event.name == "summary")
      counts.append(summary?["devices"]?.integer)
      guard counts.count == 1 else { return false }
      #expect(throws: Never.self) {
        try client.expect(201, "POST", "T/devices", #"{"id":"d1"}"#)
      }
      return true
    }
    #expect(response.status == 200)
    #expect(counts == [0, 1])
  }

  @Test func `a stream ends when its token is withdrawn, and others go on`() throws {
    let service = try ManagementService()
    let client = try ManagementClient(service)
    let issued = try client.expect(201, "POST", "/api/v1/tokens", #"{"label":"robot"}"#)
    let token = try #require(issued["token"]?.string)
    let fingerprint = try #require(issued["fingerprint"]?.string)
    func listen(_ token: String) throws -> RawSocket {
      let socket = try RawSocket(port: service.port)
      socket.send(
        "GET \(ManagementService.tenant)/events HTTP/1.1\r\nHost: x\r\n"
          + "Authorization: Bearer \(token)\r\n\r\n")
      socket.waitsAtMost(seconds: 20)
      let text = hear(socket, until: "event: summary")
      #expect(text.hasPrefix("HTTP/1.1 200 ") && text.contains("event: summary"))
      return socket
    }
    func hear(_ socket: RawSocket, until word: String) -> String {
      var text = ""
      while !text.contains(word) {
        let more = socket.readSome()
        guard !more.isEmpty else { break }
        text += more
      }
      return text
    }
    let robot = try listen(token)
    let other = try listen(service.token)
    _ = try client.expect(204, "DELETE", "/api/v1/tokens/\(fingerprint)")
    let withdrawn = ContinuousClock.now
    // What was withdrawn is told nothing more, though something changes right after it.
    _ = try client.expect(201, "POST", "T/devices", #"{"id":"late"}"#)
    let told = robot.readToEnd()
    // Shorter than the socket waits, so it was the server that ended it.
    #expect(ContinuousClock.now - withdrawn < .seconds(10))
    #expect(!told.contains(#""devices":1"#))
    let heard = hear(other, until: #""devices":1"#)
    #expect(heard.contains(#""devices":1"#))
  }

  @Test func `no more than 256 listen at once`() throws {
    let service = try ManagementService()
    let client = try ManagementClient(service)
    let request =
      "GET \(ManagementService.tenant)/events HTTP/1.1\r\nHost: x\r\n"
      + "Authorization: Bearer \(service.token)\r\n\r\n"
    var sockets: [RawSocket] = []
    for _ in 0..<256 {
      let socket = try RawSocket(port: service.port)
      socket.send(request)
      #expect(socket.readSome().hasPrefix("HTTP/1.1 200 "))
      sockets.append(socket)
    }
    let refused = try client.expect(503, "GET", "T/events")
    #expect(refused["status"] == 503 && refused["detail"] != nil)
    sockets.removeLast()
    // The server learns of the close on its own time.
    var answer = ""
    for _ in 0..<1000 where !answer.hasPrefix("HTTP/1.1 200 ") {
      let socket = try RawSocket(port: service.port)
      socket.send(request)
      answer = socket.readSome()
    }
    #expect(answer.hasPrefix("HTTP/1.1 200 "))
  }
}
