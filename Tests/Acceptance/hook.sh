#!/bin/bash
# What the acceptance drivers call: `stage` uploads and offers $ARTIFACT, `check` asks for $OUTCOME.
set -euo pipefail
release="accept-$DEVICE"
case $1 in
stage)
  id=$("$groundswell" artifact upload "$ARTIFACT" --name "$release" --version "$VERSION" \
    --hardware "$BOARD" --json | tr -d ' \n' | grep -o '{"id":[0-9]*' | tr -dc 0-9)
  "$groundswell" release create "$release" "$VERSION" --artifact "$id" --publish
  "$groundswell" rollout create "$release" --release "$release:$VERSION" --policy fast \
    --set canary.soak=1s --set retry.attempts=1 --set timeouts.verify=20s \
    --set timeouts.reboot=15s --set onAbort=stop --start
  ;;
check)
  wanted=succeeded; [ "$OUTCOME" = success ] || wanted=failed
  grep --quiet "\"standing\": \"$wanted\"" \
    <<<"$("$groundswell" rollout devices "$release" --json)" || {
    "$groundswell" rollout devices "$release"
    "$groundswell" device history "$DEVICE"
    exit 1
  }
  ;;
esac
