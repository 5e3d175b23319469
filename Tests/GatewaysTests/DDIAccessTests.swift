// DDIAccessTests: who may speak for a device, and which requests are none.

import HTTPClient
import Testing
import UpdateModel

struct DDIAccessTests {
  @Test func `wrong credentials get 401 without a body, everywhere`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let other = try fleet.device("d2")
    let action = try device.take()
    let image = try device.imagePath(action)
    let right = try #require(device.authorization)
    let token = try #require(right.split(separator: " ").last)
    let refused: [String?] = [
      nil, "", "TargetToken", "TargetToken ", "TargetToken wrong", "GatewayToken \(token)",
      "Bearer \(token)", "Bearer \(fleet.service.token)", other.authorization, "\(token)",
      "TargetToken \(token)x", "TargetToken \(token.dropLast())",
    ]
    for value in refused {
      device.authorization = value
      for (method, path) in [
        ("GET", ""), ("GET", "deploymentBase/\(action)"), ("GET", "cancelAction/\(action)"),
        ("PUT", "configData"), ("POST", "deploymentBase/\(action)/feedback"), ("GET", image),
        ("GET", "nothing"),
      ] {
        let response = try device.send(method, path, method == "GET" ? nil : "{}")
        #expect(response.status == 401 && response.body.isEmpty, "\(value ?? "none") \(path)")
        #expect(response.header("WWW-Authenticate") == "TargetToken")
      }
    }
    device.authorization = right.replacing("TargetToken", with: "targettoken")
    #expect(try device.status("GET", "") == 200)
  }

  @Test func `unknown tenants and devices find nothing`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.device()
    for tenant in ["nobody", "default", "..", "%44EFAULT", "a%20b"] {
      #expect(try device.status("GET", "/\(tenant)/controller/v1/d1") == 404)
    }
    for path in ["/DEFAULT/controller/v1", "/DEFAULT/controller/v1/", "/DEFAULT/controller/v2/d1"] {
      #expect(try device.status("GET", path) == 404, "\(path)")
    }
    // A device of the same name in another tenant is another device.
    #expect(try device.status("GET", "/other/controller/v1/d1") == 401)
    #expect(try device.status("GET", "/DEFAULT/controller/v1/d2") == 401)
    for path in [
      "nothing", "configData/1", "deploymentBase", "deploymentBase/11/x", "/",
      "softwaremodules/1/artifacts",
    ] {
      #expect(try device.status("GET", path == "/" ? "\(device.base)//" : path) == 404, "\(path)")
    }
  }

  @Test func `a stranger is registered at first contact only where that is allowed`() throws {
    let fleet = try DDIFleet()
    let stranger = try DDIDevice(fleet.service, "new", token: "token-of-the-device")
    #expect(try stranger.status("GET", "") == 401)
    _ = try fleet.desk.expect(404, "GET", "T/devices/new")
    _ = try fleet.desk.expect(
      200, "PATCH", "/api/v1/tenants/DEFAULT", #"{"registerOnFirstContact":true}"#)
    stranger.authorization = nil
    #expect(try stranger.status("GET", "") == 401)
    stranger.authorization = "GatewayToken token-of-the-device"
    #expect(try stranger.status("GET", "") == 401)
    // Only a poll is a first contact.
    stranger.authorization = "TargetToken token-of-the-device"
    #expect(try stranger.status("PUT", "configData", #"{"data":{"a":"b"}}"#) == 401)
    #expect(try stranger.relations() == ["configData"])
    _ = try fleet.desk.expect(200, "GET", "T/devices/new")

    let thief = try DDIDevice(fleet.service, "new", token: "another-token")
    #expect(try thief.status("GET", "") == 401)
    #expect(try stranger.status("GET", "") == 200)
    for id in ["a%20b", "a%09b", "%00", "a%2Fb", String(repeating: "x", count: 257), "a%0D"] {
      let malformed = try DDIDevice(fleet.service, id, token: "token-of-the-device")
      #expect(try malformed.status("GET", "") == 401, "\(id)")
    }
    let longest = String(repeating: "x", count: 256)
    #expect(try DDIDevice(fleet.service, longest, token: "token").status("GET", "") == 200)
    _ = try fleet.desk.expect(
      200, "PATCH", "/api/v1/tenants/DEFAULT", #"{"registerOnFirstContact":false}"#)
    #expect(try stranger.status("GET", "") == 200)
    #expect(try DDIDevice(fleet.service, "late", token: "token").status("GET", "") == 401)
  }

  @Test func `a stranger that names its hardware takes part in a rollout`() throws {
    let fleet = try DDIFleet()
    _ = try fleet.device("d0")
    _ = try fleet.desk.expect(
      200, "PATCH", "/api/v1/tenants/DEFAULT", #"{"registerOnFirstContact":true}"#)
    try fleet.start()
    let stranger = try DDIDevice(fleet.service, "new", token: "token-of-the-device")
    #expect(try stranger.relations() == ["configData"])
    let data = #"{"data":{"hw_boardname":"board-a","sw_version":"0.9"}}"#
    #expect(try stranger.status("PUT", "configData", data) == 200)
    #expect(try stranger.relations() == ["deploymentBase"])
  }

  @Test func `a device of other hardware is offered nothing`() throws {
    let fleet = try DDIFleet()
    _ = try fleet.device("d0")
    let answer = try fleet.desk.expect(
      201, "POST", "T/devices", #"{"id":"b1","hardware":"board-b"}"#)
    try fleet.start()
    let device = try DDIDevice(fleet.service, "b1", token: answer["token"]?.string)
    #expect(try device.relations() == ["configData"])
    // What an operator registered stands.
    let data = #"{"data":{"hardware":"board-a"}}"#
    #expect(try device.status("PUT", "configData", data) == 200)
    #expect(try device.relations() == [])
  }

  @Test func `methods that a resource does not have are refused by name`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    let image = try device.imagePath(action)
    let table: [(path: String, allowed: [String])] = [
      ("", ["GET", "HEAD"]), ("configData", ["PUT", "POST"]),
      ("deploymentBase/\(action)", ["GET"]), ("deploymentBase/\(action)/feedback", ["POST"]),
      ("cancelAction/\(action)", ["GET"]), ("cancelAction/\(action)/feedback", ["POST"]),
      (image, ["GET", "HEAD"]), (image + ".MD5SUM", ["GET", "HEAD"]),
    ]
    for (path, allowed) in table {
      for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
      where !allowed.contains(method) {
        let response = try device.send(method, path)
        #expect(response.status == 405, "\(method) \(path)")
        #expect(response.header("Allow") == allowed.joined(separator: ", "))
      }
    }
  }

  @Test func `a body beyond the limit is refused before it is read`() throws {
    let fleet = try DDIFleet()
    let device = try fleet.deviceInRollout()
    let action = try device.take()
    let limit = 256 * 1024
    for path in ["configData", "deploymentBase/\(action)/feedback"] {
      let socket = try RawSocket(port: fleet.service.port)
      socket.send(
        "\(path == "configData" ? "PUT" : "POST") \(device.base)/\(path) HTTP/1.1\r\nHost: x\r\n"
          + "Authorization: \(device.authorization ?? "")\r\nContent-Length: \(limit + 1)\r\n\r\n")
      #expect(socket.readSome().hasPrefix("HTTP/1.1 413 "))
    }
    let feedback = DDIDevice.feedback("proceeding", "none")
    let padded = feedback + String(repeating: " ", count: limit - feedback.utf8.count)
    #expect(try device.status("POST", "deploymentBase/\(action)/feedback", padded) == 200)
  }
}
