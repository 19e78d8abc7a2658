# The gate that a new release passes before and after the switch, in three layers: its settings and its import, its health on
# its own socket, and the site through nginx. A layer that fails calls switch_refuse or switch_back. Reads the variables in the
# list of switch_release.
# Shared: code site_problem log_from preflight_pid looked seen deaths first_pid waiting

# gate_wait TEXT: step_wait, unless the user sees this text already: it would begin to count its seconds again.
gate_wait() {
  if [ "$1" != "${waiting:-}" ]; then step_wait "$1"; fi
  waiting=$1
}

# gate_probe INSTANCE [SECONDS [three]]: request the health check on the instance's own socket, once or three times, each over
# its own connection. $code: the status of the first answer that is not accepted, or of the last one. 0: healthy.
gate_probe() {
  local codes
  codes=$(curl -s --noproxy '*' -w '%{http_code} ' --max-time "${2:-$health_timeout}" --unix-socket "$run_dir/$1.sock" --fail-early \
    -H "Host: $health_host" -H "X-Forwarded-Proto: $scheme" -H "Connection: close" -o /dev/null "http://localhost$health" \
    ${3:+-o /dev/null "http://localhost$health" -o /dev/null "http://localhost$health"}) || :
  for code in ${codes:-000}; do gate_accepted "$code" || return 1; done
}

# gate_accepted STATUS: whether it is in a range of $health_ranges.
gate_accepted() {
  local range
  for range in $health_ranges; do
    if [ "$1" -ge "${range%-*}" ] && [ "$1" -le "${range#*-}" ]; then return 0; fi
  done
  return 1
}

# gate_log_begin: note where the log of this start begins. Earlier starts of the release wrote to the same file.
gate_log_begin() { log_from=$(stat -c %s "$log_dir/$new.log" 2>/dev/null) || log_from=0; }

# gate_log: print the log of this start.
gate_log() {
  if [ "$(stat -c %s "$log_dir/$new.log" 2>/dev/null || echo 0)" -lt "$log_from" ]; then log_from=0; fi
  tail -c "+$((log_from + 1))" -- "$log_dir/$new.log" 2>/dev/null || :
}

# gate_preflight: the first layer, in the background: the app's settings are complete, and its module can be imported and has an
# ASGI app. If the release starts at the same time, this import waits for a second. By then most releases have answered, and on
# one core two imports at once take twice as long.
gate_preflight() {
  local head_start line listener reader importer status waited
  head_start=1
  if switch_migrates || switch_stops_first; then head_start=0; fi
  (
    exec 3<&-
    mkfifo -- "$undo/preflight.pipe" "$undo/settings.pipe"
    { read -r line <"$undo/settings.pipe" && [ "$line" = complete ] && mkdir -- "$undo/settings"; } &
    listener=$!
    # Keep only the end of its output: /run is memory.
    tail -c 65536 <"$undo/preflight.pipe" >"$undo/preflight" &
    reader=$!
    # Not by user_run: a function's process is a shell between this one and timeout, which leads a process group.
    setpriv --reuid="$app" --regid="$(id -g "$app")" --init-groups --no-new-privs --bounding-set=-all -- timeout -k 5 "$import_timeout" \
      "$base/instances/$new/run" python -c "$preflight" "$module" "$settings" "$head_start" >"$undo/preflight.pipe" 2>&1 4>"$undo/settings.pipe" &
    importer=$!
    printf '%s\n' "$importer" >"$undo/importer"
    status=0
    wait "$importer" || status=$?
    # Processes that the app started during its import would keep running, and tail would wait for them.
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

# gate_settings: wait until the settings are known to be complete, or refuse the release. No code of the app runs before that.
gate_settings() {
  gate_wait "waiting for the check of the app's settings"
  while [ ! -e "$undo/settings" ] && [ ! -e "$undo/preflight.status" ] && kill -0 "$preflight_pid" 2>/dev/null; do sleep 0.02; done
  gate_preflight_ok
}

# gate_preflight_end: stop the first layer if it still runs.
gate_preflight_end() {
  local importer
  if [ ! -e "$undo/preflight.status" ] && { read -r importer <"$undo/importer"; } 2>/dev/null; then kill -s TERM "$importer" 2>/dev/null || :; fi
}

# gate_preflight_ok [wait]: refuse the release if the first layer has failed so far. wait: wait for its end first.
gate_preflight_ok() {
  local sentence
  if [ -n "${1:-}" ]; then
    gate_wait "waiting for the import of $module"
    wait
  fi
  [ -f "$undo/preflight.status" ] || return 0
  case $(cat "$undo/preflight.status") in
    0) return 0 ;;
    124 | 137) switch_refuse "The import of $module did not end within $import_timeout s. Move downloads and connections from the module to the app's lifespan" ;;
    *)
      hide_secrets <"$undo/preflight" >"$undo/preflight.shown"
      tail -n 40 "$undo/preflight.shown"
      sentence=$(grep -v '^[[:space:]]*$' "$undo/preflight.shown" | tail -n 1) || :
      switch_refuse "${sentence:-The import of $module ended the process (exit status $(cat "$undo/preflight.status")) without a message}"
      ;;
  esac
}

# gate_crashed: whether the new instance has ended, even if its process manager has started it again.
gate_crashed() {
  local pid
  if gate_log | appserver_ended "$new"; then return 0; fi
  manager_alive "$new" || return 0
  pid=$(manager_pid "$new")
  [ "$pid" -gt 0 ] || return 0
  if [ -z "$first_pid" ]; then first_pid=$pid; fi
  [ "$pid" != "$first_pid" ]
}

# gate_pass: the second layer: three healthy answers in a row on the new instance's socket.
gate_pass() {
  local attempt early bound patience stopped
  attempt=0
  early=0
  bound=
  looked=0
  seen=
  deaths=0
  first_pid=
  stopped="The new release exited while it started"
  gate_wait "waiting for the first worker"
  while :; do
    gate_bound
    patience=$health_timeout
    if [ ! -f "$undo/preflight.status" ] && [ "$early" -lt 40 ] && [ "${health_timeout%%.*}" -gt 1 ]; then patience=1; fi
    if gate_probe "$new" "$patience" three; then break; fi
    gate_preflight_ok
    if [ "$code" != 000 ]; then gate_wait "waiting for the health check: GET $health answered $code"; fi
    if [ -S "$run_dir/$new.sock" ]; then bound=1; fi
    if [ "$early" -lt 40 ] && { [ -z "$bound" ] || [ "$patience" = 1 ]; }; then
      # Until it listens and the first layer has ended, ask often and count no attempt: most apps are up within a second.
      # systemd listens from the beginning, so there a request waits in the socket.
      early=$((early + 1))
      sleep 0.05
      continue
    fi
    attempt=$((attempt + 1))
    gate_deaths
    # Asking the process manager costs more than asking the app.
    if [ $((attempt % 5)) -eq 0 ] || [ "$code" = 000 ]; then
      if gate_crashed; then gate_ended "$stopped"; fi
    fi
    if [ "$attempt" -ge "$health_attempts" ]; then gate_over; fi
    sleep "$health_interval"
  done
}

# gate_bound: wait until the new socket exists, at most two seconds. Testing the path costs less than a failed request.
gate_bound() {
  while [ -z "$bound" ] && [ "$looked" -lt 100 ] && [ ! -S "$run_dir/$new.sock" ]; do
    looked=$((looked + 1))
    sleep 0.02
    if [ $((looked % 10)) -eq 0 ]; then gate_preflight_ok; fi
  done
}

# gate_deaths: count workers that ended. An app server replaces each worker that ends, forever, without an error of its own.
gate_deaths() {
  local running pid
  running=$(manager_processes "$new")
  for pid in $seen; do
    case " $running" in *" $pid "*) ;; *) deaths=$((deaths + 1)) ;; esac
  done
  seen=$running
  [ "$deaths" -lt 3 ] || gate_ended "Worker processes of the new release exited $deaths times while it started"
}

# gate_ended SENTENCE: the new instance has ended. Refuse it with the most precise reason, else with this sentence.
gate_ended() {
  gate_preflight_ok wait
  if gate_log | appserver_app_failed "$new"; then switch_refuse "The app's start-up code (its lifespan) failed"; fi
  if manager_starved "$new"; then switch_refuse "The new release needs more memory than app.memory_max allows: the kernel killed its processes"; fi
  switch_refuse "$1"
}

# gate_over: the last attempt failed.
gate_over() {
  local attempts
  if gate_crashed; then gate_ended "$stopped"; fi
  attempts="$attempt attempt"
  [ "$attempt" -eq 1 ] || attempts=${attempts}s
  if [ "$code" != 000 ]; then
    switch_refuse "GET $health (Host: $health_host) on the new release answered $code in $attempts; accepted: $health_ranges. Correct app.health or app.health_status in hosts.toml, or the app"
  fi
  if [ ! -f "$undo/preflight.status" ]; then
    switch_refuse "The import of $module has not ended after $(($(date +%s) - began)) s, and GET $health got no answer in $attempts of $health_timeout s"
  fi
  switch_refuse "GET $health (Host: $health_host) on the new release got no answer within $health_timeout s, in $attempts. If the app starts slowly, raise app.health_attempts"
}

# gate_site: the third layer: through nginx the new release answers. The request has a name that nginx serves now: if the first
# domain was changed, a later step tells nginx. An app without a name is requested by its announced address; if it accepts only
# other names (app.health_host), any answer of the release counts. A site that a later step replaces is not asked: nginx has not
# loaded ours yet, so there is no stamp. $site_problem: the reason, if it fails.
gate_site() {
  local site name other answer code release url
  [ -e "$site_enabled" ] && stamp_exists "nginx-$app" && systemctl is-active -q nginx || return 0
  site=$site_enabled
  [ "$(request_scheme)" = http ] || site=$site_enabled-tls
  name=$(site_names "$site")
  name=${name%% *}
  other=
  case $name in '' | _ | '""')
    name=$site_host
    if [ "$health_host" != localhost ] && [ -n "$header" ]; then other=1; fi
    ;;
  esac
  url=$(request_scheme)://$name$health
  answer=$(request_site "$url")
  code=${answer%% *} release=${answer#* }
  if [ "$code" = 0 ]; then code=; fi
  site_problem="After the switch, nginx did not answer GET $url from the new release: it answered ${code:-nothing}${release:+ from release $release}. Run \`fab doctor\`, which checks the site"
  [ -n "$other" ] || gate_accepted "${code:-0}" || return 1
  if [ -n "$header" ] && [ "$release" != "$new" ]; then return 1; fi
  site_problem=$(request_lost "$url")
  [ -n "$site_problem" ] || return 0
  site_problem="$site_problem. $(request_remedy "$site_problem")"
  return 1
}

# gate_settle: after the switch the new release must stay healthy and keep all its processes for $settle seconds.
gate_settle() {
  local processes failures end answered
  workers_grown
  record_begin
  gate_wait "waiting until the new release has settled (app.settle: $settle s)"
  processes=$(manager_processes "$new")
  failures=0
  end=$(clock_uptime)
  end=$((end + settle_ms))
  while [ "$failures" -gt 0 ] || [ "$(clock_uptime)" -lt "$end" ]; do
    gate_settle_lost
    if gate_probe "$new"; then
      failures=0
    else
      failures=$((failures + 1))
      answered="answered $code"
      if [ "$code" = 000 ]; then answered="got no answer within $health_timeout s"; fi
      [ "$failures" -lt 2 ] || switch_back "GET $health (Host: $health_host) on the new release $answered, twice within $settle s after the switch"
    fi
    sleep 0.2
  done
}

# gate_settle_lost: all processes that ran at the switch must still run. There may be new ones.
gate_settle_lost() {
  local running pid
  running=" $(manager_processes "$new")"
  for pid in $processes; do
    case $running in *" $pid "*) ;; *) switch_back "Worker processes of the new release exited within $settle s after the switch" ;; esac
  done
}
