#!/bin/bash
# Debian's SWUpdate against our server: a good update, a failed self-test, a stranger's signature.
# Usage: Tests/Acceptance/swupdate.sh [success|rollback|badsig ...]   (root: mount namespaces)
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
groundswell=${GROUNDSWELL:-$here/.build/release/groundswell}
source "$here/Tests/Acceptance/server.sh"
start_server
"$groundswell" tenant set DEFAULT --poll 2s >/dev/null
export HOOK_WORK=$work groundswell here

outcomes=("$@"); [ ${#outcomes[@]} -gt 0 ] || outcomes=(success rollback badsig)
for outcome in "${outcomes[@]}"; do
  device=swupdate-$outcome token=token-of-swupdate-$outcome
  "$groundswell" device add "$device" --hardware "board-$outcome" --token "$token" >/dev/null
  "$groundswell" group create staging >/dev/null 2>&1 || true
  "$groundswell" group add staging "$device" >/dev/null
  python3 "$here/Tests/Acceptance/accept_swupdate.py" --base-url "$GROUNDSWELL_SERVER" \
    --device "$device" --token "$token" --outcome "$outcome" --board "board-$outcome" \
    --stage-cmd "$here/Tests/Acceptance/hook.sh stage" \
    --check-cmd "$here/Tests/Acceptance/hook.sh check"
done
