// NativeCommandTests: commands from the desk to the device and back, over HTTP.

import HTTPClient
import Testing
import UpdateModel

struct NativeCommandTests {
  private let fleet: DDIFleet
  private let device: NativeDevice

  init() throws {
    fleet = try DDIFleet()
    device = try NativeDevice(fleet)
    try device.expect(200, "PATCH", "twin", #"{"reported":{"version":"0.9"}}"#)
    _ = try device.poll()
  }

  private func send(_ body: String, _ status: Int = 201) throws -> JSON {
    try fleet.desk.expect(status, "POST", "T/devices/d1/commands", body)
  }

  private func command(_ id: String) throws -> JSON {
    try fleet.desk.expect(200, "GET", "T/devices/d1/commands/\(id)")
  }

  @Test func `a command goes to the device and its result comes back`() throws {
    #expect(try device.poll() == nil)
    let sent = try send(#"{"name":"identify","arguments":{"seconds":5},"expiresIn":"1h"}"#)
    let id = try #require(sent["id"]?.string)
    #expect(sent["state"] == "queued" && sent["createdBy"] == "tester" && sent["notes"] == [])
    for _ in 0..<2 {
      let shown = try #require(try device.poll()?["commands"]?.array)
      #expect(shown.count == 1 && shown[0]["id"]?.string == id && shown[0]["name"] == "identify")
      #expect(shown[0]["arguments"] == ["seconds": 5])
      #expect(shown[0]["expires"] == sent["expiresAt"])
    }
    #expect(try command(id)["state"] == "sent")
    try device.expect(200, "POST", "commands/\(id)", #"{"state":"accepted"}"#)
    #expect(try device.poll()?["commands"] == nil)
    #expect(try device.poll() == nil)
    try device.expect(200, "POST", "commands/\(id)", #"{"state":"running","percent":30}"#)
    #expect(try command(id)["percent"] == 30)
    for _ in 0..<2 {
      try device.expect(
        200, "POST", "commands/\(id)", #"{"state":"done","result":{"n":[1]},"text":"ok"}"#)
    }
    let done = try command(id)
    #expect(done["state"] == "done" && done["result"] == ["n": [1]] && done["text"] == "ok")
    let list = try fleet.desk.expect(200, "GET", "T/devices/d1/commands?limit=10")["items"]?.array
    #expect(list == [done])
    let history = try fleet.desk.expect(200, "GET", "T/devices/d1/history")["items"]?.array
    #expect(history?.first?["kind"] == "command")
    #expect(history?.first?["text"]?.string?.contains("identify (command \(id)") ?? false)
  }

  @Test func `a device in quarantine is told standard commands only`() throws {
    try device.expect(
      200, "PATCH", "twin", #"{"reported":{"capabilities":[{"name":"spin"},{"name":"identify"}]}}"#)
    _ = try send(#"{"name":"spin"}"#)
    _ = try send(#"{"name":"identify"}"#)
    func shown() throws -> [String?] {
      try device.poll()?["commands"]?.array?.map { $0["name"]?.string } ?? []
    }
    _ = try fleet.desk.expect(
      200, "POST", "T/devices/d1/quarantine", #"{"reason":"its token was seen elsewhere"}"#)
    #expect(try shown() == ["identify"])
    _ = try fleet.desk.expect(200, "POST", "T/devices/d1/release", "{}")
    #expect(try shown() == ["spin", "identify"])
  }

  @Test func `a waiting poll is answered when a command comes`() throws {
    _ = try device.poll()
    #expect(try device.poll() == nil)
    let change = BackgroundChange(
      try ManagementClient(fleet.service), "T/devices/d1/twin/desired", #"{"x":1}"#)
    change.start()
    _ = try device.poll("?wait=20")
    _ = try device.poll("?desired=1")
    let order = BackgroundOrder(try ManagementClient(fleet.service))
    order.start()
    // It answers that there is news; the next poll has it.
    _ = try device.poll("?desired=1&wait=20")
    #expect(try device.poll("?desired=1")?["commands"]?.array?.count == 1)
  }

  @Test func `what a device says about itself is what it can be told`() throws {
    try device.expect(
      200, "PATCH", "twin",
      #"""
      {"reported":{"capabilities":[{"name":"set-led","title":"LED","disruptive":false,
        "arguments":{"properties":{"colour":{"type":"string","pattern":"^[a-z]+$"}},
                     "required":["colour"],"additionalProperties":false}}, {"name":7}]}}
      """#)
    let known = try fleet.desk.expect(200, "GET", "T/devices/d1/capabilities")
    #expect(known["advertised"]?.array?.map { $0["name"] } == ["set-led"])
    #expect(known["advertised"]?.array?[0]["notChecked"] == ["/properties/colour/pattern"])
    #expect(known["standard"]?.array?.count == 5)
    #expect(known["ignored"]?.array?[0]["field"] == "capabilities[1].name")
    let sent = try send(#"{"name":"set-led","arguments":{"colour":"green"}}"#)
    #expect(sent["notes"]?.array?.count == 1)
    let wrong = try send(#"{"name":"set-led","arguments":{"color":"green"}}"#, 400)
    #expect(
      wrong["errors"]?.array?.map { $0["field"] } == ["$.arguments.colour", "$.arguments.color"])
    let unknown = try send(#"{"name":"explode"}"#, 422)
    #expect(unknown["detail"]?.string?.contains("it knows: set-led, reboot") ?? false)
    _ = try send(#"{"name":"explode","force":true}"#)
  }

  @Test(arguments: [
    ("{}", 400), (#"{"name":"a b"}"#, 400), (#"{"name":"reboot","arguments":[]}"#, 400),
    (#"{"name":"reboot","expiresIn":"1s"}"#, 400), (#"{"name":"reboot","expiresIn":"91d"}"#, 400),
    (#"{"name":"reboot","force":"yes"}"#, 400), (#"{"name":"reboot","when":"now"}"#, 400),
    (#"{"name":"identify","arguments":{"seconds":0}}"#, 400), ("[", 400),
  ])
  func `a malformed command is refused`(body: String, status: Int) throws {
    _ = try send(body, status)
    #expect(try fleet.desk.expect(200, "GET", "T/devices/d1/commands")["items"] == [])
  }

  @Test func `a command can be taken back until the device has it`() throws {
    let id = try #require(try send(#"{"name":"identify"}"#)["id"]?.string)
    let gone = try fleet.desk.expect(200, "DELETE", "T/devices/d1/commands/\(id)")
    #expect(gone["state"] == "cancelled")
    #expect(try device.poll()?["commands"] == nil)
    _ = try fleet.desk.expect(409, "DELETE", "T/devices/d1/commands/\(id)")
    let taken = try #require(try send(#"{"name":"identify"}"#)["id"]?.string)
    _ = try device.poll()
    try device.expect(200, "POST", "commands/\(taken)", #"{"state":"accepted"}"#)
    _ = try fleet.desk.expect(409, "DELETE", "T/devices/d1/commands/\(taken)")
    for path in ["T/devices/d1/commands/99", "T/devices/d1/commands/x", "T/devices/no/commands/1"] {
      _ = try fleet.desk.expect(404, "GET", path)
    }
  }

  @Test func `hostile reports change nothing and get a clear answer`() throws {
    let id = try #require(try send(#"{"name":"identify"}"#)["id"]?.string)
    let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
    let bodies = [
      "", "[]", "{", #"{"state":"cancelled"}"#, #"{"state":"done","percent":1e9}"#,
      #"{"state":"done","result":\#(deep)}"#,
    ]
    for body in bodies {
      #expect(try device.send("POST", "commands/\(id)", body).status == 400, "\(body.prefix(40))")
    }
    for other in ["0", "01", "99", "-1", "4294967296", "..", "1%2F2"] {
      let answer = try device.send("POST", "commands/\(other)", #"{"state":"done"}"#)
      #expect(answer.status == 404, "\(other)")
    }
    #expect(try device.send("GET", "commands/\(id)").status == 405)
    #expect(try device.send("POST", "commands", "{}").status == 404)
    #expect(try command(id)["state"] == "queued")
    let huge = String(repeating: "x", count: 100_000)
    try device.expect(200, "POST", "commands/\(id)", #"{"state":"done","result":"\#(huge)"}"#)
    let done = try command(id)
    #expect(done["state"] == "done" && done["result"] == nil)
    #expect(done["text"]?.string?.contains("100002 bytes") ?? false)
  }

  @Test func `another device can neither see nor answer it`() throws {
    let id = try #require(try send(#"{"name":"identify"}"#)["id"]?.string)
    let other = try NativeDevice(fleet, "d2")
    #expect(try other.poll()?["commands"] == nil)
    #expect(try other.send("POST", "commands/\(id)", #"{"state":"done"}"#).status == 404)
    other.token = "wrong-token-wrong-token"
    #expect(
      try other.send("POST", "/device/v1/DEFAULT/d1/commands/\(id)", #"{"state":"done"}"#).status
        == 401)
    #expect(try command(id)["state"] == "queued")
  }

  @Test func `nothing is answered before it is on the disk`() throws {
    let service = fleet.service
    func check(_ status: Int, _ token: String, _ method: String, _ path: String, _ body: String?) {
      service.commits.hold()
      let request = PendingRequest(
        port: service.port, token: "Bearer \(token)", method, path, body)
      #expect(request.status(within: 150) == nil, "\(method) \(path) was answered too early")
      service.commits.release()
      #expect(request.status(within: 10_000) == status, "\(method) \(path)")
    }
    let desk = "\(ManagementService.tenant)/devices/d1/commands"
    let token = try #require(device.token)
    check(201, service.token, "POST", desk, #"{"name":"identify"}"#)
    // A device that was shown a command which a crash then forgets would do it for nobody.
    check(200, token, "GET", device.base, nil)
    for word in ["accepted", "running", "done"] {
      check(200, token, "POST", "\(device.base)/commands/1", #"{"state":"\#(word)"}"#)
    }
    check(201, service.token, "POST", desk, #"{"name":"identify"}"#)
    check(200, service.token, "DELETE", "\(desk)/2", nil)
    check(
      201, service.token, "POST", "\(ManagementService.tenant)/jobs",
      #"{"name":"j","command":"identify","all":true}"#)
    check(200, token, "GET", device.base, nil)
    check(200, service.token, "POST", "\(ManagementService.tenant)/jobs/j/cancel", nil)
  }

  // MARK: Jobs

  @Test func `a job goes over the fleet and tells how it stands`() throws {
    _ = try fleet.desk.expect(200, "PATCH", "T/devices/d1/twin/tags", #"{"site":"berlin"}"#)
    let second = try NativeDevice(fleet, "d2")
    let request =
      #"{"name":"blink","command":"identify","where":"tags.site = \"berlin\"","perMinute":10,"#
      + #""concurrent":1,"failureStop":{"share":"50%"}}"#
    let plan = try fleet.desk.expect(200, "POST", "T/jobs/plan", request)
    #expect(plan["able"] == 1 && plan["examples"] == ["d1"])
    #expect(try fleet.desk.expect(200, "GET", "T/jobs")["items"] == [])
    let job = try fleet.desk.expect(201, "POST", "T/jobs", request)
    #expect(job["status"] == "running" && job["devices"] == 1 && job["givenOut"] == 0)
    #expect(try second.poll()?["commands"] == nil)
    let id = try #require(
      try device.poll()?["commands"]?.array?.first?["id"]?.string)
    #expect(try fleet.desk.expect(200, "GET", "T/jobs/blink")["counts"]?["open"] == 1)
    try device.expect(200, "POST", "commands/\(id)", #"{"state":"done"}"#)
    let listed = try fleet.desk.expect(200, "GET", "T/jobs/1/devices?state=done")["items"]
    #expect(listed == [["device": "d1", "state": "done"]])
    fleet.pass(.minutes(1))
    let done = try fleet.desk.expect(200, "GET", "T/jobs/blink")
    #expect(done["status"] == "finished" && done["counts"]?["done"] == 1)
    #expect(try command(id)["job"] == "1")
  }

  @Test func `a job is paused, resumed and cancelled`() throws {
    _ = try fleet.desk.expect(
      201, "POST", "T/jobs", #"{"name":"blink","command":"identify","all":true}"#)
    #expect(try fleet.desk.expect(200, "POST", "T/jobs/blink/pause")["status"] == "paused")
    #expect(try device.poll()?["commands"] == nil)
    _ = try fleet.desk.expect(409, "POST", "T/jobs/blink/pause")
    #expect(try fleet.desk.expect(200, "POST", "T/jobs/blink/resume")["status"] == "running")
    #expect(try device.poll()?["commands"]?.array?.count == 1)
    let cancelled = try fleet.desk.expect(200, "POST", "T/jobs/1/cancel")
    #expect(cancelled["status"] == "cancelled")
    #expect(try device.poll()?["commands"] == nil)
    _ = try fleet.desk.expect(409, "POST", "T/jobs/1/resume")
    _ = try fleet.desk.expect(404, "POST", "T/jobs/2/cancel")
  }

  @Test(arguments: [
    (#"{"name":"x","command":"identify"}"#, "where"),
    (#"{"name":"x","command":"identify","all":false}"#, "all"),
    (#"{"name":"x","command":"identify","all":true,"group":"g"}"#, "group"),
    (#"{"name":"x","command":"identify","where":"tags.site ="}"#, "where"),
    (#"{"name":"x","command":"identify","devices":[]}"#, "devices"),
    (#"{"name":"x","command":"identify","all":true,"perMinute":0}"#, "perMinute"),
    (#"{"name":"x","command":"identify","all":true,"concurrent":"many"}"#, "concurrent"),
    (#"{"name":"x","command":"identify","all":true,"failureStop":{}}"#, "share"),
    (#"{"name":"x","command":"identify","all":true,"length":"91d"}"#, "length"),
    (#"{"name":"x","all":true}"#, "command"), (#"{"command":"identify","all":true}"#, "name"),
  ])
  func `a malformed job is refused by field`(body: String, field: String) throws {
    let refusal = try fleet.desk.expect(400, "POST", "T/jobs", body)
    let fields = (refusal["errors"]?.array ?? []).compactMap { $0["field"]?.string }
    #expect(fields.contains { $0.hasSuffix(field) }, "\(refusal)")
  }
}
