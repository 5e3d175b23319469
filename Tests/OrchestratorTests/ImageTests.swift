// ImageTests: what becomes of the bytes of images that are uploaded and deleted.

import Orchestrator
import Testing
import UpdateModel

@Suite struct ImageTests {
  // Compresses well, so that it has a zstd form.
  private static let bytes = [UInt8](repeating: 7, count: 100_000)

  @Test func `an image that is the packed form of another one outlives it`() throws {
    let shop = try Workshop()
    let plain = try shop.upload("os", "1", bytes: ImageTests.bytes)
    let form = try #require(plain.compressed)
    let path = try #require(shop.plane.artifact(plain.id, in: shop.room)?.compressedPath)
    let packed = try shop.upload("os", "1-zst", bytes: shop.contents(of: path))
    #expect(packed.sha256 == form.sha256)
    try shop.plane.deleteArtifact(plain.id, in: shop.room)
    #expect(try shop.plane.verifyArtifact(packed.id, in: shop.room).isGood)
  }

  @Test func `the bytes of a deleted image go unless another artifact has them`() throws {
    let shop = try Workshop()
    let first = try shop.upload("os", "1", bytes: ImageTests.bytes)
    let second = try shop.upload("os", "2", bytes: ImageTests.bytes)
    try shop.plane.deleteArtifact(first.id, in: shop.room)
    #expect(try shop.plane.verifyArtifact(second.id, in: shop.room).isGood)
    let path = try #require(shop.plane.artifact(second.id, in: shop.room)?.path)
    #expect(shop.contents(of: path) == ImageTests.bytes)
    try shop.plane.deleteArtifact(second.id, in: shop.room)
    #expect(shop.contents(of: path) == nil)
  }
}
