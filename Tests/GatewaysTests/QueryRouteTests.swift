// QueryRouteTests: questions about the fleet over HTTP, and groups whose members a query finds.

import Gateways
import HTTPClient
import Testing
import UpdateModel

struct QueryRouteTests {
  private func client() throws -> ManagementClient {
    let client = try ManagementClient(try ManagementService())
    for (id, hardware, site, rack) in [
      ("d1", "board-a", "berlin", 3), ("d2", "board-a", "oslo", 12),
      ("d3", "board-b", "berlin", 40),
      ("query", "board-b", "lima", 7),
    ] {
      _ = try client.expect(
        201, "POST", "T/devices", #"{"id":"\#(id)","hardware":"\#(hardware)"}"#)
      _ = try client.expect(
        200, "PATCH", "T/devices/\(id)/twin/tags", #"{"site":"\#(site)","rack":\#(rack)}"#)
    }
    return client
  }

  @Test func `a query lists, counts, groups and goes on`() throws {
    let client = try client()
    let list = try client.expect(
      200, "POST", "T/devices/query",
      #"{"query":"tags.rack > 5 select hardware, tags.rack order by tags.rack desc"}"#)
    #expect(list["count"] == 3 && list["more"] == false)
    #expect(list["items"]?.array?.map { $0["device"] } == ["d3", "d2", "query"])
    #expect(list["items"]?.array?.first?["tags.rack"] == 40)
    #expect(list["tookMs"] != nil && list["groups"] == nil)
    let groups = try client.expect(
      200, "GET", "T/devices/query?query=group+by+hardware%2C+tags.site&limit=2")
    #expect(groups["count"] == 4 && groups["groups"]?.array?.count == 2 && groups["more"] == true)
    let first = try client.expect(
      200, "POST", "T/devices/query", #"{"query":"true","limit":3}"#)
    #expect(first["next"] == "d3")
    let rest = try client.expect(
      200, "POST", "T/devices/query", #"{"query":"true","after":"d3"}"#)
    #expect(rest["items"]?.array?.map { $0["device"] } == ["query"] && rest["next"] == nil)
    // Without a query, the path is that of a device of this name.
    #expect(try client.expect(200, "GET", "T/devices/query")["id"] == "query")
  }

  @Test func `why a device does not match is told`() throws {
    let client = try client()
    let answer = try client.expect(
      200, "POST", "T/devices/query", #"{"query":"tags.rack >= 10","explain":"d1"}"#)
    #expect(answer["holds"] == false && answer["known"] == true)
    #expect(answer["reason"] == "tags.rack is 3, must be at least 10")
    let unknown = try client.expect(
      200, "POST", "T/devices/query", #"{"query":"battery.percent > 5","explain":"d1"}"#)
    #expect(unknown["known"] == false)
    _ = try client.expect(
      404, "POST", "T/devices/query", #"{"query":"true","explain":"nobody"}"#)
  }

  @Test func `a wrong query is refused with its column`() throws {
    let client = try client()
    for (query, column) in [("tags.rack > ", 13), ("a = 1 or", 9), ("", 1), ("a = \\u0000", 5)] {
      let problem = try client.expect(
        400, "POST", "T/devices/query", #"{"query":"\#(query)"}"#)
      #expect(problem["type"] == "urn:groundswell:problem:invalid-request")
      #expect(problem["errors"]?.array?.first?["column"] == .integer(Int64(column)), "\(query)")
    }
    let long = String(repeating: "x", count: 5000)
    _ = try client.expect(400, "POST", "T/devices/query", #"{"query":"\#(long)"}"#)
    for target in [
      "T/devices/query?query=%FF%FE", "T/devices/query?query=true&limit=0",
      "T/devices/query?query=true&limit=10001", "T/devices/query?query=true&colour=red",
      "T/devices/query?query=order+by+device&after=d1",
    ] {
      _ = try client.expect(400, "GET", target)
    }
    // Bytes that are no UTF-8 are no JSON, either.
    let bytes = Array(#"{"query":"a = '"#.utf8) + [0xFF, 0xC0] + Array(#"'"}"#.utf8)
    let answer = try client.connection.send(
      "POST", ManagementService.tenant + "/devices/query",
      headers: [
        ("Authorization", "Bearer \(client.token ?? "")"), ("Content-Type", "application/json"),
      ], body: .bytes(bytes))
    #expect(answer.status == 400)
  }

  @Test func `a rollout goes to the devices that meet its query`() throws {
    let service = try ManagementService()
    try write(
      #"{"name": "all", "stages": [{"upTo": "100%", "soak": "1h"}], "#
        + #""failureLimit": {"share": "10%"}}"#, to: "\(service.directory)/policies/all.json")
    let client = try ManagementClient(service)
    try client.prepareFleet()
    let members = #""release":"app:1.0","policy":"all","query""#
    let wanted = members + #":"tags.site = 'lab' and not (device = 'a4')""#
    let plan = try client.expect(200, "POST", "T/rollouts/plan", "{\(wanted)}")
    #expect(plan["population"] == 1)
    let made = try client.expect(
      201, "POST", "T/rollouts", #"{"name":"r","start":true,\#(wanted)}"#)
    #expect(made["size"] == 1 && made["group"] == nil && made["filter"] == nil)
    let shown = try client.expect(200, "GET", "T/rollouts/r")
    #expect(shown["query"] == #"tags.site = "lab" and not device = "a4""#)
    let wrong = try client.expect(
      400, "POST", "T/rollouts/plan", "{" + members + #":"tags.rack >"}"#)
    #expect(String(decoding: wrong.text, as: UTF8.self).contains("column 12"), "\(wrong)")
    for more in [
      #":"lastSeen < 2h""#, ":7", ":\"\"", #":"true","group":"staging""#,
      #":"true","filter":"tag.site=lab""#,
    ] {
      _ = try client.expect(400, "POST", "T/rollouts/plan", "{" + members + more + "}")
    }
  }

  @Test func `a group has the members that its query finds now`() throws {
    let client = try client()
    let made = try client.expect(
      200, "PUT", "T/groups/far", #"{"query":"tags.rack > 10 and tags.site in ['oslo','berlin']"}"#)
    #expect(made["members"] == 2)
    #expect(made["query"] == #"tags.rack > 10 and tags.site in ["oslo", "berlin"]"#)
    let members = try client.expect(200, "GET", "T/groups/far/members")
    #expect(members["items"]?.array?.map { $0["id"] } == ["d2", "d3"])
    _ = try client.expect(200, "PATCH", "T/devices/d1/twin/tags", #"{"rack":11}"#)
    #expect(try client.expect(200, "GET", "T/groups/far")["members"] == 3)
    #expect(try client.expect(200, "GET", "T/devices/d1")["groups"] == ["far"])
    let beyond = try client.expect(
      200, "POST", "T/devices/query", #"{"query":"group != 'far'"}"#)
    #expect(beyond["items"]?.array?.map { $0["device"] } == ["query"])
    for query in ["group = 'far'", "lastSeen < 2h", "createdAt > 3d", "tags.rack >"] {
      _ = try client.expect(400, "PUT", "T/groups/other", #"{"query":"\#(query)"}"#)
    }
    _ = try client.expect(
      400, "PUT", "T/groups/other", #"{"query":"true","filter":"hardware=board-a"}"#)
  }
}
