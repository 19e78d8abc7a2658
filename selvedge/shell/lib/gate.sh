# The gate that a new release passes before and after the switch, in three layers. Reads what live.sh reads; a layer that
# finds something calls switch_refuse or live_back.

# gate_probe INSTANCE [three]: a health check of an instance's own socket, or three in a row over connections of their own; the
# status of the first answer that is not healthy, or of the last one, in $code. 0: healthy.
gate_probe() {
  codes=$(curl -s --noproxy '*' -w '%{http_code} ' --max-time "${patience:-$health_timeout}" --unix-socket "$run_dir/$1.sock" --fail-early \
    -H "Host: $health_host" -H "X-Forwarded-Proto: $scheme" -H "Connection: close" -o /dev/null "http://localhost$health" \
    ${2:+-o /dev/null "http://localhost$health" -o /dev/null "http://localhost$health"}) || :
  for code in ${codes:-000}; do gate_accepted "$code" || return 1; done
}

gate_accepted() {
  for range in $health_ranges; do
    if [ "$1" -ge "${range%-*}" ] && [ "$1" -le "${range#*-}" ]; then return 0; fi
  done
  return 1
}

# The log of this start of the new release: an earlier start of the same one may have written to the same file.
gate_log_begin() { log_from=$(stat -c %s "$log_dir/$new.log" 2>/dev/null) || log_from=0; }

gate_log() {
  if [ "$(stat -c %s "$log_dir/$new.log" 2>/dev/null || echo 0)" -lt "$log_from" ]; then log_from=0; fi
  tail -c "+$((log_from + 1))" -- "$log_dir/$new.log" 2>/dev/null || :
}

# The first layer: the app's settings are complete in its new environment, its module imports, and names an ASGI app. What
# follows the settings runs beside the start, unless something has to wait for it; a second later, since most releases have
# shown by then that they import, and on one core two imports would take twice as long.
gate_preflight() {
  head_start=1
  if switch_migrates || switch_stops_first; then head_start=0; fi
  (
    exec 3<&-
    mkfifo -- "$undo/preflight.pipe" "$undo/settings.pipe"
    { read -r line <"$undo/settings.pipe" && [ "$line" = complete ] && mkdir -- "$undo/settings"; } &
    listener=$!
    # The end of what it says, however much that is: /run is memory.
    tail -c 65536 <"$undo/preflight.pipe" >"$undo/preflight" &
    reader=$!
    # Not by `as`, a function: its process would be a shell between this one and timeout, which leads a group.
    setpriv --reuid="$app" --regid="$(id -g "$app")" --init-groups --no-new-privs --bounding-set=-all -- timeout -k 5 "$import_timeout" \
      "$base/instances/$new/run" python -c "$preflight" "$module" "$settings" "$head_start" >"$undo/preflight.pipe" 2>&1 4>"$undo/settings.pipe" &
    importer=$!
    printf '%s\n' "$importer" >"$undo/importer"
    status=0
    wait "$importer" || status=$?
    # What the app has started at its import would go on, and tail would wait for it.
    kill -s KILL -- "-$importer" "$listener" 2>/dev/null || :
    waited=0
    while kill -0 "$reader" 2>/dev/null && [ "$waited" -lt 50 ]; do
      waited=$((waited + 1))
      sleep 0.02
    done
    printf '%s\n' "$status" >"$undo/preflight.status.new"
    mv -f -- "$undo/preflight.status.new" "$undo/preflight.status"
  ) &
  preflight_pid=$!
}

# Refuses the release where its settings are not complete: nothing of the app has been started then.
gate_settings() {
  while [ ! -e "$undo/settings" ] && [ ! -e "$undo/preflight.status" ] && kill -0 "$preflight_pid" 2>/dev/null; do sleep 0.02; done
  gate_preflight_ok
}

# Nobody waits for its answer any more.
gate_preflight_end() {
  if [ ! -e "$undo/preflight.status" ] && { read -r importer <"$undo/importer"; } 2>/dev/null; then kill -s TERM "$importer" 2>/dev/null || :; fi
}

# gate_preflight_ok [wait]: refuses the release where the first layer has found something.
gate_preflight_ok() {
  if [ -n "${1:-}" ]; then wait; fi
  [ -f "$undo/preflight.status" ] || return 0
  case $(cat "$undo/preflight.status") in
    0) return 0 ;;
    124 | 137) switch_refuse "importing $module did not end within $import_timeout seconds" ;;
    *)
      hide_secrets <"$undo/preflight" >"$undo/preflight.shown"
      tail -n 40 "$undo/preflight.shown"
      sentence=$(grep -v '^[[:space:]]*$' "$undo/preflight.shown" | tail -n 1) || :
      switch_refuse "${sentence:-importing $module ended the process (exit status $(cat "$undo/preflight.status")) without a word}"
      ;;
  esac
}

# Whether the new instance has ended by itself, even if its manager has started it again by now.
gate_crashed() {
  if gate_log | grep -q -e 'Shutting down: Master' -e 'Worker failed to boot'; then return 0; fi
  manager_alive "$new" || return 0
  pid=$(manager_pid "$new")
  [ "$pid" -gt 0 ] || return 0
  if [ -z "${first_pid:-}" ]; then first_pid=$pid; fi
  [ "$pid" != "$first_pid" ]
}

# The second layer: three healthy answers in a row on the new socket.
gate_pass() {
  attempt=0
  early=0
  looked=0
  bound=
  first_pid=
  seen=
  deaths=0
  stopped="the new release stopped by itself while it started"
  while :; do
    gate_bound
    patience=$health_timeout
    if [ ! -f "$undo/preflight.status" ] && [ "$early" -lt 40 ] && [ "${health_timeout%%.*}" -gt 1 ]; then patience=1; fi
    if gate_probe "$new" three; then break; fi
    gate_preflight_ok
    if [ -S "$run_dir/$new.sock" ]; then bound=1; fi
    if [ "$early" -lt 40 ] && { [ -z "$bound" ] || [ "$patience" = 1 ]; }; then
      # Until it listens, and until the first layer has had its say, it is asked often, and that does not count: most
      # apps are up within a second. systemd listens from the beginning, and the question waits in its socket.
      early=$((early + 1))
      sleep 0.05
      continue
    fi
    attempt=$((attempt + 1))
    gate_deaths
    # Asking the manager costs more than asking the app.
    if [ $((attempt % 5)) -eq 0 ] || [ "$code" = 000 ]; then
      if gate_crashed; then gate_ended "$stopped"; fi
    fi
    if [ "$attempt" -ge "$health_attempts" ]; then gate_over; fi
    sleep "$health_interval"
  done
  patience=
}

# Until the new release listens, a look at the path tells as much as a question that is refused, and costs nothing.
gate_bound() {
  while [ -z "$bound" ] && [ "$looked" -lt 100 ] && [ ! -S "$run_dir/$new.sock" ]; do
    looked=$((looked + 1))
    sleep 0.02
    if [ $((looked % 10)) -eq 0 ]; then gate_preflight_ok; fi
  done
}

# gunicorn starts another worker for one that ends, for ever, and itself goes on as if nothing was.
gate_deaths() {
  running=$(manager_processes "$new")
  for pid in $seen; do
    case " $running" in *" $pid "*) ;; *) deaths=$((deaths + 1)) ;; esac
  done
  seen=$running
  [ "$deaths" -lt 3 ] || gate_ended "worker processes of the new release ended $deaths times while it started"
}

# gate_ended SENTENCE: it ended; what is known of the reason comes first.
gate_ended() {
  gate_preflight_ok wait
  if gate_log | grep -q 'Application startup failed'; then switch_refuse "the app's own start-up code (its lifespan) failed"; fi
  if systemd_starved "$new"; then switch_refuse "the new release needs more memory than app.memory_max allows: the kernel ended processes of it"; fi
  switch_refuse "$1"
}

gate_over() {
  if gate_crashed; then gate_ended "$stopped"; fi
  attempts="$attempt attempt"
  [ "$attempt" -eq 1 ] || attempts=${attempts}s
  if [ "$code" != 000 ]; then
    switch_refuse "GET $health (Host: $health_host) on the new release answered $code in $attempts; accepted: $health_ranges"
  fi
  if [ ! -f "$undo/preflight.status" ]; then
    switch_refuse "importing $module has not ended after $(($(date +%s) - began)) s, and nothing answered GET $health in $attempts of $health_timeout s"
  fi
  switch_refuse "no answer to GET $health (Host: $health_host) on the new release's socket within $health_timeout s, in $attempts"
}

# The third layer: the site answers through nginx, with the new release. By a name that nginx has for it now: a first domain
# that was changed comes with the step behind this one. The question in $url, what came in $code and $site_release.
gate_site() {
  [ -e "$site_enabled" ] && systemctl is-active -q nginx || return 0
  if [ -e "$site_enabled-tls" ]; then file=$site_enabled-tls url=https://; else file=$site_enabled url=http://; fi
  site_name=$(sed -n 's/^ *server_name  *\([^ ;]*\).*/\1/p' "$file" | head -n 1)
  case $site_name in '' | _ | '""') site_name=$health_host ;; esac
  url=$url$site_name$health
  answer=$(curl -s --noproxy '*' -k -o /dev/null -D - --max-time "$health_timeout" \
    --connect-to "::127.0.0.1:" -- "$url" 2>/dev/null | tr -d '\r') || answer=
  code=$(printf '%s\n' "$answer" | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p')
  site_release=$(printf '%s\n' "$answer" | sed -n 's/^[Xx]-[Rr]elease: / from release /p')
  gate_accepted "${code:-0}" || return 1
  [ -z "$header" ] || [ "$site_release" = " from release $new" ]
}

# gate_settle_lost WHEN: all processes that were started must still be there; more may come.
gate_settle_lost() {
  running=" $(manager_processes "$new")"
  for pid in $processes; do
    case $running in *" $pid "*) ;; *) switch_back "worker processes of the new release died within $1" ;; esac
  done
}

# After the switch the new release must stay as it is for a while; the old one stands by until then.
gate_settle() {
  failures=0
  workers_grown
  end=$(($(switch_clock) + settle_ms))
  while [ "$failures" -gt 0 ] || [ "$(switch_clock)" -lt "$end" ]; do
    gate_settle_lost "$settle s after the switch"
    if gate_probe "$new"; then
      failures=0
    else
      failures=$((failures + 1))
      answered="answered $code"
      if [ "$code" = 000 ]; then answered="gave no answer in $health_timeout s"; fi
      [ "$failures" -lt 2 ] || switch_back "GET $health (Host: $health_host) on the new release $answered, twice, within $settle s after the switch"
    fi
    sleep 0.2
  done
}
