# Shared by Tools/story and Tools/board: a server for a show, and waiting with a limit.
# Source it in the project's directory.

pids=()

# start_show NAME KEEP CONFIGURATION: builds, and makes a working directory that goes when the script
# ends, unless KEEP is 1. The agent of a release is the small program that devices get.
start_show() {
  swift build -c "$3" --product groundswell
  groundswell=$PWD/.build/$3/groundswell
  if [ "$3" = release ]; then
    Tools/agent
    agent=$PWD/.build/agent/groundswell-agent
  else
    swift build -c "$3" --product groundswell-agent
    agent=$PWD/.build/$3/groundswell-agent
  fi
  work=$(mktemp -d "/tmp/groundswell-$1.XXXXXX")
  keep_work=$2
  mkdir "$work/policies"
  trap end_show EXIT
}

end_show() {
  local code=$?
  for pid in "${pids[@]}"; do
    pkill --parent "$pid" 2>/dev/null || true
    kill "$pid" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  if [ "$keep_work" = 1 ]; then echo "kept: $work"; else rm -rf "$work"; fi
  exit $code
}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# start_server: on a free port, with the policies of the working directory.
start_server() {
  "$groundswell" serve --data "$work/data" --policies "$work/policies" --listen 127.0.0.1:0 \
    >"$work/server.log" 2>&1 &
  pids+=($!)
  for _ in $(seq 100); do
    grep --quiet 'listens on' "$work/server.log" && break
    kill -0 "${pids[0]}" 2>/dev/null || { cat "$work/server.log" >&2; exit 1; }
    sleep 0.1
  done
  GROUNDSWELL_SERVER=$(sed -n 's/.*listens on \(http[^ ]*\).*/\1/p' "$work/server.log" | head -1)
  GROUNDSWELL_TOKEN=$(cat "$work/data/admin.token")
  export GROUNDSWELL_SERVER GROUNDSWELL_TOKEN
}

# wait_until SECONDS WHAT COMMAND: ends the script with what it waited for when it never came.
wait_until() {
  local end=$(($(date +%s) + $1))
  until eval "$3"; do
    if [ "$(date +%s)" -ge "$end" ]; then
      echo "gave up after $1 s waiting until $2" >&2
      tail -n 40 "$work"/*.log "$work"/*/agent.log >&2 2>/dev/null || true
      exit 1
    fi
    sleep 0.5
  done
  echo "- $2"
}

# rollout_is NAME STATUS
rollout_is() {
  grep --quiet "^  \"status\": \"$2\"" <<<"$("$groundswell" rollout show "$1" --json)"
}
