// ManagementRefusalTests: requests that must not work, as tables, with the status that each gets.

import Gateways
import HTTPClient
import Orchestrator
import Testing
import UpdateModel

struct ManagementRefusalTests {
  /// Every route with a body that would be taken.
  static let routes: [(method: String, path: String, body: String?)] = [
    ("GET", "/api/v1/status", nil), ("GET", "/api/v1/tenants", nil),
    ("POST", "/api/v1/tenants", "{\"name\":\"x\"}"), ("GET", "T", nil), ("PATCH", "T", "{}"),
    ("GET", "/api/v1/tokens", nil), ("POST", "/api/v1/tokens", "{\"label\":\"x\"}"),
    ("DELETE", "/api/v1/tokens/0123456789abcdef", nil), ("GET", "T/key", nil),
    ("POST", "T/artifacts?name=a&version=1&hardware=b", "x"), ("GET", "T/artifacts", nil),
    ("GET", "T/artifacts/1", nil), ("GET", "T/artifacts/1/content", nil),
    ("POST", "T/artifacts/1/verify", nil), ("DELETE", "T/artifacts/1", nil),
    ("POST", "T/releases", "{}"), ("GET", "T/releases", nil), ("GET", "T/releases/1", nil),
    ("POST", "T/releases/1/publish", nil), ("POST", "T/releases/1/revoke", nil),
    ("POST", "T/devices", "{\"id\":\"x\"}"), ("POST", "T/devices/bulk", "id,hardware\nx,y"),
    ("GET", "T/devices", nil), ("GET", "T/devices/d", nil), ("PATCH", "T/devices/d", "{}"),
    ("GET", "T/devices/d/history", nil), ("POST", "T/devices/d/token", nil),
    ("DELETE", "T/devices/d", nil), ("GET", "T/groups", nil), ("PUT", "T/groups/g", "{}"),
    ("GET", "T/groups/g", nil), ("GET", "T/groups/g/members", nil),
    ("POST", "T/groups/g/members", "{}"), ("DELETE", "T/groups/g", nil),
    ("GET", "T/policies", nil), ("GET", "T/policies/p", nil), ("POST", "T/policies/check", "{}"),
    ("POST", "T/rollouts/plan", "{}"), ("POST", "T/rollouts", "{}"), ("GET", "T/rollouts", nil),
    ("GET", "T/rollouts/1", nil), ("POST", "T/rollouts/1/start", nil),
    ("POST", "T/rollouts/1/pause", nil), ("POST", "T/rollouts/1/resume", nil),
    ("POST", "T/rollouts/1/abort", nil), ("POST", "T/rollouts/1/rollback", nil),
    ("POST", "T/rollouts/1/approve", nil), ("GET", "T/rollouts/1/devices", nil),
    ("GET", "T/rollouts/1/events", nil), ("GET", "T/rollouts/1/explain?device=d", nil),
    ("GET", "T/summary", nil), ("GET", "T/events", nil),
  ]

  private func isProblem(_ response: HTTPResponse, _ status: Int) -> Bool {
    // A body that is no JSON makes the comparison fail.
    let document = try? JSON.parse(response.body)
    return response.status == status && document?["status"]?.integer == Int64(status)
      && response.header("Content-Type") == "application/problem+json"
      && document?["detail"]?.string?.isEmpty == false
  }

  @Test func `every route wants a token, and one for its tenant`() throws {
    let service = try ManagementService()
    let stranger = try ManagementClient(
      service, token: try service.plane.issueToken(label: "x", tenant: try Name("other")).token)
    let nobody = try ManagementClient(service)
    let liar = try ManagementClient(service, token: "wrong-token-of-some-length")
    nobody.token = nil
    for (method, path, body) in ManagementRefusalTests.routes {
      let type =
        path.hasPrefix("T/artifacts?")
        ? "application/octet-stream" : path.hasSuffix("bulk") ? "text/csv" : "application/json"
      let missing = try nobody.send(method, path, body, type: type)
      #expect(isProblem(missing, 401), "\(method) \(path)")
      #expect(missing.header("WWW-Authenticate") != nil)
      #expect(isProblem(try liar.send(method, path, body, type: type), 401), "\(method) \(path)")
      guard path != "/api/v1/status" else { continue }
      #expect(
        isProblem(
          try stranger.send(method, path, body, type: type), path.hasPrefix("T") ? 404 : 403),
        "\(method) \(path)")
    }
    #expect(service.files(in: "incoming") == [])
  }

  @Test func `every document is read strictly`() throws {
    let client = try ManagementClient(try ManagementService())
    _ = try client.expect(201, "POST", "T/devices", #"{"id":"d"}"#)
    _ = try client.expect(200, "PUT", "T/groups/g")
    let documents = ManagementRefusalTests.routes.filter { route in
      route.body?.hasPrefix("{") == true && route.path != "T/policies/check"
    }
    #expect(documents.count == 10)
    for (method, path, _) in documents {
      for body in ["{", "[]", "7", "{\"unknown\":1}", "{\"a\":1,\"a\":1}", "\u{0}", "{}x"] {
        let response = try client.send(method, path, body)
        #expect(isProblem(response, 400), "\(method) \(path) \(body): \(response.text)")
        #expect(response.text.contains("\"errors\""))
      }
      let large = "{\"name\":\"" + String(repeating: "a", count: 1 << 20) + "\"}"
      #expect(try client.send(method, path, large).status == 413, "\(method) \(path)")
    }
  }

  @Test func `wrong types are all listed`() throws {
    let client = try ManagementClient(try ManagementService())
    let cases: [(String, String, String, Int)] = [
      ("POST", "/api/v1/tenants", #"{"name":1,"pollSeconds":"x","registerOnFirstContact":0}"#, 3),
      ("POST", "/api/v1/tokens", #"{"label":"","tenant":"a b"}"#, 2),
      ("POST", "T/releases", #"{"name":"/","version":" ","notes":1,"artifacts":["1"]}"#, 4),
      ("POST", "T/devices", #"{"id":"a b","hardware":7,"tags":{"a":1},"token":"short"}"#, 4),
      ("PATCH", "T/devices/d", #"{"hardware":null,"tags":[]}"#, 2),
      ("PUT", "T/groups/g", #"{"filter":"nonsense"}"#, 1),
      ("POST", "T/groups/g/members", #"{"add":"a","remove":[1]}"#, 2),
      (
        "POST", "T/rollouts",
        #"{"name":"","release":true,"policy":7,"overrides":[],"group":"g","filter":"x","start":1}"#,
        6
      ),
      ("POST", "T/rollouts/plan", "{}", 2),
    ]
    for (method, path, body, count) in cases {
      let response = try client.send(method, path, body)
      #expect(isProblem(response, 400), "\(method) \(path): \(response.text)")
      let faults = try JSON.parse(response.body)["errors"]?.array?.count
      #expect(faults == count, "\(method) \(path): \(response.text)")
    }
  }

  @Test func `what is not there is not found, and what is there twice is refused`() throws {
    let client = try ManagementClient(try ManagementService())
    let missing = ManagementRefusalTests.routes.filter { route in
      route.path.hasPrefix("T/") && route.path.contains("/1")
        || route.path.contains("/d") && !route.path.contains("devices/bulk")
          && route.path.hasPrefix("T/devices/")
    }
    for (method, path, body) in missing {
      #expect(isProblem(try client.send(method, path, body), 404), "\(method) \(path)")
    }
    _ = try client.expect(201, "POST", "T/devices", #"{"id":"d"}"#)
    _ = try client.expect(409, "POST", "T/devices", #"{"id":"d"}"#)
    _ = try client.expect(409, "POST", "/api/v1/tenants", #"{"name":"other"}"#)
    _ = try client.expect(404, "GET", "/api/v1/tenants/nobody")
    _ = try client.expect(404, "GET", "T/devices?group=nobody")
  }

  @Test func `paths, methods and queries are known or refused`() throws {
    let client = try ManagementClient(try ManagementService())
    let cases: [(String, String, Int)] = [
      ("GET", "/api/v1", 404), ("GET", "/api/v1/", 404), ("GET", "/api/v1/nothing", 404),
      ("GET", "T/devices/", 404), ("GET", "T//devices", 404), ("GET", "T/rollouts/1/x", 404),
      ("GET", "T/devices/%zz", 400), ("GET", "T/devices/%ff", 400), ("GET", "T/devices/%0", 400),
      ("GET", "T/devices/a%2Fb", 404), ("GET", "T/devices/a%20b", 404),
      ("GET", "T/devices?colour=red", 400), ("GET", "T/devices?limit=1&limit=2", 400),
      ("GET", "T/devices?limit=0", 400), ("GET", "T/devices?limit=1001", 400),
      ("GET", "T/devices?limit=x", 400), ("GET", "T/artifacts?after=x", 400),
      ("GET", "T/devices?filter=x", 400), ("GET", "T/devices?group=a+b", 400),
      ("GET", "T/rollouts/1/explain?x=1", 400), ("GET", "T/rollouts/1/devices?standing=idle", 400),
      ("GET", "/healthz?x=1", 400), ("GET", "T/summary?limit=1", 400),
      ("GET", "T/devices?%", 400), ("GET", "T/devices?limit=", 200), ("GET", "T/devices?&", 200),
    ]
    for (method, path, status) in cases {
      let response = try client.send(method, path)
      #expect(response.status == status, "\(method) \(path): \(response.text)")
    }
    let methods: [(String, String, String)] = [
      ("DELETE", "/healthz", "GET, HEAD"), ("PUT", "/api/v1/tokens", "GET, HEAD, POST"),
      ("POST", "T/devices/d", "DELETE, GET, HEAD, PATCH"), ("GET", "T/rollouts/1/start", "POST"),
      ("OPTIONS", "T/groups/g", "DELETE, GET, HEAD, PUT"),
    ]
    for (method, path, allowed) in methods {
      let response = try client.send(method, path)
      #expect(isProblem(response, 405), "\(method) \(path)")
      #expect(response.header("Allow") == allowed, "\(method) \(path)")
    }
    #expect(try client.send("HEAD", "T/devices").status == 200)
  }

  @Test func `a table of devices is taken whole or not at all`() throws {
    let client = try ManagementClient(try ManagementService())
    _ = try client.expect(201, "POST", "T/devices", #"{"id":"known"}"#)
    let header = "id,hardware,token,tag.site,group\n"
    let cases: [(String, Int, Int?)] = [
      ("\n\n", 400, 1), (header, 400, 1), ("id\na", 400, 1), ("id,hardware,id\na,b,c", 400, 1),
      ("id,hardware,colour\na,b,c", 400, 1), (header + "a,b,,,\nb,b", 400, 3),
      (header + "a,b,,,\n\nb c,b,,,", 400, 4), (header + "a,b c,,,", 400, 2),
      (header + "a,b,short,,", 400, 2), (header + "a,b,,,g h", 400, 2),
      (header + "\"a\nb\",b,,,", 400, 2), (header + "a,\"b,,,", 400, 2),
      (header + "a,\"b\"x,,,", 400, 2), (header + "a,b\"c,,,", 400, 2),
      (header + "\n\na,b,,,\nknown,b,,,", 409, 5), (header + "a,b,,,\na,b,,,", 409, 3),
    ]
    for (table, status, line) in cases {
      let response = try client.send("POST", "T/devices/bulk", table, type: "text/csv")
      #expect(isProblem(response, status), "\(table): \(response.text)")
      let first = try JSON.parse(response.body)["errors"]?.array?.first?["line"]?.integer
      #expect(first == line.map(Int64.init), "\(table): \(response.text)")
    }
    _ = try client.expect(415, "POST", "T/devices/bulk", header, type: "application/json")
    _ = try client.expect(400, "POST", "T/devices/bulk")
    #expect(try client.expect(200, "GET", "T/devices")["items"]?.array?.count == 1)
    let good = "\u{FEFF}hardware,id,\"tag.the \"\"site\"\"\"\r\nb,a,\"x\r\ny\"\r\n"
    _ = try client.expect(400, "POST", "T/devices/bulk", good, type: "text/csv")
    let better = good.replacing("the ", with: "the_")
    _ = try client.expect(200, "POST", "T/devices/bulk", better, type: "text/csv; charset=utf-8")
    let tags = try client.expect(200, "GET", "T/devices/a")["tags"]
    #expect(tags == .object([JSON.Member("the_\"site\"", "x\r\ny")]))
  }
}
