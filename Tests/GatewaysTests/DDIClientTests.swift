// DDIClientTests: exchanges of clients in the field, replayed with what each of them insists on.

import HTTPClient
import Testing
import UpdateModel

struct DDIClientTests {
  // MARK: SWUpdate 2022.12

  /// One request as SWUpdate puts it on the wire; the answer up to the end of the connection.
  private func swupdate(
    _ fleet: DDIFleet, _ device: DDIDevice, _ line: String, _ body: String? = nil,
    type: String = "application/json"
  ) throws -> String {
    let socket = try RawSocket(port: fleet.service.port)
    var head =
      "\(line) HTTP/1.1\r\nHost: 127.0.0.1:\(fleet.service.port)\r\n"
      + "User-Agent: libcurl-agent/1.0\r\nContent-Type: \(type)\r\nAccept: \(type)\r\n"
      + "charsets: utf-8\r\ncharsets: utf-8\r\nAuthorization: \(device.authorization ?? "")\r\n"
      + "Connection: close\r\n"
    if let body { head += "Content-Length: \(body.utf8.count)\r\n" }
    socket.send(head + "\r\n" + (body ?? ""))
    return socket.readToEnd()
  }

  @Test func `SWUpdate installs, restarts and confirms`() throws {
    let fleet = try DDIFleet(fileName: "fw2.swu")
    let device = try fleet.device()
    try fleet.start()
    let ok = "HTTP/1.1 200 OK\r\n"
    let poll = try swupdate(fleet, device, "GET \(device.base)")
    #expect(poll.hasPrefix(ok) && poll.contains("\r\nContent-Type: application/json\r\n"))
    let action = try #require(try device.offer())
    #expect(poll.contains(#""deploymentBase":{"href":"\#(device.link)/deploymentBase/\#(action)"#))
    for _ in 0..<3 {
      let deployment = try swupdate(
        fleet, device, "GET \(device.base)/deploymentBase/\(action)?c=1")
      #expect(deployment.hasPrefix(ok) && deployment.contains(#""filename":"fw2.swu""#))
    }
    let data = """
      { "id": "", "time": "20261121T021026", "status": { "result": { "finished": "success" }, \
      "execution": "closed", "details" : [ "" ] }, "data" : { "sw_version": "0.9" } }
      """
    #expect(try swupdate(fleet, device, "PUT \(device.base)/configData", data).hasPrefix(ok))
    func report(_ result: String, _ execution: String, _ details: String) throws {
      let body =
        "{ \"id\": \(action), \"time\": \"20261121T021026\", \"status\": { \"result\": { "
        + "\(result) }, \"execution\": \"\(execution)\", \"details\" : [ \(details) ] } }"
      let answer = try swupdate(
        fleet, device, "POST \(device.base)/deploymentBase/\(action)/feedback", body)
      #expect(answer.hasPrefix(ok) && answer.hasSuffix("\r\n\r\n"))
    }
    let going = #""progress": { "cnt" : 0, "of" : 1 }, "finished": "none""#
    try report(going, "proceeding", "\"Installing Update Chunk Artifacts.\"")
    let image = "\(device.base)/softwaremodules/1/artifacts/fw2.swu"
    let type = "application/octet-stream"
    let head = try swupdate(fleet, device, "HEAD \(image)", type: type)
    #expect(head.hasPrefix(ok) && head.contains("\r\nContent-Length: 8\r\n"))
    #expect(try swupdate(fleet, device, "GET \(image)", type: type).hasSuffix("\r\n\r\nfirmware"))
    let log = (1...48).map { "\"[TRACE] : SWUPDATE running : step \($0)\nmore\"" }
    try report(going, "proceeding", log.joined(separator: ", "))
    try report(going, "proceeding", "\"All Chunks Installed.\"")
    // After the restart it takes the number from what is offered then.
    #expect(try device.offer() == action)
    let success = #""progress": { "cnt" : 0, "of" : 0 }, "finished": "success""#
    try report(success, "closed", "\"Update Installed.\"")
    let version = data.replacing("0.9", with: "1.0")
    fleet.clock.move(by: .seconds(1))
    #expect(try swupdate(fleet, device, "PUT \(device.base)/configData", version).hasPrefix(ok))
    #expect(try device.relations() == [])
    #expect(try fleet.standing() == "succeeded")
  }

  @Test func `SWUpdate waits for 100 before it sends its attributes`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.device()
    let body = #"{"data":{"a":"b"}}"#
    let socket = try RawSocket(port: fleet.service.port)
    socket.send(
      "PUT \(device.base)/configData HTTP/1.1\r\nHost: x\r\n"
        + "Authorization: \(device.authorization ?? "")\r\nExpect: 100-continue\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n")
    #expect(socket.readSome().hasPrefix("HTTP/1.1 100 "))
    socket.send(body)
    #expect(socket.readSome().hasPrefix("HTTP/1.1 200 "))
  }

  @Test func `SWUpdate stops a download when it is asked to`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    try fleet.steer("abort")
    let link = try #require(try device.poll(for: "cancelAction"))
    let answer = try swupdate(fleet, device, "GET \(link)")
    #expect(answer.hasSuffix(#"{"id":"\#(action)","cancelAction":{"stopId":"\#(action)"}}"#))
    let body = """
      { "id": \(action), "time": "20261121T021026", "status": { "result": { "progress": { \
      "cnt" : 0, "of" : 0 }, "finished": "success" }, "execution": "closed", "details" : [ \
      "cancellation acknowledged." ] } }
      """
    let done = try swupdate(fleet, device, "POST \(link)/feedback", body)
    #expect(done.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(try device.relations() == [])
    #expect(try fleet.standing() == "cancelled")
  }

  // MARK: RAUC

  @Test func `the RAUC updater sees nothing but 200`() throws {
    let fleet = try DDIFleet(fileName: "bundle.raucb")
    let device = try fleet.device()
    try fleet.start()
    let accept = [(name: "Accept", value: "application/json;charset=UTF-8")]
    let attributes = #"{"mode":"merge","data":{"product":"x","version":"0.9"},"id":"","time":"x"}"#
    #expect(try device.poll(for: "configData") == "\(device.base)/configData")
    #expect(try device.send("PUT", "configData", attributes, headers: accept).status == 200)
    let action = try device.take()
    let image = try device.imagePath(action)
    let path = "deploymentBase/\(action)/feedback"
    for step in 1...20 {
      let body =
        #"{"id":"\#(action)","time":"20261121T030130","status":{"result":{"finished":"none"},"#
        + #""execution":"proceeding","details":["\#(step * 5)% done"]}}"#
      let answer = try device.send("POST", path, body, headers: accept)
      #expect(answer.status == 200 && answer.body.isEmpty)
    }
    let download = [(name: "Accept", value: "application/octet-stream")]
    #expect(try device.send("GET", image, headers: download).text == fleet.image)
    // A download that was complete already is asked for from its end.
    #expect(try device.send("GET", image, headers: [("Range", "bytes=8-")]).status == 416)
    // It reports before it reboots.
    #expect(try device.report("closed", "success", action) == 200)
    #expect(try device.relations() == ["configData"])
    #expect(try fleet.standing() == "verifying")
    fleet.pass(.minutes(1))
    let booted = attributes.replacing("0.9", with: "1.0")
    #expect(try device.send("PUT", "configData", booted, headers: accept).status == 200)
    #expect(try device.relations() == [])
    #expect(try fleet.standing() == "succeeded")
  }

  @Test func `the RAUC updater may refuse to be stopped while it installs`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    try fleet.steer("abort")
    let stop = try device.get("cancelAction/\(action)")["cancelAction"]?["stopId"]?.string
    // It answers to the number to stop; its Python namesake sends a bare string.
    let body =
      #"{"id":"\#(action)","status":{"result":{"finished":"success"},"execution":"rejected","#
      + #""details":"Cancellation not supported"}}"#
    #expect(try device.status("POST", "cancelAction/\(stop ?? "")/feedback", body) == 200)
    #expect(try device.offer() == action)
    #expect(try device.report("closed", "success", action) == 200)
  }

  @Test func `rauc-hawkbit finds its counter in the link`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let link = try #require(try device.poll())
    #expect(link.wholeMatch(of: #/.*/deploymentBase/[0-9]+\?c=[0-9]+/#) != nil)
    #expect(try device.status("GET", link) == 200)
  }

  // MARK: Zephyr

  @Test func `Zephyr finds all that its small buffers hold`() throws {
    let fleet = try DDIFleet(component: "application", fileName: "zephyr.signed.bin")
    let device = try fleet.device("nrf52840dk-0123456789abcdef")
    try fleet.start()
    let poll = try device.send("GET", "")
    #expect(poll.header("Content-Length") == "\(poll.body.count)")
    #expect(poll.header("Transfer-Encoding") == nil)
    let link = try #require(try device.poll())
    #expect(link.utf8.count < 200)
    let tail = link.dropFirst(device.base.count + 1)
    #expect(tail.hasPrefix("deploymentBase/") && tail.utf8.count < 50)
    // Its own attributes, with a text as id and an empty time.
    let data =
      #"{"mode":"merge","data":{"VIN":"0123","hwRevision":"3"},"id":"","time":"","#
      + #""status":{"execution":"closed","result":{"finished":"success"}}}"#
    #expect(try device.status("PUT", "configData", data) == 200)
    let answer = try device.send("GET", link)
    #expect(answer.status == 200 && answer.header("Content-Length") == "\(answer.body.count)")
    #expect(answer.header("Transfer-Encoding") == nil)
    let document = try JSON.parse(answer.body)
    let chunks = try #require(document["deployment"]?["chunks"]?.array)
    #expect(chunks.count == 1 && chunks[0]["part"] == "bApp")
    let artifacts = try #require(chunks[0]["artifacts"]?.array)
    #expect(artifacts.count == 1 && artifacts[0]["hashes"]?["sha256"]?.string?.count == 64)
    #expect(artifacts[0]["size"] == 8)
    let href = try #require(artifacts[0]["_links"]?["download-http"]?["href"]?.string)
    #expect(href.hasPrefix("http://") && href.contains("/DEFAULT/controller/v1/"))
    let path = DDIDevice.path(href)
    #expect(path.utf8.count < 200)
    let image = try device.send("GET", path)
    #expect(image.status == 200 && image.header("Content-Length") == "8")
  }

  @Test func `Zephyr confirms when the same action is offered after its reboot`() throws {
    let fleet = try DDIFleet(component: "application")
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    _ = try device.send("GET", try device.imagePath(action))
    // It reports nothing, reboots, confirms its image and polls.
    fleet.pass(.minutes(5))
    let number = try #require(try device.offer())
    #expect(number == action && number.utf8.allSatisfy { (0x30...0x39).contains($0) })
    _ = try device.get("deploymentBase/\(action)")
    let body =
      #"{"id":"\#(action)","time":"","status":{"result":{"finished":"success"},"#
      + #""execution":"closed"}}"#
    #expect(try device.status("POST", "deploymentBase/\(action)/feedback", body) == 200)
    // It polls again at once and would install whatever it finds.
    #expect(try device.relations() == ["configData"])
    try device.describe(version: "1.0")
    #expect(try device.relations() == [])
    #expect(try fleet.standing() == "succeeded")
  }

  @Test func `Zephyr answers a cancellation without fetching it`() throws {
    let fleet = try DDIFleet(component: "application")
    let device = try fleet.deviceInRollout()
    _ = try device.take()
    try fleet.steer("abort")
    let link = try #require(try device.poll(for: "cancelAction"))
    let body =
      #"{"id":"1","time":"","status":{"result":{"finished":"success"},"#
      + #""execution":"closed"}}"#
    #expect(try device.status("POST", "\(link)/feedback", body) == 200)
    #expect(try device.relations() == [])
    #expect(try fleet.standing() == "cancelled")
  }
}
