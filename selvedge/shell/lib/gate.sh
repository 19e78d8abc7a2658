# The gate that a new release passes before and after the switch: its health on its own socket, and the site through nginx. A
# check that fails calls switch_refuse or switch_back. Reads the variables in the list of switch_release.
# Shared: code site_problem site_answer ready log_from log_since looked seen deaths first_pid waiting attempt early settled before stage heard crashes

# gate_wait TEXT: step_wait, unless the user sees this text already: it would begin to count its seconds again.
gate_wait() {
  if [ "$1" != "${waiting:-}" ]; then step_wait "$1"; fi
  waiting=$1
}

# gate_request INSTANCE SECONDS PATH [ARGUMENT…]: request a path on the instance's own socket, with more arguments of curl.
gate_request() {
  local instance seconds path
  instance=$1 seconds=$2 path=$3
  shift 3
  curl -s --noproxy '*' --max-time "$seconds" --unix-socket "$run_dir/$instance.sock" \
    -H "Host: $health_host" -H "X-Forwarded-Proto: $scheme" -H "Connection: close" "$@" "http://localhost$path"
}

# gate_probe INSTANCE [SECONDS [three]]: request the health check on the instance's own socket, once or three times, each over
# its own connection. $code: the status of the first answer that is not accepted, or of the last one, 000 without one. $heard: yes
# after any answer. 0: healthy.
gate_probe() {
  local codes
  codes=$(gate_request "$1" "${2:-$health_timeout}" "$health" -w '%{http_code} ' --fail-early -o /dev/null \
    ${3:+-o /dev/null "http://localhost$health" -o /dev/null "http://localhost$health"}) || :
  for code in ${codes:-000}; do
    [ "$code" = 000 ] || heard=yes
    gate_accepted "$code" || return 1
  done
}

# gate_accepted STATUS: whether it is in a range of $health_ranges.
gate_accepted() {
  local range
  for range in $health_ranges; do
    if [ "$1" -ge "${range%-*}" ] && [ "$1" -le "${range#*-}" ]; then return 0; fi
  done
  return 1
}

# gate_log_begin: note where the log of this start begins, and when. Earlier starts of the release wrote to the same log.
gate_log_begin() {
  log_from=$(output_end "$new")
  # shellcheck disable=SC2034 # for systemd_starved
  log_since=@$(date +%s)
}

# gate_log: print the log of this start.
gate_log() { output_from "$new" "$log_from"; }

# gate_log_whole: the same, with the last lines of a process that has ended.
gate_log_whole() {
  output_complete "$new"
  gate_log
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

# gate_pass: the first layer: three healthy answers in a row on the new instance's socket. $crashes: the workers that have crashed
# until then. None may crash later, not even while the other workers start, which can take longer than $settle (settle_crashed).
gate_pass() {
  local bound
  attempt=0 early=0 settled=0 looked=0 deaths=0
  before='' bound='' seen='' first_pid='' ready='' heard=''
  step_gate start
  gate_wait "waiting for the import of $module"
  while :; do
    gate_bound
    # By its log: import, lifespan, ready or ended.
    stage=$(gate_log | appserver_stage "$new")
    if gate_probe "$new" "$(gate_patience)" three; then break; fi
    if [ "$stage" = ended ]; then gate_ended "The new release exited while it started"; fi
    gate_shown
    workers_early
    if [ -S "$run_dir/$new.sock" ]; then bound=1; fi
    if [ "$code" = 000 ] && [ "$stage" != ready ] && [ "$early" -lt 40 ]; then
      # Most apps are up within a second, so ask often. systemd listens from the beginning: there a request waits in the socket.
      early=$((early + 1))
      gate_late
      [ $((early % 10)) -ne 0 ] || gate_deaths
      sleep 0.05
      continue
    fi
    gate_settled
    gate_deaths
    # Asking the process manager costs more than asking the app.
    if [ $((looked % 5)) -eq 0 ] || [ "$code" = 000 ]; then
      if gate_crashed; then gate_ended "The new release exited while it started"; fi
    fi
    gate_over
    looked=$((looked + 1))
    sleep "$health_interval"
  done
  # shellcheck disable=SC2034 # for settle_crashed
  crashes=$(gate_log | appserver_crashes "$new")
  gate_ready
}

# gate_ready: the app has started, which is the end of that layer of the gate; its health is the next one.
gate_ready() {
  [ -z "$ready" ] || return 0
  ready=yes
  step_gate start "$module was imported, and the app started"
  step_gate health
}

# gate_patience: print the seconds to wait for an answer. Until the app has started, a request would wait in its socket, and the
# end of a process would be seen late. The first answer must come before the time for the start has passed.
gate_patience() {
  local left
  if [ "$early" -lt 40 ] && [ "${health_timeout%%.*}" -gt 1 ] && [ "$stage" != ready ]; then
    echo 1
    return 0
  fi
  left=$((start_timeout - $(gate_elapsed)))
  if [ -n "$heard" ] || [ "${health_timeout%%.*}" -lt "$left" ]; then
    echo "$health_timeout"
  elif [ "$left" -gt 1 ]; then
    echo "$left"
  else
    echo 1
  fi
}

# gate_elapsed: print the whole seconds since the start.
gate_elapsed() { echo $((($(clock_uptime) - asked) / 1000)); }

# gate_shown: tell the user what the new release is doing.
gate_shown() {
  if [ "$code" != 000 ] || [ "$stage" = ready ]; then gate_ready; fi
  if [ "$code" != 000 ]; then
    gate_wait "waiting for the health check: GET $health answered $code"
    return 0
  fi
  case $stage in
    lifespan) gate_wait "waiting for the app's start-up code (its lifespan), at most $start_timeout s (app.start_timeout)" ;;
    ready) gate_wait "waiting for the answer to GET $health, $(gate_limit)" ;;
    *) if [ "$early" -ge 40 ]; then gate_wait "waiting for the import of $module, at most $start_timeout s (app.start_timeout)"; fi ;;
  esac
}

# gate_limit: print how long the gate waits for an answer of an app that has started.
gate_limit() {
  if [ -z "$heard" ]; then echo "at most $start_timeout s (app.start_timeout)"; else echo "at most $(gate_attempts "$health_attempts") (app.health_attempts)"; fi
}

# gate_attempts NUMBER: print "1 attempt", "2 attempts".
gate_attempts() { if [ "$1" -eq 1 ]; then echo "1 attempt"; else echo "$1 attempts"; fi; }

# gate_settled: refuse the release after three equal answers that time does not change. 408, 425 and 429 ask to try again.
gate_settled() {
  case $code in
    408 | 425 | 429 | 000 | 5??) settled=0 ;;
    "$before") settled=$((settled + 1)) ;;
    *) settled=1 ;;
  esac
  before=$code
  if [ "$settled" -ge 3 ]; then answer_refuse; fi
}

# gate_bound: wait until the new socket exists, at most two seconds. Testing the path costs less than a failed request.
gate_bound() {
  while [ -z "$bound" ] && [ "$looked" -lt 100 ] && [ ! -S "$run_dir/$new.sock" ]; do
    looked=$((looked + 1))
    sleep 0.02
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
  [ "$deaths" -lt 3 ] || [ $((deaths - $(gate_log_whole | appserver_retired "$new"))) -lt 3 ] || gate_ended "Worker processes of the new release exited $deaths times while it started"
}

# gate_ended SENTENCE: the new instance has ended. Refuse it with the most precise reason, else with this sentence.
gate_ended() {
  local sentence
  gate_wait ""
  gate_log_whole | reason_hide
  reason_find
  if manager_starved "$new"; then switch_refuse "The new release needs more memory than app.memory_max allows: the kernel killed its processes. Raise it, or set fewer app.workers"; fi
  sentence=$1
  if grep -q -a '^\[selvedge\] .' "$undo/shown"; then
    sentence=$(reason_sentence)
  elif appserver_app_failed "$new" <"$undo/shown"; then
    sentence="The app's start-up code (its lifespan) failed"
  fi
  if [ -s "$undo/doubt" ] && { [ "$sentence" = "$1" ] || grep -q -a 'validation error' "$undo/shown"; }; then
    reason_clear
    sentence=$(cat "$undo/doubt")
  fi
  switch_refuse "$(reason_said "$sentence")"
}

# gate_late: refuse the release if it has not answered at all within the time for its start, whatever its log says.
gate_late() {
  if [ -n "$heard" ] || [ "$(gate_elapsed)" -lt "$start_timeout" ]; then return 0; fi
  gate_log_whole | reason_hide
  reason_find
  case $stage in
    import) switch_refuse "$(reason_said "The import of $module did not end within $start_timeout s. Move downloads and connections from the module to the app's lifespan, and a server that it runs below \`if __name__ == \"__main__\":\`; or raise app.start_timeout")" ;;
    lifespan) switch_refuse "$(reason_said "The app's start-up code (its lifespan) did not end within $start_timeout s. Find out what it waits for, or raise app.start_timeout")" ;;
    ready) switch_refuse "$(reason_said "The app has started, but GET $health (Host: $health_host) on the new release got no answer within $start_timeout s of its start (app.start_timeout)")$(reason_otherwise ". Find out what this path waits for. If each answer needs more than $health_timeout s, raise app.health_timeout; if only the first one does, raise app.start_timeout")" ;;
    *) switch_refuse "$(reason_said "The new release did not answer GET $health within $start_timeout s of its start. If the app starts slowly, raise app.start_timeout")" ;;
  esac
}

# gate_over: refuse the release if it has failed too many health checks, or takes too long to start. The checks count from its first
# answer on.
gate_over() {
  local attempts
  gate_late
  [ -n "$heard" ] || return 0
  attempt=$((attempt + 1))
  [ "$attempt" -ge "$health_attempts" ] || return 0
  if gate_crashed; then gate_ended "The new release exited while it started"; fi
  attempts=$(gate_attempts "$attempt")
  gate_log_whole | reason_hide
  reason_find
  if [ "$code" != 000 ]; then
    switch_refuse "$(reason_said "GET $health (Host: $health_host) on the new release answered $code in $attempts; accepted: $health_ranges")$(reason_otherwise ". Correct app.health or app.health_status in hosts.toml, or the app")"
  fi
  switch_refuse "$(reason_said "GET $health (Host: $health_host) on the new release got no answer within $health_timeout s, in $attempts")$(reason_otherwise ". If the health check needs longer, raise app.health_timeout")"
}

# gate_site: the second layer: through nginx the new release answers. The request has a name that nginx serves now: if the first
# domain was changed, a later step tells nginx. An app without a name is requested by its announced address; if it accepts only
# other names (app.health_host), any answer of the release counts. A site that a later step replaces is not asked: nginx has not
# loaded ours yet, so there is no stamp. $site_problem: the reason, if it fails.
# shellcheck disable=SC2034 # for settle_wait
gate_site() {
  local site name other answer code release url place
  step_gate site
  site_answer="not asked: a later step writes the site, or loads it in nginx"
  [ -e "$site_enabled" ] && stamp_exists "nginx-$app" && systemctl is-active -q nginx || return 0
  site=$site_enabled
  [ "$(request_scheme)" = http ] || site=$site_enabled-tls
  name=$(site_names "$site")
  name=${name%% *}
  place=$(site_locations_of "$app" | head -n 1)
  if [ -n "$place" ]; then
    name=${place%/*} name=${name##*/}
    # The app moves to another path, which a later step tells nginx.
    place=$(sed -n 's/^location = \(.*\) {$/\1/p' "$place")
    case $(request_prefix)$health in "$place" | "$place"[/?]*) ;; *) return 0 ;; esac
  fi
  other=
  case $name in '' | _ | '""')
    name=$site_host
    if [ "$health_host" != localhost ] && [ -n "$header" ]; then other=1; fi
    ;;
  esac
  url=$(request_origin "$name")$(request_prefix)$health
  answer=$(request_site "$url")
  code=${answer%% *} release=${answer#* }
  if [ "$code" = 0 ]; then code=; fi
  if request_maintenance "$code"; then
    site_answer="GET $url answered 503 with the maintenance page, which visitors get until \`fab maintenance --off\`"
    return 0
  fi
  site_problem="After the switch, nginx did not answer GET $url from the new release: it answered ${code:-nothing}${release:+ from release $release}. Run \`fab doctor\`, which checks the site"
  [ -n "$other" ] || gate_accepted "${code:-0}" || return 1
  if [ -n "$header" ] && [ "$release" != "$new" ]; then return 1; fi
  site_answer="GET $url answered $code${release:+ from release $release}"
  site_problem=$(request_lost "$url")
  [ -n "$site_problem" ] || return 0
  site_problem="$site_problem. $(request_remedy "$site_problem")"
  return 1
}
