# The release switch: a new instance starts beside the old one, is judged, and gets the traffic by moving one link.
# Reads $app, $new, $base (/srv/APP), $run_dir (/run/APP), $log_dir, and the settings of the health check. The functions
# manager_start, manager_stop and manager_alive come from supervisor.sh or systemd.sh.

live_now() {
  if live=$(readlink "$base/live.sock" 2>/dev/null); then
    live=${live##*/}
    printf '%s' "${live%.sock}"
  fi
}

live_state() {
  printf '%s\n' "$2" >"$base/instances/$1/state.new"
  mv -f -- "$base/instances/$1/state.new" "$base/instances/$1/state"
}

# live_note RESULT: a line of the append-only history.
live_note() {
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$by" "$why" "${old:--}" "$new" "$1" >>"$base/history"
}

live_record() {
  commit=${new%-*}
  {
    printf 'commit %s\n' "$(git --git-dir="$repo" -c safe.directory='*' rev-parse "$commit^{commit}" 2>/dev/null || echo "$commit")"
    printf 'subject %s\n' "$(git --git-dir="$repo" -c safe.directory='*' log -1 --format=%s "$commit" 2>/dev/null)"
    printf 'author %s\n' "$(git --git-dir="$repo" -c safe.directory='*' log -1 --format=%an "$commit" 2>/dev/null)"
    printf 'at %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf 'by %s\n' "$by"
    printf 'seconds %s\n' "$(($(date +%s) - began))"
    # Only its own release knows what revisions a database is at; going back does not change them.
    if [ "$why" = deploy ]; then
      case $migrate in *alembic*) printf 'heads %s\n' "$(live_run alembic current 2>/dev/null | cut -d ' ' -f 1 | tr '\n' ' ')" ;; esac
    else
      grep -s '^heads ' "$base/instances/$new/record" || :
    fi
  } >"$base/instances/$new/record.new"
  mv -f -- "$base/instances/$new/record.new" "$base/instances/$new/record"
}

# live_point LINK INSTANCE: move a link to the instance's socket, at once.
live_point() {
  ln -sfn -- "$run_dir/$2.sock" "$base/.$1.new"
  mv -fT -- "$base/.$1.new" "$base/$1"
}

# live_probe INSTANCE: one health check of an instance's own socket; the answer's status in $code. 0: healthy.
live_probe() {
  code=$(curl -s -o /dev/null -w '%{http_code}' --max-time "$health_timeout" --unix-socket "$run_dir/$1.sock" \
    -H "Host: $health_host" -H "X-Forwarded-Proto: $scheme" -- "http://localhost$health") || code=000
  live_accepted "$code"
}

live_accepted() {
  for range in $health_ranges; do
    if [ "$1" -ge "${range%-*}" ] && [ "$1" -le "${range#*-}" ]; then return 0; fi
  done
  return 1
}

# live_refuse SENTENCE: the new instance goes, the old one stays.
live_refuse() {
  trap - TERM INT
  log=$log_dir/$new.log
  if [ -s "$log" ]; then
    printf 'The last lines of %s:\n' "$log"
    tail -n 40 -- "$log" | cut -c 1-400
  fi
  if [ "$new" != "$old" ]; then
    manager_stop "$new"
    live_state "$new" bad
  fi
  live_note "refused: $1"
  if [ -n "$old" ] && [ "$new" != "$old" ]; then fail "$1. The old release $old still serves"; fi
  fail "$1"
}

# The first layer: the module imports in its new environment, names an ASGI app, and its settings are complete. It runs
# beside the start, unless a migration has to wait for it.
live_preflight() {
  (
    status=0
    as "$app" timeout -k 5 60 "$base/instances/$new/run" python -c "$preflight" "$module" "$settings" >"$undo/preflight" 2>&1 || status=$?
    printf '%s\n' "$status" >"$undo/preflight.status.new"
    mv -f -- "$undo/preflight.status.new" "$undo/preflight.status"
  ) &
}

# live_preflight_ok [wait]: refuses the release where the first layer has found something.
live_preflight_ok() {
  if [ -n "${1:-}" ]; then wait; fi
  [ -f "$undo/preflight.status" ] || return 0
  case $(cat "$undo/preflight.status") in
    0) return 0 ;;
    124 | 137) live_refuse "importing $module did not end within 60 seconds" ;;
    *)
      tail -n 40 "$undo/preflight"
      live_refuse "$(grep -v '^[[:space:]]*$' "$undo/preflight" | tail -n 1)"
      ;;
  esac
}

# [hooks] before_switch: a command a line, as the app's user, in the release.
live_hooks() {
  printf '%s\n' "$before_switch" | while IFS= read -r command; do
    [ -n "$command" ] || continue
    say "before_switch: $command"
    live_run env PREVIOUS="$old" HOST="$host" sh -c "$command" </dev/null || live_refuse "the hook before_switch failed (exit status $?): $command"
  done || exit 1
}

live_run() { (cd / && as "$app" "$base/instances/$new/run" "$@"); }

live_migrate() {
  say "migrating: $migrate"
  live_run sh -c "$migrate" ||
    live_refuse "the migration failed (exit status $?): $migrate. The database may be changed in part"
}

# Whether the new instance has ended by itself, even if its manager has started it again by now.
live_crashed() {
  manager_alive "$new" || return 0
  pid=$(manager_pid "$new")
  [ "$pid" -gt 0 ] || return 0
  if [ -z "${first_pid:-}" ]; then first_pid=$pid; fi
  [ "$pid" != "$first_pid" ]
}

# The second layer: three healthy answers in a row on the new socket.
live_gate() {
  attempt=0
  first_pid=
  streak=0
  while [ "$streak" -lt 3 ]; do
    if live_probe "$new"; then
      streak=$((streak + 1))
      sleep 0.05
      continue
    fi
    streak=0
    attempt=$((attempt + 1))
    live_preflight_ok
    # Asking the manager costs more than asking the app.
    if [ $((attempt % 10)) -eq 0 ] && live_crashed; then
      live_preflight_ok wait
      if grep -q -s 'Application startup failed' "$log_dir/$new.log"; then
        live_refuse "the app's own start-up code (its lifespan) failed"
      fi
      live_refuse "the new release stopped by itself while it started"
    fi
    if [ "$attempt" -ge "$health_attempts" ]; then
      case $code in
        000) live_refuse "no answer to GET $health (Host: $health_host) on the new release's socket within $health_timeout s, in $attempt attempts" ;;
        *) live_refuse "GET $health (Host: $health_host) on the new release answered $code in $attempt attempts; accepted: $health_ranges" ;;
      esac
    fi
    # The first second is asked often: most apps are up within it.
    if [ "$code" = 000 ] && [ "$attempt" -le 20 ]; then
      sleep 0.05
      health_attempts=$((health_attempts + 1))
    else
      sleep "$health_interval"
    fi
  done
}

# The third layer: the site answers through nginx, with the new release.
live_site() {
  [ -e "$site_enabled" ] && systemctl is-active -q nginx || return 0
  if [ -e "$site_enabled-tls" ]; then url="https://$health_host$health"; else url="http://$health_host$health"; fi
  answer=$(curl -s -k -o /dev/null -D - --max-time "$health_timeout" \
    --connect-to "::127.0.0.1:" -- "$url" 2>/dev/null | tr -d '\r') || answer=
  code=$(printf '%s\n' "$answer" | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p')
  live_accepted "${code:-0}" || return 1
  [ -z "$header" ] || printf '%s\n' "$answer" | grep -q -i "^x-release: $new$"
}

# The processes that serve: their ids change when a worker died and was replaced.
live_workers() { pgrep -d ' ' -P "${master:-0}" 2>/dev/null || :; }

live_back() {
  if [ -n "$old" ] && live_listening "$old"; then
    live_point live.sock "$old"
    if [ -n "$old_current" ]; then
      ln -sfn -- "$old_current" "$base/.current.new" && mv -fT -- "$base/.current.new" "$base/current"
    fi
    rm -f -- "$base/previous.sock"
  fi
  live_refuse "$1"
}

# After the switch the new release must stay as it is for a while; the old one stands by until then.
live_settle() {
  master=$(manager_pid "$new")
  workers=$(live_workers)
  until_time=$(($(date +%s) + ${settle%.*}))
  while [ "$(date +%s)" -lt "$until_time" ]; do
    sleep 0.2
    if [ "$(live_workers)" != "$workers" ]; then live_back "worker processes of the new release died within $settle s after the switch"; fi
    if ! live_probe "$new"; then live_back "the new release answered $code to GET $health within $settle s after the switch"; fi
  done
}

# The old release goes on until its last connection has ended, at most $drain seconds.
live_drain() {
  end=$(($(date +%s) + drain))
  sleep 1
  while [ "$(date +%s)" -lt "$end" ] && ss -xH state established 2>/dev/null | grep -q -F -- " $run_dir/$1.sock "; do
    sleep 0.5
  done
}

# live_copy OLD NEW: the same release under another name, so that it can start beside itself.
live_copy() {
  rm -rf -- "$base/instances/$2"
  mkdir -m 0750 -- "$base/instances/$2"
  cp -a -- "$base/instances/$1/." "$base/instances/$2/"
  rm -f -- "$base/instances/$2/state"
  for file in run gunicorn_start program.conf; do
    if [ -f "$base/instances/$2/$file" ]; then sed -i "s/$1/$2/g" "$base/instances/$2/$file"; fi
  done
  chown -- "root:$app" "$base/instances/$2"
}

live_switch() {
  began=$(date +%s)
  old=$(live_now)
  old_current=$(readlink "$base/current" 2>/dev/null) || old_current=
  scheme=http
  [ ! -e "$site_enabled-tls" ] || scheme=https
  commit=${new%-*}
  if [ "$why" = restart ]; then live_copy "$old" "$new"; fi
  [ -f "$base/instances/$new/state" ] || live_state "$new" building
  trap 'live_refuse "the release was stopped by a signal"' TERM INT
  preflight=$(head -c "$preflight_size" <&3)
  live_preflight
  if [ -n "$migrate" ] && [ "$why" = deploy ]; then
    live_preflight_ok wait
    live_migrate
  fi
  if [ "$strategy" = restart ] && [ -n "$old" ] && [ "$old" != "$new" ]; then
    say "app.strategy is restart: the old release stops first, and requests fail until the new one is up"
    manager_stop "$old"
  fi
  manager_start "$new" "$old"
  live_gate
  live_preflight_ok wait
  live_hooks
  if [ -n "$old" ] && [ "$old" != "$new" ]; then live_point previous.sock "$old"; fi
  live_point live.sock "$new"
  ln -sfn -- "releases/$commit" "$base/.current.new"
  mv -fT -- "$base/.current.new" "$base/current"
  say "live: $new"
  if ! live_site; then live_back "after the switch the site answered ${code:-nothing} through nginx instead of the new release"; fi
  live_settle
  live_record
  live_state "$new" good
  if [ "$why" = rollback ] && [ -n "$old" ]; then live_state "$old" left; fi
  live_note good
  rm -f -- "$base/previous.sock"
  trap - TERM INT
  for folder in "$base"/instances/*/; do
    folder=${folder%/}
    other=${folder##*/}
    if [ "$other" != "$new" ] && manager_known "$other"; then
      [ "$other" != "$old" ] || live_drain "$other"
      manager_stop "$other"
    fi
  done
  # A restarted copy that was itself restarted is of no more use.
  case $old in *r*) [ "$why" != restart ] || rm -rf -- "$base/instances/$old" ;; esac
  live_prune
}

# The newest $keep good releases stay, besides the live one, and the newest bad one for study.
live_prune() {
  good=0
  bad=0
  # shellcheck disable=SC2012
  ls -1t "$base/instances" | while IFS= read -r id; do
    if [ "$id" = "$new" ]; then continue; fi
    case $(cat "$base/instances/$id/state" 2>/dev/null) in
      good | left)
        good=$((good + 1))
        [ "$good" -gt "$keep" ] || continue
        ;;
      bad)
        bad=$((bad + 1))
        [ "$bad" -gt 1 ] || continue
        ;;
      *) continue ;;
    esac
    rm -rf -- "$base/instances/$id"
    rm -f -- "$log_dir/$id.log"*
  done
  for release in "$base"/releases/*/; do
    release=${release%/}
    if ! ls -d "$base/instances/${release##*/}-"* >/dev/null 2>&1; then rm -rf -- "$release"; fi
  done
  live_used=$(for release in "$base"/releases/*/; do readlink "$release.venv" || :; done)
  for link in "$base"/venvs/*; do
    [ -L "$link" ] || continue
    case $live_used in
      *"/${link##*/}"*) ;;
      *)
        kept_link=$(readlink "$link")
        rm -rf -- "$link" "$base/venvs/${kept_link:?}"
        ;;
    esac
  done
}
