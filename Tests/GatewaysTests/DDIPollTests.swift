// DDIPollTests: what a device is told when it asks, and who is told nothing.

import HTTPClient
import Testing
import UpdateModel

struct DDIPollTests {
  @Test func `an idle poll is answered byte for byte as clients expect`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.device()
    let first = try device.send("GET", "").text
    let head = #"{"config":{"polling":{"sleep":""#
    #expect(first.hasPrefix(head))
    #expect(
      first.dropFirst(head.count + 8)
        == #""}},"_links":{"configData":{"href":"\#(device.link)/configData"}}}"#)
    try device.describe(version: "0.9")
    let second = try device.send("GET", "").text
    #expect(second.hasPrefix(head) && second.dropFirst(head.count + 8) == #""}}}"#)
    #expect(try device.send("GET", "\(device.base)/").text.hasPrefix(head))
  }

  @Test func `an action has its own link beside the question for attributes`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.device()
    try fleet.start()
    #expect(try device.relations() == ["deploymentBase", "configData"])
    let action = try #require(try device.offer())
    #expect(
      try device.links().first?.value["href"]?.string
        == "\(device.link)/deploymentBase/\(action)?c=1")
    try device.describe(version: "0.9")
    #expect(try device.relations() == ["deploymentBase"])
  }

  @Test(arguments: [(1, 1), (9, 9), (59, 54), (300, 270), (3600, 3240), (86_399, 77_760)])
  func `the time to sleep has eight characters and stays within a tenth of the interval`(
    seconds: Int, least: Int
  ) throws {
    let fleet = try DDIFleet()
    _ = try fleet.desk.expect(
      200, "PATCH", "/api/v1/tenants/DEFAULT", #"{"pollSeconds":\#(seconds)}"#)
    let device = try fleet.device()
    var seen: Set<Int> = []
    for _ in 0..<40 {
      fleet.clock.move(by: Interval(milliseconds: 1237))
      let sleep = try #require(try device.get("")["config"]?["polling"]?["sleep"]?.string)
      #expect(sleep.utf8.count == 8)
      let parts = sleep.split(separator: ":").compactMap { Int($0) }
      try #require(parts.count == 3 && parts[1] < 60 && parts[2] < 60)
      seen.insert(parts[0] * 3600 + parts[1] * 60 + parts[2])
    }
    #expect(seen.allSatisfy { (least...seconds).contains($0) })
    #expect(seen.count > 1 || seconds < 10)
  }

  @Test(arguments: [
    (nil, "application/hal+json"), ("*/*", "application/hal+json"),
    ("application/hal+json", "application/hal+json"), ("application/json", "application/json"),
    ("application/json;charset=UTF-8", "application/json"),
    ("application/json, */*", "application/json"),
  ])
  func `documents have the type that was asked for`(accept: String?, type: String) throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try #require(try device.offer())
    let headers = accept.map { [(name: "Accept", value: $0)] } ?? []
    #expect(try device.send("GET", "", headers: headers).header("Content-Type") == type)
    let deployment = try device.send("GET", "deploymentBase/\(action)", headers: headers)
    #expect(deployment.header("Content-Type") == type)
    try fleet.steer("abort")
    #expect(try device.send("GET", "", headers: headers).header("Content-Type") == type)
    let cancel = try device.send("GET", "cancelAction/\(action)", headers: headers)
    #expect(cancel.status == 200 && cancel.header("Content-Type") == type)
  }

  @Test func `every answer says how long it is, and none is 304`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    let calls: [(method: String, path: String, body: String?)] = [
      ("GET", "", nil), ("GET", "deploymentBase/\(action)", nil), ("GET", "nothing", nil),
      ("DELETE", "", nil), ("PUT", "configData", #"{"data":{"a":"b"}}"#),
      ("PUT", "configData", "{"), ("GET", try device.imagePath(action), nil),
      ("GET", try device.imagePath(action) + ".MD5SUM", nil),
      ("POST", "deploymentBase/\(action)/feedback", DDIDevice.feedback("closed", "success")),
      ("POST", "deploymentBase/99/feedback", DDIDevice.feedback("closed", "success")),
    ]
    for call in calls {
      let response = try device.send(
        call.method, call.path, call.body, headers: [("If-None-Match", "*")])
      // An image is the one thing that a cache may keep.
      let isImage = call.path.hasSuffix("/app.bin")
      #expect(response.status != 304 || isImage, "\(call.method) \(call.path)")
      let length = response.header("Content-Length").flatMap { Int($0) }
      #expect(length == response.body.count || isImage, "\(call.method) \(call.path)")
      #expect(response.header("Transfer-Encoding") == nil)
      #expect(response.header("ETag") == nil || isImage)
    }
    device.authorization = nil
    let refused = try device.send("GET", "")
    #expect(refused.status == 401 && refused.header("Content-Length") == "0")
  }

  @Test func `links lead to the host that was asked`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    func ask(_ path: String, host: String) throws -> String {
      let socket = try RawSocket(port: fleet.service.port)
      socket.send(
        "GET \(path) HTTP/1.1\r\nHost: \(host)\r\n"
          + "Authorization: \(device.authorization ?? "")\r\nConnection: close\r\n\r\n")
      return socket.readToEnd()
    }
    let action = try #require(try device.offer())
    for host in ["ota.example", "ota.example:8443", "[::1]:80", "192.0.2.1"] {
      let base = "\"http://\(host)\(device.base)"
      #expect(try ask(device.base, host: host).contains("\(base)/deploymentBase/\(action)?c=1\""))
      let document = try ask("\(device.base)/deploymentBase/\(action)", host: host)
      let links = document.split(separator: "\"href\":").dropFirst()
      #expect(links.count == 4 && links.allSatisfy { $0.hasPrefix(base) })
    }
  }

  @Test func `links lead to the public address when there is one`() throws {
    let fleet = try DDIFleet(publicURL: "https://updates.example")
    let device = try fleet.device()
    try fleet.start()
    let base = "https://updates.example\(device.base)"
    let links = try device.links().map { $0.value["href"]?.string ?? "" }
    #expect(links.count == 2 && links.allSatisfy { $0.hasPrefix(base) })
    let action = try device.take()
    let text = try device.send("GET", "deploymentBase/\(action)").text
    let hrefs = text.split(separator: "\"href\":").dropFirst()
    #expect(hrefs.count == 4 && hrefs.allSatisfy { $0.hasPrefix("\"\(base)") })
    #expect(try device.send("GET", try device.imagePath(action)).text == fleet.image)
  }

  @Test(arguments: [
    ("gerät-1", "ger%C3%A4t-1"), ("a:b_c.d-e", "a:b_c.d-e"), ("a:b", "a%3Ab"),
    ("';DROP", "%27;DROP"), ("'OR'1'='1", "'OR'1'='1"), ("<b>&\"x\"", "%3Cb%3E&%22x%22"),
    ("100%", "100%25"), ("%41", "%2541"), ("..", "%2E%2E"), ("\\", "%5C"), ("?c=1#x", "%3Fc=1%23x"),
  ])
  func `ids of any spelling work and their links too`(id: String, path: String) throws {
    let fleet = try DDIFleet()
    let device = try fleet.device(id, path: path)
    try fleet.start()
    let links = try device.links().map { $0.value["href"]?.string ?? "" }
    #expect(links.count == 2 && links.allSatisfy { $0.hasPrefix(device.link) })
    let action = try device.take()
    #expect(try device.send("GET", try device.imagePath(action)).text == fleet.image)
    try device.describe(version: "0.9")
    #expect(try device.report("closed", "success", action) == 200)
    let standing = try fleet.standing(id)
    #expect(standing == "verifying")
  }
}
