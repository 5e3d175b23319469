// NativeGatewayTests: the native protocol as its devices use it, and as others abuse it.

import HTTPClient
import Testing
import UpdateModel

struct NativeGatewayTests {
  private let fleet: DDIFleet
  private let device: NativeDevice

  init() throws {
    fleet = try DDIFleet()
    device = try NativeDevice(fleet)
  }

  @Test func `an idle device is told once and then that nothing is new`() throws {
    let first = try #require(try device.poll())
    #expect(first["ask"] == ["reported"])
    try device.expect(200, "PATCH", "twin", #"{"reported":{"version":"0.9"}}"#)
    let second = try #require(try device.poll())
    #expect(second["ask"] == nil && second["offer"] == nil)
    #expect(try device.poll() == nil)
    let response = try device.send("GET", "", headers: [("If-None-Match", device.tag ?? "")])
    #expect(response.status == 304 && response.body.isEmpty)
    #expect(response.header("ETag") == device.tag)
    // Nothing is under way, so it may come at twice the usual interval.
    let wait = try #require(response.header("Poll-After").flatMap { Int($0) })
    #expect((540...600).contains(wait))
  }

  @Test func `a change of the desired properties is told until the device has it`() throws {
    try device.expect(200, "PATCH", "twin", #"{"reported":{"version":"0.9"}}"#)
    _ = try device.poll()
    #expect(try device.poll() == nil)
    let section = try fleet.desk.expect(
      200, "PATCH", "T/devices/d1/twin/desired", #"{"interval":{"seconds":30}}"#)
    #expect(section["version"] == 1)
    let told = try #require(try device.poll("?desired=0"))
    #expect(told["desired"] == ["version": 1, "properties": ["interval": ["seconds": 30]]])
    #expect(try device.poll("?desired=1") == nil)
    // One that lost what it was told, but not what it has.
    device.tag = nil
    let known = try #require(try device.poll("?desired=1"))
    #expect(known["desired"] == nil)
    #expect(try device.poll("?desired=1") == nil)
  }

  @Test func `an update goes from the offer to its proof, and the twin shows each step`() throws {
    try device.expect(200, "PATCH", "twin", #"{"reported":{"version":"0.9"}}"#)
    try fleet.start()
    let offer = try #require(try device.poll()?["offer"])
    let action = try #require(offer["action"]?.string)
    #expect(offer["kind"] == "update" && offer["attempt"] == 1)
    #expect(offer["release"] == ["name": "app", "version": "1.0"])
    let image = try #require(offer["images"]?.array?.first)
    #expect(image["size"] == 8 && image["component"] == "os")
    #expect(try device.poll() == nil)

    #expect(try device.report(action, "downloading", #","percent":40,"bytes":3"#) == 200)
    let update = try fleet.desk.expect(200, "GET", "T/devices/d1/twin/reported")["properties"]?[
      "update"]
    #expect(update?["phase"] == "downloading" && update?["percent"] == 40 && update?["bytes"] == 3)
    let shown = try fleet.desk.expect(200, "GET", "T/rollouts/r1")["underWay"]?.array?.first
    #expect(shown?["id"] == "d1" && shown?["update"]?["percent"] == 40)

    let bytes = try device.send("GET", image["url"]?.string ?? "")
    #expect(bytes.status == 200 && bytes.text == fleet.image)
    let part = try device.send(
      "GET", image["url"]?.string ?? "", headers: [("Range", "bytes=4-")])
    #expect(part.status == 206 && part.text == String(fleet.image.dropFirst(4)))
    #expect(try device.report(action, "installing", #","percent":10"#) == 200)
    #expect(try device.report(action, "rebooting") == 200)
    #expect(try fleet.standing() == "verifying")
    fleet.pass(.minutes(1))
    try device.expect(200, "PATCH", "twin", #"{"reported":{"version":"1.0"}}"#)
    _ = try device.poll()
    #expect(try fleet.standing() == "succeeded")
    let runs = try fleet.desk.expect(200, "GET", "T/devices/d1/runs")["items"]?.array
    #expect(runs?.map { $0["version"] } == ["1.0", "0.9"])
    // The image belonged to the offer, and that is over.
    #expect(try device.send("GET", image["url"]?.string ?? "").status == 404)
  }

  @Test func `a version and its digest are one line, also when they are told apart`() throws {
    let one = String(repeating: "1", count: 64)
    let two = String(repeating: "2", count: 64)
    func report(_ members: String) throws {
      fleet.pass(.seconds(5))
      try device.expect(200, "PATCH", "twin", #"{"reported":{\#(members)}}"#)
    }
    func lines() throws -> [String] {
      let runs = try fleet.desk.expect(200, "GET", "T/devices/d1/runs")["items"]?.array ?? []
      return runs.map { "\($0["version"]?.string ?? "-") \($0["image"]?.string?.first ?? "-")" }
    }
    try report(#""version":"0.9""#)
    try report(#""image_sha256":"\#(one)""#)
    #expect(try lines() == ["0.9 1"])
    // The digest of the version before is not taken for that of the new one.
    try report(#""version":"1.0""#)
    #expect(try lines() == ["1.0 -", "0.9 1"])
    try report(#""serial":"7""#)
    try report(#""image_sha256":"\#(two)""#)
    #expect(try lines() == ["1.0 2", "0.9 1"])
    // Another digest under the same version is another thing.
    try report(#""image_sha256":"\#(one)""#)
    #expect(try lines() == ["1.0 1", "1.0 2", "0.9 1"])
    try report(#""version":"1.1","image_sha256":"\#(two)""#)
    #expect(try lines() == ["1.1 2", "1.0 1", "1.0 2", "0.9 1"])
  }

  @Test func `a failure is told with its class`() throws {
    try device.expect(200, "PATCH", "twin", #"{"reported":{"version":"0.9"}}"#)
    try fleet.start()
    let action = try #require(try device.poll()?["offer"]?["action"]?.string)
    #expect(try device.report(action, "installing") == 200)
    let error = #","error":{"class":"health","code":7},"text":"no network""#
    #expect(try device.report(action, "reverted", error) == 200)
    let update = try fleet.desk.expect(200, "GET", "T/devices/d1/twin/reported")["properties"]?[
      "update"]
    #expect(update?["error"]?["class"] == "health" && update?["error"]?["code"] == 7)
    #expect(update?["error"]?["text"] == "health: went back by itself: no network")
    #expect(try fleet.part()["failure"]?["cause"] == "install")
  }

  @Test func `a postponement holds no slot and is no failure`() throws {
    try device.expect(200, "PATCH", "twin", #"{"reported":{"version":"0.9"}}"#)
    try fleet.start()
    let action = try #require(try device.poll()?["offer"]?["action"]?.string)
    #expect(try device.report(action, "postponed", #","text":"motor is running""#) == 200)
    #expect(try fleet.standing() == "postponed")
    #expect(try device.poll()?["offer"] == nil)
  }

  @Test func `a stopped rollout is taken back from a device that has it`() throws {
    try device.expect(200, "PATCH", "twin", #"{"reported":{"version":"0.9"}}"#)
    try fleet.start()
    let action = try #require(try device.poll()?["offer"]?["action"]?.string)
    #expect(try device.report(action, "downloading") == 200)
    try fleet.steer("abort")
    #expect(try device.poll()?["cancel"] == ["action": .string(action)])
    #expect(try device.report(action, "cancelled") == 200)
    #expect(try fleet.standing() == "cancelled")
    #expect(try device.report(action, "downloading") == 410)
  }

  @Test func `a poll that waits is answered when there is something new`() throws {
    try device.expect(200, "PATCH", "twin", #"{"reported":{"version":"0.9"}}"#)
    _ = try device.poll()
    #expect(try device.poll() == nil)
    let waiting = try NativeDevice(fleet.service, "d1", token: device.token)
    waiting.tag = device.tag
    let watch = ContinuousClock()
    let start = watch.now
    // The room is on another thread of the server: the change is made while the poll is held.
    let changer = BackgroundChange(fleet.desk, "T/devices/d1/twin/desired", #"{"a":1}"#)
    changer.start()
    #expect(try waiting.poll("?wait=20") == nil)
    #expect(watch.now - start < .seconds(15))
    #expect(try waiting.poll()?["desired"]?["properties"] == ["a": 1])
  }

  @Test func `a poll that waits for nothing ends in its time`() throws {
    try device.expect(200, "PATCH", "twin", #"{"reported":{"version":"0.9"}}"#)
    _ = try device.poll()
    #expect(try device.poll("?wait=1") == nil)
  }

  @Test(arguments: [
    ("GET", "", nil), ("GET", "twin", nil), ("PATCH", "twin", #"{"reported":{"a":1}}"#),
    ("POST", "reports", #"{"action":"1","phase":"failed"}"#), ("GET", "images/1/app.bin", nil),
    ("GET", "?wait=300", nil),
  ])
  func `wrong credentials get 401 without a body, everywhere`(
    method: String, path: String, body: String?
  ) throws {
    for token in [nil, "", "wrong-token-wrong-token", fleet.service.token] {
      device.token = token
      let response = try device.send(method, path, body)
      #expect(response.status == 401 && response.body.isEmpty)
      #expect(response.header("WWW-Authenticate") == "Bearer")
    }
  }

  @Test func `a device reaches nothing of another one`() throws {
    let other = try NativeDevice(fleet, "d2")
    other.token = device.token
    #expect(try other.send("GET", "").status == 401)
    #expect(try other.send("GET", "twin").status == 401)
    try device.expect(200, "PATCH", "twin", #"{"reported":{"version":"0.9"}}"#)
    try fleet.start()
    let image = try #require(try device.poll()?["offer"]?["images"]?.array?.first)
    let own = try #require(image["url"]?.string)
    let second = try NativeDevice(fleet, "d3")
    #expect(try second.send("GET", own.replacing("/d1/", with: "/d3/")).status == 404)
  }

  @Test(arguments: [
    ("PATCH", "twin", "", 400), ("PATCH", "twin", "[]", 400), ("PATCH", "twin", "{}", 400),
    ("PATCH", "twin", #"{"reported":7}"#, 400), ("PATCH", "twin", #"{"reported":null}"#, 400),
    ("PATCH", "twin", #"{"reported":{"update":{}}}"#, 400),
    ("PATCH", "twin", #"{"reported":{"a b":1}}"#, 400),
    ("PATCH", "twin", #"{"reported":{"a":1,"a":2}}"#, 400),
    ("PATCH", "twin", #"{"reported":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":1}}}}}}}}}"#, 200),
    (
      "PATCH", "twin", #"{"reported":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":1}}}}}}}}}}"#, 400
    ),
    ("PATCH", "twin", #"{"reported":{"n":1e999999,"m":-0.0}}"#, 200),
    ("POST", "reports", "{}", 400), ("POST", "reports", #"{"action":1,"phase":"failed"}"#, 400),
    ("POST", "reports", #"{"action":"1","phase":"exploded"}"#, 400),
    ("POST", "reports", #"{"action":"1999999999","phase":"failed"}"#, 404),
    ("POST", "twin", "{}", 405), ("DELETE", "", nil, 405), ("GET", "nothing", nil, 404),
    ("GET", "twin/desired", nil, 404), ("GET", "?wait=301", nil, 400),
    ("GET", "?desired=-1", nil, 400), ("GET", "?nonsense=1", nil, 400),
    ("GET", "images/1/app.bin", nil, 404), ("GET", "images/x/app.bin", nil, 404),
  ])
  func `what is wrong is refused and named`(
    method: String, path: String, body: String?, status: Int
  ) throws {
    let response = try device.send(method, path, body)
    #expect(response.status == status, "\(response.text)")
    guard status >= 400 else { return }
    #expect(response.header("Content-Type") == "application/problem+json")
    #expect(try JSON.parse(response.body)["detail"]?.string?.isEmpty == false)
  }

  @Test func `twins at their limits are kept and one over is refused, with nothing lost`() throws {
    func patch(_ bytes: Int) -> String {
      #"{"reported":{"k":"\#(String(repeating: "x", count: bytes - 8))"}}"#
    }
    try device.expect(200, "PATCH", "twin", patch(32 * 1024))
    let refused = try device.send("PATCH", "twin", patch(32 * 1024 + 1))
    #expect(refused.status == 400 && refused.text.contains("32768"))
    let twin = try device.expect(200, "GET", "twin")
    #expect(twin["reported"]?["version"] == 1)
    #expect(twin["reported"]?["properties"]?["k"]?.string?.utf8.count == 32 * 1024 - 8)
    let deep = String(repeating: #"{"a":"#, count: 5000) + "1" + String(repeating: "}", count: 5000)
    #expect(try device.send("PATCH", "twin", #"{"reported":\#(deep)}"#).status == 400)
    let tags = #"{"k":"\#(String(repeating: "x", count: 8 * 1024 - 7))"}"#
    #expect(try fleet.desk.send("PATCH", "T/devices/d1/twin/tags", tags).status == 400)
    #expect(try device.expect(200, "GET", "twin") == twin)
  }

  @Test func `a change on an old version is a conflict`() throws {
    let desk = fleet.desk
    _ = try desk.expect(200, "PATCH", "T/devices/d1/twin/desired", #"{"a":1}"#)
    let stale = try desk.send(
      "PATCH", "T/devices/d1/twin/desired", #"{"a":2}"#, headers: [("If-Match", "\"0\"")])
    #expect(stale.status == 412)
    let fresh = try desk.send(
      "PATCH", "T/devices/d1/twin/desired", #"{"a":2}"#, headers: [("If-Match", "\"1\"")])
    #expect(fresh.status == 200 && fresh.header("ETag") == "\"2\"")
    #expect(try desk.send("PATCH", "T/devices/d1/twin/reported", "{}").status == 403)
    #expect(try desk.send("GET", "T/devices/d1/twin/else").status == 404)
  }
}
