#!/usr/bin/env python3
# Writes a firmware image for QEMU's arm64 "virt" board: it prints its version and ends the board's
# run; a bad one resets the board before it has come up.
#
#   firmware.py FILE VERSION [--bad]
#
# The header is that of an arm64 kernel image (Documentation/arch/arm64/booting.rst), which U-Boot's
# booti wants. The code prints to the PL011 at 0x09000000 and calls PSCI (Arm DEN 0022): SYSTEM_OFF,
# or SYSTEM_RESET when it is bad.
import struct
import sys

UART = 0x09000000
SYSTEM_OFF, SYSTEM_RESET = 0x0008, 0x0009


def image(version, bad):
    state = "CRASHING" if bad else "HEALTHY"
    text = f"FIRMWARE version={version} {state}\r\n".encode() + b"\0"
    text += bytes(-len(text) % 4)
    function = SYSTEM_RESET if bad else SYSTEM_OFF
    loop = [
        0xD2A00001 | (UART >> 16) << 5,  # movz x1, #UART >> 16, lsl #16
        None,  # adr x3, text
        0x38401462,  # next: ldrb w2, [x3], #1
        None,  # cbz w2, end
        0x39000022,  # strb w2, [x1]
        0x17FFFFFD,  # b next
    ]
    end = [
        0x52B08000,  # movz w0, #0x8400, lsl #16
        0x72800000 | function << 5,  # movk w0, #function
        0xD4000002,  # hvc #0
        0x14000000,  # b .
    ]
    distance = 4 * (len(loop) + len(end)) - 4
    loop[1] = 0x10000003 | (distance & 3) << 29 | (distance >> 2) << 5
    loop[3] = 0x34000002 | (len(loop) - 3) << 5
    code = b"".join(struct.pack("<I", word) for word in loop + end) + text
    header = struct.pack(
        "<IIQQQQQQ4sI",
        0x14000010,  # b to the code behind the header
        0, 0x80000, 0x10000, 0xA, 0, 0, 0, b"ARM\x64", 0)
    return header + code


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or sys.argv[3:] not in ([], ["--bad"]):
        sys.exit("usage: firmware.py FILE VERSION [--bad]")
    with open(sys.argv[1], "wb") as file:
        file.write(image(sys.argv[2], bool(sys.argv[3:])))
