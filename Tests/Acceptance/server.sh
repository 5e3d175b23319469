# Sourced by the acceptance scripts: a fresh server on a free port, ended with the script.

work=$(mktemp -d /tmp/groundswell-accept.XXXXXX)
server_pid=
stop_server() {
  [ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap stop_server EXIT

# Starts the server with a fresh data directory and sets GROUNDSWELL_SERVER and _TOKEN.
start_server() {
  "$groundswell" serve --data "$work/data" --listen 127.0.0.1:0 --policies "$here/Policies" \
    >"$work/server.log" 2>&1 &
  server_pid=$!
  for _ in $(seq 100); do
    grep -q 'listens on' "$work/server.log" && break
    kill -0 "$server_pid" 2>/dev/null || { cat "$work/server.log" >&2; exit 1; }
    sleep 0.1
  done
  GROUNDSWELL_SERVER=$(sed -n 's/.*listens on \(http[^ ]*\).*/\1/p' "$work/server.log" | head -1)
  GROUNDSWELL_TOKEN=$(cat "$work/data/admin.token")
  export GROUNDSWELL_SERVER GROUNDSWELL_TOKEN
}
