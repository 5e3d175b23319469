// DDIFeedbackTests: what a report does, whatever its form, however often it comes.

import HTTPClient
import Orchestrator
import Testing
import UpdateModel

struct DDIFeedbackTests {
  static let executions = [
    "closed", "proceeding", "scheduled", "resumed", "download", "downloaded", "rejected",
    "canceled",
  ]

  @Test func `each execution and result leads to its standing`() throws {
    let fleet = try DDIFleet()
    var devices: [(DDIDevice, execution: String, finished: String)] = []
    for execution in DDIFeedbackTests.executions {
      for finished in ["success", "failure", "none"] {
        devices.append((try fleet.device("\(execution)-\(finished)"), execution, finished))
      }
    }
    try fleet.start()
    for (device, execution, finished) in devices {
      let action = try device.take()
      let answer = try device.send(
        "POST", "deploymentBase/\(action)/feedback", DDIDevice.feedback(execution, finished))
      #expect(answer.status == 200 && answer.body.isEmpty)
      let standing = try fleet.standing(device.id)
      let expected =
        switch (execution, finished) {
        case ("closed", "failure"): "retrying"
        case ("closed", _): "verifying"
        case ("downloaded", _): "installing"
        case ("rejected", _): "postponed"
        case ("canceled", _): "cancelled"
        default: "downloading"
        }
      #expect(standing == expected, "\(device.id)")
      // What is still under way is offered again; what is over is not.
      #expect(
        try device.offer() == (["downloading", "installing"].contains(expected) ? action : nil))
    }
  }

  @Test func `a report of progress counts as a fetch`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try #require(try device.offer())
    #expect(try device.report("proceeding", "none", action) == 200)
    #expect(try fleet.standing() == "downloading")
  }

  @Test(arguments: [
    "", "{", "[]", "null", "7", "{}", #"{"status":{}}"#, #"{"status":null}"#,
    #"{"status":{"execution":"closed"}}"#, #"{"status":{"execution":"closed","result":{}}}"#,
    #"{"status":{"result":{"finished":"success"}}}"#,
    #"{"status":{"execution":7,"result":{"finished":"success"}}}"#,
    #"{"status":{"execution":"closed","result":{"finished":true}}}"#,
    #"{"status":{"execution":"closed","result":{"finished":"maybe"}}}"#,
    #"{"status":{"execution":"proceeding","result":{"finished":"SUCCESS"}}}"#,
    #"{"status":{"execution":"done","result":{"finished":"success"}}}"#,
    #"{"status":{"execution":"CLOSED","result":{"finished":"success"}}}"#,
    #"{"status":{"execution":"closed","result":"success"}}"#,
    #"{"status":{"execution":"closed","result":{"finished":"success"}}"#,
    #"{"status":{"execution":"closed","result":{"finished":"success"}}} {}"#,
    #"{"execution":"closed","result":{"finished":"success"}}"#,
  ])
  func `malformed reports are refused with a reason and change nothing`(body: String) throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    for kind in ["deploymentBase", "cancelAction"] {
      let answer = try device.send("POST", "\(kind)/\(action)/feedback", body)
      #expect(answer.status == 400)
      let document = try JSON.parse(answer.body)
      #expect(document["message"]?.string?.isEmpty == false && document["errorCode"] != nil)
    }
    #expect(try fleet.standing() == "downloading")
  }

  @Test(arguments: [
    // SWUpdate: a number as id, empty progress, raw line feeds in the failure that matters most.
    (
      "{ \"id\": 12, \"time\": \"20261121T021026\", \"status\": { \"result\": { \"progress\": { "
        + "\"cnt\" : 0, \"of\" : 0 }, \"finished\": \"failure\" }, \"execution\": \"closed\", "
        + "\"details\" : [ \"line one\nline two\", \"tab\there\" ] } }",
      "line one\nline two\ntab\there"
    ),
    // rauc-hawkbit: a percentage, and one bare string as details.
    (
      #"{"id":"91","status":{"result":{"progress":{"percentage":80},"finished":"failure"},"#
        + #""execution":"closed","details":"bare words"}}"#, "bare words"
    ),
    // rauc-hawkbit's last one has empty progress.
    (
      #"{"id":"91","status":{"result":{"progress":{},"finished":"failure"},"execution":"closed","#
        + #""details":["x"]}}"#, "x"
    ),
    // Zephyr: an empty time, no details.
    (
      #"{"id":"12","time":"","status":{"execution":"closed","result":{"finished":"failure"}}}"#,
      "no reason given"
    ),
    // Members, types and values that nobody expected.
    (
      #"{"new":[{}],"status":{"code":"x","details":[1,null,"y",{"a":[]}],"result":{"progress":7,"#
        + #""finished":"failure","more":{}},"execution":"closed","extra":null},"timestamp":1}"#, "y"
    ),
    (
      #"{"status":{"code":-7,"details":null,"result":{"progress":null,"finished":"failure"},"#
        + #""execution":"closed"}}"#, "no reason given"
    ),
    (
      #"{"status":{"execution":"closed","result":{"finished":"failure","progress":{"#
        + #""cnt":99999999999999999999,"of":-1}},"details":["\u0000\ud83d\ude00"]}}"#, "\u{0}😀"
    ),
  ])
  func `reports of real clients are understood`(body: String, detail: String) throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    #expect(try device.status("POST", "deploymentBase/\(action)/feedback", body) == 200)
    #expect(try fleet.standing() == "retrying")
    #expect(try fleet.part()["failure"]?["detail"]?.string == detail)
  }

  @Test(arguments: [
    (#"{"cnt":1,"of":4}"#, 25), (#"{"percentage":20}"#, 20), (#"{"percentage":700}"#, 100),
    (#"{"cnt":4,"of":4}"#, 100), (#"{"cnt":1,"of":0}"#, nil), (#"{"cnt":5,"of":4}"#, nil),
    (#"{"cnt":"1","of":"4"}"#, nil), ("{}", nil), ("null", nil), ("[]", nil),
    (#"{"cnt":9223372036854775807,"of":9223372036854775807}"#, 100),
  ])
  func `progress is shown when it makes sense`(progress: String, percent: Int64?) throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    let body =
      #"{"status":{"execution":"proceeding","result":{"finished":"none","progress":\#(progress)}}}"#
    #expect(try device.status("POST", "deploymentBase/\(action)/feedback", body) == 200)
    #expect(try fleet.part()["percent"]?.integer == percent)
  }

  @Test func `a repeated final report is welcome, a contradiction is gone`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    for _ in 0..<3 { #expect(try device.report("closed", "success", action) == 200) }
    #expect(try fleet.standing() == "verifying")
    try device.describe(version: "1.0")
    #expect(try device.relations() == [])
    #expect(try fleet.standing() == "succeeded")
    let before = try fleet.part()
    for _ in 0..<3 { #expect(try device.report("closed", "success", action) == 200) }
    for (execution, finished) in [
      ("proceeding", "none"), ("canceled", "none"), ("rejected", "none"), ("downloaded", "success"),
    ] {
      #expect(try device.report(execution, finished, action) == 410, "\(execution)")
    }
    #expect(try device.report("closed", "success", action, to: "cancelAction") == 410)
    #expect(try fleet.part() == before)
  }

  @Test func `a device that fails for good may say so twice, but not go on`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    var action = try device.take()
    #expect(try device.report("closed", "failure", action) == 200)
    #expect(try device.report("closed", "failure", action) == 200)
    fleet.pass(.minutes(5))
    action = try device.take()
    #expect(try device.report("closed", "failure", action) == 200)
    #expect(try fleet.standing() == "failed")
    #expect(try device.report("closed", "failure", action) == 200)
    #expect(try device.report("proceeding", "none", action) == 410)
    #expect(try device.report("canceled", "none", action) == 410)
    #expect(try fleet.standing() == "failed")
    #expect(try device.relations() == [])
  }

  @Test func `a word about the attempt before does not touch the present one`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let first = try device.take()
    #expect(try device.report("closed", "failure", first) == 200)
    fleet.pass(.minutes(5))
    let second = try device.take()
    #expect(first != second)
    let before = try fleet.part()
    for (execution, finished) in [
      ("closed", "failure"), ("closed", "success"), ("canceled", "none"),
    ] {
      #expect(try device.report(execution, finished, first) == 200)
    }
    #expect(try fleet.part() == before)
    #expect(try device.offer() == second)
  }

  @Test func `beyond a thousand reports only final ones are taken`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    let plane = fleet.service.plane
    let room = try #require(plane.room(try Name("DEFAULT")))
    let id = try #require(ActionID(decimal: action))
    for _ in 0..<ControlPlane.reportsPerActionMax - 1 {
      let report = DeviceReport(
        meaning: .progress(percent: nil), word: "proceeding", text: "", code: nil)
      guard case .accepted = plane.record(report, of: try DeviceID("d1"), action: id, in: room)
      else { throw Failure("not accepted") }
    }
    #expect(try device.report("proceeding", "none", action) == 200)
    let refused = try device.send(
      "POST", "deploymentBase/\(action)/feedback", DDIDevice.feedback("proceeding", "none"))
    #expect(refused.status == 429)
    #expect(try JSON.parse(refused.body)["message"]?.string?.contains("final") == true)
    #expect(try device.report("downloaded", "none", action) == 429)
    for _ in 0..<4 { #expect(try device.report("closed", "success", action) == 200) }
    #expect(try fleet.standing() == "verifying")
    // A final report that is repeated for ever must not fill the disk.
    let history = try fleet.desk.expect(200, "GET", "T/devices/d1/history?limit=10")
    #expect(history["items"]?.array?.count { $0["kind"] == "closed" } == 1)
  }
}
