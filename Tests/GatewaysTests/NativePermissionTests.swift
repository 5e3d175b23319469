// NativePermissionTests: a device of the native protocol is told what it may do, and why not.

import Gateways
import HTTPClient
import Testing
import UpdateModel

@Suite struct NativePermissionTests {
  @Test func `a device downloads, waits for its user with the image, and installs when approved`()
    throws
  {
    let fleet = try DDIFleet()
    let device = try NativeDevice(fleet)
    _ = try device.poll()
    func tell(_ reported: String) throws {
      _ = try device.expect(200, "PATCH", "twin", #"{"reported":\#(reported)}"#)
    }
    try tell(
      #"{"version":"0.9","autoUpdate":"manual","capabilities":[{"name":"stop-motors"}]}"#)
    _ = try fleet.desk.expect(
      201, "POST", "T/rollouts",
      #"{"name":"r1","release":1,"policy":"devices","start":true,"overrides":"#
        + #"{"prepare":"stop-motors","resume":"start-motors"}}"#)
    let offer = try #require(try device.poll()?["offer"])
    #expect(offer["download"] == ["allowed": true] && offer["install"]?["allowed"] == false)
    #expect(offer["prepare"] == "stop-motors" && offer["resume"] == nil && offer["forced"] == nil)
    let action = try #require(offer["action"]?.string)
    #expect(try device.report(action, "downloading") == 200)
    #expect(try device.report(action, "downloaded") == 200)
    #expect(try fleet.standing() == "waiting")
    let waiting = try #require(try device.poll()?["offer"])
    #expect(waiting["action"]?.string == action && waiting["install"]?["allowed"] == false)
    #expect(try device.report(action, "postponed", #","until":"2030-03-17T18:46:40Z""#) == 200)
    #expect(try fleet.standing() == "postponed")
    let postponed = try #require(try device.poll()?["offer"])
    #expect(postponed["install"]?["until"] == "2030-03-17T18:46:40Z")
    try tell(#"{"updateApproved":"1.0"}"#)
    let approved = try #require(try device.poll()?["offer"])
    #expect(approved["action"]?.string == action && approved["install"] == ["allowed": true])
    #expect(try fleet.standing() == "installing")
    #expect(try device.report(action, "installing") == 200)
    #expect(try device.report(action, "installed") == 200)
    fleet.pass(.seconds(1))
    try tell(#"{"version":"1.0"}"#)
    _ = try device.poll()
    #expect(try fleet.standing() == "succeeded")
  }
}
