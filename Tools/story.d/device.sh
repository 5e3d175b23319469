#!/bin/bash
# One device without hardware: a boot loader in a few lines, and the real agent as its system.
#
#   device.sh DIR AGENT
#
# DIR holds slot_a.img and slot_b.img, whose first lines say what an image is (version=1.0.0,
# boots=yes, healthy=yes), boot.record, agent.json, and reported.json for what the product reports.
# Ends when the agent does, unless the agent asks for a reboot (exit code 75).
set -uo pipefail
dir=$1 agent=$2
here=$(cd "$(dirname "$0")" && pwd)
record() { "$here/record.sh" "$dir" "$@"; }
value() { record get | sed -n "s/^$1=//p"; }
fact() { head -c 4096 "$dir/slot_$slot.img" | sed -n "s/^$1=//p" | head -1; }

while :; do
  cat /proc/sys/kernel/random/uuid >"$dir/boot-id"
  slot=$(value slot)
  if [ "$(value upgrade_available)" = 1 ]; then
    while [ -e "$dir/hold" ]; do sleep 0.2; done
    count=$(($(value bootcount) + 1))
    record set "bootcount=$count"
    if [ "$count" -gt "$(value bootlimit)" ]; then
      echo "boot loader: slot $slot did not come up, back to $(value previous)"
      record set "slot=$(value previous)" upgrade_available=0 bootcount=0 ustate=3
      continue
    fi
  fi
  echo "boot loader: starts slot $slot, version $(fact version)"
  [ "$(fact boots)" = yes ] || continue
  echo "$slot" >"$dir/running"
  fact version >"$dir/version"
  fact healthy >"$dir/healthy"
  "$here/report.sh" "$dir"
  "$agent" run --config "$dir/agent.json"
  code=$?
  [ $code = 75 ] || exit $code
done
