#!/bin/bash
# Starts an emulated board once: Debian's U-Boot under QEMU with two slots on a FAT disk.
#
#   boot.sh DIR
#
# DIR holds slot_a.img, slot_b.img (may be missing) and uboot.env, the boot record in U-Boot's own
# format (CRC-32 and name=value). They are put on the disk, the board runs until it switches itself
# off, and the record is taken back as the boot loader left it. Then these files are new:
#   console.log   all that the board said
#   running       the slot that came up, a or b
#   version       the version that came up
#   boot-id       another text at each start, as /proc/sys/kernel/random/boot_id is on a real one
# Debian's build counts no boots by itself, so uboot.env beside this script does, as its CONFIG_
# BOOTCOUNT_LIMIT would. `saveenv` and `go` do not work in this pair of programs; `fatwrite` and
# `booti` do.
set -euo pipefail
dir=$1
here=$(cd "$(dirname "$0")" && pwd)
disk=$dir/disk.img flash=$dir/flash.img

rm -f "$disk" "$flash" "$dir/running" "$dir/version"
truncate --size 64M "$disk" "$flash"
mformat -i "$disk" -F ::
for file in slot_a.img slot_b.img uboot.env; do
  [ ! -f "$dir/$file" ] || mcopy -i "$disk" "$dir/$file" "::$file"
done
mkenvimage -s 0x40000 -o "$dir/flash.env" "$here/uboot.env"
dd if="$dir/flash.env" of="$flash" conv=notrunc status=none

cat /proc/sys/kernel/random/uuid >"$dir/boot-id"
timeout 90 qemu-system-aarch64 -machine virt -cpu cortex-a57 -m 256 -nographic -monitor none \
  -bios /usr/lib/u-boot/qemu_arm64/u-boot.bin \
  -drive "if=pflash,format=raw,index=1,file=$flash" \
  -drive "if=none,id=d0,format=raw,file=$disk" -device virtio-blk-device,drive=d0 \
  </dev/null 2>&1 | tr -d '\r' >"$dir/console.log"

mcopy -o -i "$disk" ::uboot.env "$dir/uboot.env"
grep --text -E '^(BOOT|FIRMWARE|FALLBACK)' "$dir/console.log" || true
sed -n 's/^BOOT slot=\([ab]\).*/\1/p' "$dir/console.log" | tail -1 >"$dir/running"
sed -n 's/^FIRMWARE version=\([^ ]*\) HEALTHY.*/\1/p' "$dir/console.log" | tail -1 >"$dir/version"
[ -s "$dir/version" ] || { echo "boot.sh: nothing came up, see $dir/console.log" >&2; exit 1; }
