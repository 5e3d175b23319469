#!/bin/bash
# The console in headless Chromium while rollouts go on: a good one to its end, a bad one and back.
# Usage: Tests/Acceptance/console.sh   (GROUNDSWELL_SCREENSHOTS=DIR keeps pictures)
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
groundswell=${GROUNDSWELL:-$here/.build/release/groundswell}
[ "$(cat "$here"/Sources/Console/Assets/* | wc -c)" -lt 52000 ] \
  || { echo "console: the page has grown beyond 52 kB" >&2; exit 1; }
source "$here/Tests/Acceptance/server.sh"
start_server
fleet_pid=
stop_all() {
  [ -z "$fleet_pid" ] || kill "$fleet_pid" 2>/dev/null || true
  stop_server
}
trap stop_all EXIT

devices=60 hardware=qemu-riscv64
uboot=/usr/lib/u-boot opensbi=/usr/lib/riscv64-linux-gnu/opensbi/generic
release() { # VERSION UBOOT OPENSBI
  local id ids=() file
  for file in "$2" "$3"; do
    id=$("$groundswell" artifact upload "$file" --name "$(basename "$file" .bin)" --version "$1" \
      --hardware $hardware --component "$(basename "$file" .bin)" --json \
      | sed -n 's/^ *"id": *\([0-9]*\).*/\1/p' | head -1)
    ids+=(--artifact "$id")
  done
  "$groundswell" release create gateway "$1" "${ids[@]}" --publish >/dev/null
}
"$groundswell" tenant set DEFAULT --poll 1s >/dev/null
release 1.0.0 $uboot/qemu-riscv64/u-boot.bin $opensbi/fw_jump.bin
release 2.0.0 $uboot/qemu-riscv64_smode/u-boot.bin $opensbi/fw_dynamic.bin
release 3.0.0 $uboot/qemu-riscv64/u-boot.bin $opensbi/fw_dynamic.bin
key=$("$groundswell" key show --json | sed -n 's/.*"publicKey": *"\([0-9a-f]*\)".*/\1/p')

"$groundswell" simulate fleet --devices $devices --hardware $hardware --initial-version 1.0.0 \
  --poll 1s --group staging:6 --register --verify-key "$key" --seed 7 --duration 10m \
  --failure-rate 50% --failing-version 3.0.0 >"$work/fleet.log" 2>&1 &
fleet_pid=$!
for _ in $(seq 100); do
  known=$("$groundswell" device list --filter version=1.0.0 --json | grep -c '"createdAt"' || true)
  [ "$known" -eq $devices ] && break
  kill -0 $fleet_pid 2>/dev/null || { cat "$work/fleet.log" >&2; exit 1; }
  sleep 0.2
done
python3 "$here/Tests/Acceptance/accept_console.py" "$groundswell" $devices gateway:2.0.0 gateway:3.0.0
