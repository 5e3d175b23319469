// DDIDeploymentTests: instructions go to the device they are for, and to nobody else.

import HTTPClient
import Testing
import UpdateModel

struct DDIDeploymentTests {
  @Test func `instructions carry every digest and every link that some client needs`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try #require(try device.offer())
    let document = try device.get("deploymentBase/\(action)")
    #expect(document["id"]?.string == action)
    let deployment = try #require(document["deployment"])
    #expect(deployment["download"] == "forced" && deployment["update"] == "forced")
    #expect(deployment["maintenanceWindow"] == nil)
    let chunks = try #require(deployment["chunks"]?.array)
    #expect(chunks.count == 1)
    #expect(
      chunks[0]["part"] == "os" && chunks[0]["name"] == "app" && chunks[0]["version"] == "1.0")
    let artifacts = try #require(chunks[0]["artifacts"]?.array)
    let href = "\(device.link)/softwaremodules/1/artifacts/app.bin"
    let expected: JSON = [
      "filename": "app.bin",
      "hashes": [
        "sha1": "9bcf18e4b22c0710ed69d3e91fb8285b936cdea7",
        "md5": "74b5b5e9570efc5c0553bb327cd41940",
        "sha256": "c3bf47ea1f4a4a605470313cacb3a44f4a461f68c6faeab07e737610cb5ac835",
      ],
      "size": 8,
      "_links": [
        "download": ["href": .string(href)], "download-http": ["href": .string(href)],
        "md5sum": ["href": .string("\(href).MD5SUM")],
        "md5sum-http": ["href": .string("\(href).MD5SUM")],
      ],
    ]
    #expect(artifacts == [expected])
    let metadata = chunks[0]["metadata"]?.array ?? []
    #expect(metadata.map { $0["key"] } == ["release", "manifest", "signature", "keyid"])
    #expect(metadata.allSatisfy { $0["value"]?.string?.isEmpty == false })
  }

  @Test(arguments: [("os", "os"), ("application", "bApp"), ("runtime", "jvm"), ("fpga", "fpga")])
  func `components go by the names that clients know`(component: String, part: String) throws {
    let fleet = try DDIFleet(component: component)
    let device = try fleet.deviceInRollout()
    let action = try #require(try device.offer())
    let chunk = try device.get("deploymentBase/\(action)")["deployment"]?["chunks"]?.array?.first
    #expect(chunk?["part"]?.string == part)
  }

  @Test func `queries on the way back in are passed over`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let link = try #require(try device.poll())
    #expect(link.hasSuffix("?c=1"))
    let plain = try device.send("GET", String(link.dropLast(4)))
    for query in ["?c=1", "?c=-17", "?c=x", "?actionHistory=10", "?"] {
      let answer = try device.send("GET", link.dropLast(4) + query)
      #expect(answer.status == 200 && answer.body == plain.body)
    }
  }

  @Test func `only the device that was offered an action finds it`() throws {
    let fleet = try DDIFleet()
    let other = try fleet.device("d2")
    let device = try fleet.deviceInRollout()
    let action = try #require(try device.offer())
    let othersAction = try #require(try other.offer())
    let number = try #require(Int(action))
    let unknown = [
      othersAction, "\(number + 1000)", "0\(action)", "+\(action)", "-\(action)", " ", "0", "1",
      "10", "20", "text", "\(action)x", "\(action).0", "2147483648", "4294967295",
      "\(number + 4_294_967_296)", "18446744073709551616", "%27%20OR%201=1", "null",
      String(repeating: "9", count: 400), "\u{661}\u{661}",
    ]
    for id in unknown {
      let encoded = id.replacing(" ", with: "%20").replacing("\u{661}", with: "%D9%A1")
      #expect(try device.status("GET", "deploymentBase/\(encoded)") == 404, "\(id)")
      #expect(try device.status("GET", "cancelAction/\(encoded)") == 404, "\(id)")
      #expect(try device.report("closed", "success", encoded) == 404, "\(id)")
      #expect(try device.report("closed", "success", encoded, to: "cancelAction") == 404, "\(id)")
    }
    #expect(try fleet.standing() == "offered")
    #expect(try fleet.standing("d2") == "offered")
    #expect(try device.status("GET", "deploymentBase/") == 404)
  }

  @Test func `the first fetch starts the download and a repeated one changes nothing`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    #expect(try fleet.standing() == "none")
    let action = try #require(try device.offer())
    #expect(try fleet.standing() == "offered")
    #expect(try device.offer() == action)
    _ = try device.get("deploymentBase/\(action)")
    #expect(try fleet.standing() == "downloading")
    let before = try fleet.part()
    fleet.pass(.minutes(1))
    for _ in 0..<3 { _ = try device.get("deploymentBase/\(action)") }
    #expect(try fleet.part() == before)
  }

  @Test(arguments: [("closed", "failure"), ("closed", "success"), ("canceled", "none")])
  func `fetching a closed action finds nothing and changes nothing`(
    execution: String, finished: String
  ) throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    let image = try device.imagePath(action)
    #expect(try device.report(execution, finished, action) == 200)
    if finished == "success" {
      try device.describe(version: "1.0")
      #expect(try device.relations() == [])
    }
    let before = try fleet.part()
    fleet.clock.move(by: .minutes(1))
    for path in ["deploymentBase/\(action)", "cancelAction/\(action)", image, image + ".MD5SUM"] {
      #expect(try device.status("GET", path) == 404, "\(path)")
    }
    #expect(try fleet.part() == before)
  }

  @Test func `ids fit every client and are never used twice`() throws {
    let fleet = try DDIFleet()
    let devices = try (0..<40).map { try fleet.device("d\($0)") }
    try fleet.start()
    var seen: Set<Int> = []
    for round in 0..<2 {
      for device in devices {
        let text = try #require(try device.offer())
        let id = try #require(Int(text))
        #expect(id > 10 && id <= 2_147_483_647 && !id.isMultiple(of: 10) && String(id) == text)
        #expect(seen.insert(id).inserted)
        #expect(try device.report("closed", "failure", text) == 200)
        #expect(try device.offer() == nil)
      }
      fleet.pass(.minutes(6))
      #expect(seen.count == 40 * (round + 1))
    }
  }
}
