// The environment of U-Boot: format, checksum, and which of two copies counts.

import Testing

@testable import DeviceAgent

struct UBootEnvironmentTests {
  @Test func `the checksum is that of zlib`() {
    #expect(CRC32.value(of: Array("123456789".utf8)) == 0xCBF4_3926)
    #expect(CRC32.value(of: []) == 0)
  }
}
