// DDIDownloadTests: images go out whole or in parts, to those who hold a lease for them.

import HTTPClient
import Testing
import UpdateModel

struct DDIDownloadTests {
  private let fleet: DDIFleet
  private let device: DDIDevice
  private let action: String
  private let path: String

  init() throws {
    fleet = try DDIFleet(image: String(repeating: "0123456789", count: 9000))
    device = try fleet.deviceInRollout()
    action = try device.take()
    path = try device.imagePath(action)
  }

  private func get(_ headers: [(name: String, value: String)] = []) throws -> HTTPResponse {
    try device.send("GET", path, headers: headers)
  }

  @Test func `an image arrives whole and described`() throws {
    let response = try get()
    #expect(response.status == 200 && response.text == fleet.image)
    #expect(response.header("Content-Type") == "application/octet-stream")
    #expect(response.header("Content-Length") == "90000")
    #expect(response.header("Accept-Ranges") == "bytes")
    #expect(response.header("Content-Disposition") == "attachment;filename=app.bin")
    #expect(response.header("X-Content-Type-Options") == "nosniff")
    #expect(response.header("Vary") == "Accept-Encoding")
    #expect(response.header("Last-Modified") != nil && response.header("Content-Encoding") == nil)
    let artifact = try fleet.desk.expect(200, "GET", "T/artifacts/1")
    #expect(response.header("ETag") == artifact["sha1"]?.string.map { "\"\($0)\"" })
    let sum = try device.send("GET", path + ".MD5SUM")
    #expect(sum.status == 200 && sum.text == "\(artifact["md5"]?.string ?? "")  app.bin")
    #expect(sum.header("Content-Type") == "text/plain")
  }

  @Test func `HEAD tells the length and sends nothing`() throws {
    let response = try device.send("HEAD", path)
    #expect(response.status == 200 && response.body.isEmpty)
    #expect(response.header("Content-Length") == "90000")
    #expect(response.header("Accept-Ranges") == "bytes")
    #expect(try fleet.standing() == "downloading")
  }

  @Test(arguments: [
    ("bytes=100-199", 100, 199), ("bytes=0-0", 0, 0), ("bytes=50000-", 50000, 89999),
    ("bytes=-5", 89995, 89999), ("bytes=89999-", 89999, 89999), ("bytes=10-999999", 10, 89999),
  ])
  func `a download goes on where it broke off`(range: String, first: Int, last: Int) throws {
    let response = try get([("Range", range)])
    #expect(response.status == 206)
    #expect(response.header("Content-Range") == "bytes \(first)-\(last)/90000")
    #expect(response.header("Content-Length") == "\(last - first + 1)")
    #expect(response.body == Array(fleet.image.utf8)[first...last].map { $0 })
  }

  @Test func `a range behind the end is refused with the length`() throws {
    for range in ["bytes=90000-", "bytes=90000-90001", "bytes=-0"] {
      let response = try get([("Range", range)])
      #expect(response.status == 416 && response.header("Content-Range") == "bytes */90000")
    }
    #expect(try get([("Range", "lines=1-2")]).status == 200)
    #expect(try get([("Range", "bytes=5-1")]).status == 200)
  }

  @Test func `several ranges arrive as parts, as delta updates need them`() throws {
    let response = try get([("Range", "bytes=0-3,10000-10006, -2")])
    #expect(response.status == 206)
    let type = try #require(response.header("Content-Type"))
    let boundary = try #require(type.split(separator: "boundary=").last)
    #expect(type.hasPrefix("multipart/byteranges;"))
    var expected = ""
    for (range, text) in [("0-3", "0123"), ("10000-10006", "0123456"), ("89998-89999", "89")] {
      expected +=
        "\r\n--\(boundary)\r\nContent-Type: application/octet-stream\r\n"
        + "Content-Range: bytes \(range)/90000\r\n\r\n\(text)"
    }
    #expect(response.text == expected + "\r\n--\(boundary)--\r\n")
  }

  @Test func `conditions are honoured`() throws {
    let tag = try #require(try get().header("ETag"))
    let date = try #require(try get().header("Last-Modified"))
    let part = ("Range", "bytes=0-4")
    #expect(try get([part, ("If-Range", tag)]).status == 206)
    #expect(try get([part, ("If-Range", date)]).status == 206)
    #expect(try get([part, ("If-Range", "\"other\"")]).status == 200)
    #expect(try get([("If-Match", tag)]).status == 200)
    #expect(try get([("If-Match", tag.replacing("\"", with: ""))]).status == 200)
    #expect(try get([("If-Match", "*")]).status == 200)
    #expect(try get([("If-Match", "\"a\", \(tag)")]).status == 200)
    let failed = try get([("If-Match", "\"a\", \"b\"")])
    #expect(failed.status == 412 && failed.body.count < 1000)
    #expect(try get([("If-None-Match", tag)]).status == 304)
  }

  @Test func `only those who ask for zstd get it, under a tag of its own`() throws {
    let artifact = try fleet.desk.expect(200, "GET", "T/artifacts/1")
    let size = try #require(artifact["compressedSize"]?.integer)
    for accept in ["zstd", "gzip, zstd;q=0.5", "ZSTD", "br;q=1 , zstd ; q=1.0"] {
      let response = try get([("Accept-Encoding", accept)])
      #expect(response.status == 200 && response.header("Content-Encoding") == "zstd", "\(accept)")
      #expect(
        response.body.count == Int(size) && response.body.starts(with: [0x28, 0xB5, 0x2F, 0xFD]))
      #expect(response.header("ETag") != artifact["sha1"]?.string.map { "\"\($0)\"" })
    }
    for accept in ["", "gzip", "*", "zstd;q=0", "zstd; q=0.000", "xzstd", "gzip, deflate, br"] {
      let response = try get([("Accept-Encoding", accept)])
      #expect(response.status == 200 && response.header("Content-Encoding") == nil, "\(accept)")
      #expect(response.text == fleet.image)
    }
    #expect(
      try device.send("HEAD", path, headers: [("Accept-Encoding", "zstd")])
        .header("Content-Length") == "\(size)")
  }

  @Test func `a resumed download stays in the form that it began with`() throws {
    let zstd = (name: "Accept-Encoding", value: "zstd")
    let packed = try get([zstd])
    let packedTag = try #require(packed.header("ETag"))
    let plainTag = try #require(try get().header("ETag"))
    let rest = (name: "Range", value: "bytes=7-")
    // A library that decodes by itself lets its caller count decoded bytes.
    let blind = try get([zstd, rest])
    #expect(blind.status == 206 && blind.header("Content-Encoding") == nil)
    #expect(blind.header("Content-Range") == "bytes 7-89999/90000")
    let named = try get([zstd, rest, ("If-Range", packedTag)])
    #expect(named.status == 206 && named.header("Content-Encoding") == "zstd")
    #expect(named.header("ETag") == packedTag && named.body == packed.body.dropFirst(7).map { $0 })
    let plain = try get([zstd, rest, ("If-Range", plainTag)])
    #expect(plain.status == 206 && plain.text == fleet.image.dropFirst(7))
    // Who no longer reads zstd starts again in plain.
    let changed = try get([rest, ("If-Range", packedTag)])
    #expect(changed.status == 200 && changed.text == fleet.image)
  }

  @Test func `images of others and wrong names are not found`() throws {
    _ = try fleet.desk.expect(
      201, "POST", "T/artifacts?name=tool&version=1&hardware=board-a&fileName=tool.bin", "other",
      type: "application/octet-stream")
    for rest in [
      "2/artifacts/tool.bin", "1/artifacts/tool.bin", "2/artifacts/app.bin", "1/artifacts/",
      "1/artifacts/app.bi", "1/artifacts/app.bin.MD5SUM.MD5SUM", "01/artifacts/app.bin",
      "+1/artifacts/app.bin", "1/artifacts/..%2F..%2Fkey", "1/artifacts/%2E%2E",
      "x/artifacts/app.bin", "99999999999/artifacts/app.bin", "1/other/app.bin",
    ] {
      #expect(try device.status("GET", "softwaremodules/\(rest)") == 404, "\(rest)")
    }
    let other = try fleet.device("d2")
    #expect(try other.status("GET", "softwaremodules/1/artifacts/app.bin") == 404)
    other.authorization = device.authorization
    #expect(try other.status("GET", path) == 200)
    #expect(try other.status("GET", "softwaremodules/1/artifacts/app.bin") == 401)
  }

  @Test func `an image that ends like a sum is served all the same`() throws {
    let fleet = try DDIFleet(fileName: "list.MD5SUM")
    let device = try fleet.deviceInRollout()
    let path = try device.imagePath(try device.take())
    #expect(try device.send("GET", path).text == fleet.image)
    #expect(
      try device.send("GET", path + ".MD5SUM").text
        == "74b5b5e9570efc5c0553bb327cd41940  list.MD5SUM")
  }

  @Test func `the last byte of the image starts the installation phase`() throws {
    _ = try get([("Range", "bytes=0-89998")])
    _ = try device.offer()
    #expect(try fleet.standing() == "downloading")
    _ = try get([("Range", "bytes=89999-")])
    // The next request of the same connection comes after the notice.
    #expect(try device.offer() == action)
    #expect(try fleet.standing() == "installing")
  }
}
