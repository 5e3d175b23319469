#!/bin/bash
# Writes what a story's device reports: its version, and its battery and use as DIR/battery and
# DIR/in-use say.
#
#   report.sh DIR
set -euo pipefail
dir=$1
printf '{"version": "%s", "battery": {"percent": %s, "charging": false}, "inUse": %s}\n' \
  "$(cat "$dir/version")" "$(cat "$dir/battery")" "$(cat "$dir/in-use")" >"$dir/reported.new"
mv "$dir/reported.new" "$dir/reported.json"
