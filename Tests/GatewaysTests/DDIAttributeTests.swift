// DDIAttributeTests: a device describes itself, well or badly.

import HTTPClient
import Testing
import UpdateModel

struct DDIAttributeTests {
  private let fleet: DDIFleet
  private let device: DDIDevice

  init() throws {
    fleet = try DDIFleet()
    device = try fleet.device()
  }

  private func put(_ body: String) throws -> HTTPResponse {
    try device.send("PUT", "configData", body)
  }

  private func attributes() throws -> JSON? {
    try fleet.desk.expect(200, "GET", "T/devices/d1")["attributes"]
  }

  @Test func `the question is asked at first and gone once it is answered`() throws {
    #expect(try device.relations() == ["configData"])
    #expect(try device.relations() == ["configData"])
    let answer = try put(#"{"data":{"a":"1"}}"#)
    #expect(answer.status == 200 && answer.body.isEmpty)
    #expect(try device.relations() == [])
    // SWUpdate sends it after every start, asked or not.
    #expect(try put(#"{"data":{"a":"2"}}"#).status == 200)
    #expect(try device.relations() == [])
    #expect(try attributes() == ["a": "2"])
  }

  @Test func `attributes are merged, replaced and removed`() throws {
    let steps: [(body: String, result: JSON)] = [
      (#"{"data":{"a":"1","b":"2"}}"#, ["a": "1", "b": "2"]),
      (#"{"mode":"merge","data":{"b":"3","c":"4"}}"#, ["a": "1", "b": "3", "c": "4"]),
      (#"{"mode":null,"data":{"a":null}}"#, ["b": "3", "c": "4"]),
      (#"{"mode":"remove","data":{"c":"whatever","x":"y"}}"#, ["b": "3"]),
      (#"{"mode":"replace","data":{"d":"5","e":null}}"#, ["d": "5"]),
      (#"{"mode":"remove","data":{"d":null}}"#, .object([])),
    ]
    for (body, result) in steps {
      #expect(try put(body).status == 200, "\(body)")
      #expect(try attributes() ?? .object([]) == result, "\(body)")
    }
    #expect(try device.status("POST", "configData", #"{"data":{"a":"1"}}"#) == 200)
  }

  @Test func `numbers, truths and nested values are kept as their text`() throws {
    let data = #"{"data":{"i":7,"f":1.50,"t":true,"o":{"k":[1,"x"]},"s":""}}"#
    #expect(try put(data).status == 200)
    #expect(
      try attributes() == [
        "f": "1.50", "i": "7", "o": #"{"k":[1,"x"]}"#, "s": "", "t": "true",
      ])
  }

  @Test func `members that clients add are passed over`() throws {
    let swupdate = """
      { "id": "", "time": "20261121T021026", "status": { "result": { "finished": "success" }, \
      "execution": "closed", "details" : [ "" ] }, "data" : { "sw_version": "1.0.0" } }
      """
    #expect(try put(swupdate).status == 200)
    #expect(try put(#"{"mode":"merge","data":{"VIN":"x"},"id":7,"new":{"a":[]}}"#).status == 200)
    #expect(try attributes() == ["VIN": "x", "sw_version": "1.0.0"])
  }

  @Test(arguments: [
    "", "{", "null", "[]", "7", "\"data\"", "{}", #"{"data":{}}"#, #"{"data":[]}"#,
    #"{"data":null}"#, #"{"data":"a"}"#, #"{"mode":"add","data":{"a":"1"}}"#,
    #"{"mode":"Merge","data":{"a":"1"}}"#, #"{"mode":5,"data":{"a":"1"}}"#,
    #"{"mode":[],"data":{"a":"1"}}"#, #"{"data":{"":"1"}}"#, #"{"data":{"a b":"1"}}"#,
    #"{"data":{"a\u0000":"1"}}"#, #"{"data":{"a":"x\u0000y"}}"#, #"{"data":{"a":"1"}} x"#,
    "{\"data\":{\"a\":\"x\u{0}y\"}}", #"{"data":{"a":"1"}"#,
  ])
  func `malformed attributes are refused with a reason and change nothing`(body: String) throws {
    #expect(try put(#"{"data":{"kept":"yes"}}"#).status == 200)
    let answer = try put(body)
    #expect(answer.status == 400)
    let message = try JSON.parse(answer.body)["message"]?.string
    #expect(message?.isEmpty == false)
    #expect(try attributes() == ["kept": "yes"])
  }

  @Test func `keys and values are taken up to their limits`() throws {
    func body(_ key: Int, _ value: Int) -> String {
      let key = String(repeating: "k", count: key)
      return #"{"data":{"\#(key)":"\#(String(repeating: "v", count: value))"}}"#
    }
    #expect(try put(body(128, 512)).status == 200)
    #expect(try put(body(129, 1)).status == 400)
    #expect(try put(body(1, 513)).status == 400)
    func many(_ range: Range<Int>) -> String {
      #"{"data":{\#(range.map { #""n\#($0)":"1""# }.joined(separator: ","))}}"#
    }
    #expect(try put(many(0..<99)).status == 200)
    let tooMany = try put(many(99..<100).replacing("n99", with: "last"))
    #expect(tooMany.status == 429)
    #expect(try JSON.parse(tooMany.body)["message"]?.string?.contains("101 attributes") == true)
    #expect(try attributes()?["last"] == nil)
    let swap = #"{"data":{"n0":null,"last":"1"}}"#
    #expect(try put(swap).status == 200)
    #expect(try attributes()?.members?.count == 100)
  }

  @Test func `raw control characters in values are taken`() throws {
    #expect(try put("{\"data\":{\"log\":\"one\ntwo\tthree\r\"}}").status == 200)
    #expect(try attributes() == ["log": "one\ntwo\tthree\r"])
  }
}
