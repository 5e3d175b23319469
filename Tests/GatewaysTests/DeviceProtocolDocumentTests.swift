// DeviceProtocolDocumentTests: the description of the device protocol tells the truth.

import HTTPClient
import Testing
import UpdateModel

struct DeviceProtocolDocumentTests {
  private let fleet: DDIFleet
  private let device: NativeDevice
  private let document: JSON

  init() throws {
    fleet = try DDIFleet()
    device = try NativeDevice(fleet)
    let response = try device.send("GET", "/device/v1/openapi.json")
    #expect(response.status == 200 && response.header("Content-Type") == "application/json")
    document = try JSON.parse(response.body)
  }

  @Test func `every operation that is described is answered as described`() throws {
    #expect(document["openapi"] == "3.1.0")
    var operations = 0
    for path in try #require(document["paths"]?.members) {
      let target = path.key.replacing("{tenant}", with: "DEFAULT")
        .replacing("{device}", with: "d1").replacing("{command}", with: "1")
        .replacing("{artifact}", with: "1").replacing("{file}", with: "app.bin")
        .replacing("{name}", with: "boot.log")
      for operation in path.value.members ?? [] {
        operations += 1
        let hasBody = operation.value["requestBody"] != nil
        let response = try device.send(
          operation.key.uppercased(), target, hasBody ? "{}" : nil)
        let described = operation.value["responses"]?.members?.map(\.key) ?? []
        #expect(
          described.contains("\(response.status)"),
          "\(operation.key) \(path.key): \(response.status), described are \(described)")
        #expect(response.status != 405)
      }
    }
    #expect(operations >= 12)
  }

  @Test func `every reference leads somewhere`() throws {
    var references: [String] = []
    func walk(_ value: JSON) {
      switch value {
      case .object(let members):
        for member in members {
          if member.key == "$ref", let text = member.value.string { references.append(text) }
          walk(member.value)
        }
      case .array(let elements): for element in elements { walk(element) }
      case .null, .bool, .integer, .decimal, .string: break
      }
    }
    walk(document)
    #expect(references.count > 20)
    for reference in references {
      #expect(reference.hasPrefix("#/"))
      let found = document[path: reference.dropFirst(2).split(separator: "/").map(String.init)]
      #expect(found != nil, "\(reference)")
    }
  }
}
