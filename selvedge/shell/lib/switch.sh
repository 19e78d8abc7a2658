# The release switch: a new instance starts beside the old one, is judged (gate.sh), and gets the traffic by moving one
# link; old ones are removed (prune.sh). Reads $app, $new, $base (/srv/APP), $run_dir (/run/APP), $log_dir, and the
# settings of the health check. The functions of the process manager are those of manager.sh.

# switch_clock: milliseconds by the clock that nobody sets, in steps of ten (proc_uptime(5)).
switch_clock() { read -r uptime _ </proc/uptime && printf '%s0' "${uptime%.*}${uptime#*.}"; }

# switch_point LINK INSTANCE: move a link to the instance's socket, at once.
switch_point() {
  ln -sfn -- "$run_dir/$2.sock" "$base/.$1.new"
  mv -fT -- "$base/.$1.new" "$base/$1"
}

# switch_refuse SENTENCE: the new instance goes, the old one stays. What cannot be written must not hide the sentence.
switch_refuse() {
  trap '' TERM INT
  refuse=
  gate_preflight_end
  if [ -n "$(gate_log)" ]; then
    printf 'The last lines of %s:\n' "$log_dir/$new.log"
    gate_log | tail -n 40 | hide_secrets | cut -c 1-400
  fi
  after=
  if [ "$new" != "$old" ]; then
    (manager_stop "$new") || :
    rm -f -- "$base/previous.sock" || :
    record_state "$new" bad || :
    if [ -n "$old" ]; then switch_old_serves; fi
  fi
  rm -f -- "$base/instances/$new/one" "$base/instances/$new/held"
  (record_note "refused: $1") || :
  # The one that was refused now is the bad one that stays.
  (prune_releases 0) || :
  step_fail "$1$after"
}

# What became of the old release, as a sentence in $after.
switch_old_serves() {
  after=". The old release $old still serves"
  if [ "$strategy" = restart ] && ! releases_listening "$old"; then
    (manager_start "$old") || :
    waited=0
    while [ "$waited" -lt 120 ] && ! gate_probe "$old"; do
      waited=$((waited + 1))
      sleep 0.25
    done
    after=". The old release $old serves again"
  fi
  releases_listening "$old" || after=". The release before it, $old, does not run either"
}

# [hooks] before_switch: a command a line, as the app's user, in the release.
switch_hooks() {
  [ -n "$before_switch" ] || return 0
  printf '%s\n' "$before_switch" | while IFS= read -r command; do
    [ -n "$command" ] || continue
    step_say "before_switch: $command"
    switch_run env PREVIOUS="$old" HOST="$host" sh -c "$command" </dev/null || switch_refuse "the hook before_switch failed (exit status $?): $command"
  done || exit 1
}

switch_run() { (cd / && exec 3<&- && user_run "$app" "$base/instances/$new/run" "$@"); }

# The migration's output is shown, but not a flood of it; all of it is in the log.
switch_migrate() {
  step_say "migrating: $migrate"
  {
    status=0
    switch_run timeout -k 10 "$migrate_timeout" sh -c "$migrate" 2>&1 || status=$?
    printf '%s\n' "$status" >"$undo/migrated"
  } | hide_secrets | stdbuf -oL sed "1,50s/^/$mark say   /"
  status=$(cat "$undo/migrated")
  case $status in 124 | 137) switch_refuse "the migration was ended after $migrate_timeout s (app.migrate_timeout): $migrate. The database may be changed in part" ;; esac
  [ "$status" -eq 0 ] || switch_refuse "the migration failed (exit status $status): $migrate. The database may be changed in part"
}

# switch_back SENTENCE: after the switch. The old release gets the traffic back before the new one stops; what waits in the
# new one's socket until then finds the old one by the link previous.sock.
switch_back() {
  if [ "$new" = "$old" ]; then
    :
  elif [ -n "$old" ]; then
    # First what a boot starts: a power cut in between finds the old release by previous.sock.
    manager_boot "$old"
    switch_point live.sock "$old"
    switch_current "$old_current"
    # What the new one has accepted already, it may answer, unless the old one waits for its end.
    if releases_listening "$old"; then sleep 1; fi
  else
    rm -f -- "$base/live.sock" "$base/current"
  fi
  switch_refuse "$1"
}

switch_current() {
  [ -n "$1" ] || return 0
  ln -sfn -- "$1" "$base/.current.new"
  mv -fT -- "$base/.current.new" "$base/current"
}

# The old release goes on until its last connection has ended, at most $drain seconds.
switch_drain() {
  end=$(($(switch_clock) + drain * 1000))
  sleep 1
  while [ "$(switch_clock)" -lt "$end" ] && ss -xH state established 2>/dev/null | grep -q -F -- " $run_dir/$1.sock "; do
    sleep 0.5
  done
}

# switch_copy OLD NEW: the same release under another name, so that it can start beside itself.
switch_copy() {
  rm -rf -- "$base/instances/$2"
  mkdir -m 0750 -- "$base/instances/$2"
  cp -a -- "$base/instances/$1/." "$base/instances/$2/"
  rm -f -- "$base/instances/$2/state"
  for file in run gunicorn_start program.conf unit.socket unit.service; do
    if [ -f "$base/instances/$2/$file" ]; then sed -i "s/$1/$2/g" "$base/instances/$2/$file"; fi
  done
  chown -- "root:$app" "$base/instances/$2"
}

# Values: app base run_dir log_dir repo site_enabled supervisor_conf health health_host health_ranges health_timeout health_attempts health_interval new why module import_timeout header settle settle_ms drain strategy migrate alembic downgraded migrate_timeout settings preflight_size host before_switch keep
switch_release() {
  # shellcheck disable=SC2034 # for record.sh and gate.sh
  began=$(date +%s)
  old=$(releases_live)
  switch_unproved
  old_current=$(readlink "$base/current" 2>/dev/null) || old_current=
  scheme=http
  # shellcheck disable=SC2034 # for gate.sh
  [ ! -e "$site_enabled-tls" ] || scheme=https
  commit=${new%-*}
  if switch_is_done; then
    switch_tidy
    manager_keep "$new"
    return 0
  fi
  gate_log_begin
  disk_need_space "$base" 4096
  trap 'live_refuse "the release was stopped by a signal"' TERM INT
  if [ "$why" = restart ]; then switch_copy "$old" "$new"; fi
  [ -f "$base/instances/$new/state" ] || record_state "$new" building
  # shellcheck disable=SC2034 # for gate.sh
  preflight=$(head -c "$preflight_size" <&3)
  [ "${#preflight}" -ge "$((preflight_size - 1))" ] || step_fail "the connection was lost before the release began; nothing was changed"
  switch_begin
  # Most of what switch_go makes sure of is on the disk by then.
  sync -f "$base" 3<&- &
  asked=$(switch_clock)
  gate_pass
  # shellcheck disable=SC2034 # for workers.sh
  took=$(($(switch_clock) - asked))
  # The release's own worker has done the same, and answers.
  gate_preflight_end
  workers_grow
  switch_hooks
  switch_go
  switch_keep
}

# A run that was killed behind its switch has left a release that has not proved itself. While the one before it still runs,
# that one is the old release, and gets the traffic back until something better has passed the gate.
switch_unproved() {
  previous=$(readlink "$base/previous.sock" 2>/dev/null) || previous=
  previous=${previous##*/}
  previous=${previous%.sock}
  [ "$why" != restart ] && [ -n "$old" ] && [ -n "$previous" ] && [ "$previous" != "$old" ] || return 0
  [ "$(cat "$base/instances/$old/state" 2>/dev/null)" != good ] && releases_listening "$previous" || return 0
  step_say "an earlier run was killed before $old had proved itself: back to $previous"
  manager_boot "$previous"
  switch_point live.sock "$previous"
  switch_current "releases/${previous%-*}"
  old=$previous
  sleep 1
}

# The rest of a run that was cut off may have done it meanwhile, and a release that serves is not started again.
switch_is_done() {
  [ "$old" = "$new" ] && [ "$(cat "$base/instances/$new/state" 2>/dev/null)" = good ] &&
    [ "$old_current" = "releases/$commit" ] && releases_listening "$new"
}

# What can be told before anything is changed: whether the new release can start beside the old one.
switch_possible() {
  if [ -e "$run_dir/$new.sock" ] && [ ! -S "$run_dir/$new.sock" ]; then
    switch_refuse "the path of the new release's socket is taken: $run_dir/$new.sock is no socket ($(stat -c '%F, of %U' "$run_dir/$new.sock")). Remove it"
  fi
  if [ "$strategy" = beside ]; then workers_room; fi
}

switch_migrates() { [ -n "$migrate" ] && [ "$why" = deploy ]; }

switch_stops_first() { [ "$strategy" = restart ] && [ -n "$old" ] && [ "$old" != "$new" ]; }

# The start of the new release, and what comes before it. Without a migration gunicorn is on its way while the settings are
# loaded, and waits for them before it loads anything of the app or listens (selvedge_worker.py).
switch_begin() {
  switch_possible
  # A run that was killed may have left it.
  rm -f -- "$base/instances/$new/held"
  gate_preflight
  if switch_migrates || switch_stops_first; then
    gate_preflight_ok wait
    if switch_migrates; then switch_migrate; fi
    if switch_stops_first; then switch_stop_first; fi
    switch_start
  elif [ "$new" = "$old" ]; then
    gate_settings
    switch_start
  else
    : >"$base/instances/$new/held"
    switch_start
    gate_settings
    rm -f -- "$base/instances/$new/held"
  fi
}

switch_stop_first() {
  step_say "app.strategy is restart: the old release stops first, and requests fail until the new one is up"
  manager_pause "$old" || ! releases_listening "$old" || switch_refuse "the old release cannot be stopped"
}

switch_start() {
  # A live one that is on its way up, after a reboot, is left to it.
  if [ "$new" = "$old" ] && manager_alive "$new"; then return 0; fi
  if manager_known "$new"; then
    # Left by a run that was cut off. What it says at its end must not be read as the end of the one that starts now.
    manager_pause "$new" >/dev/null 2>&1 || :
    gate_log_begin
  fi
  refuse=switch_refuse
  : >"$base/instances/$new/one"
  manager_start "$new"
  # shellcheck disable=SC2034 # for supervisor.sh and systemd.sh
  refuse=
}

# The switch itself. Until the new release has settled, the old one stands by.
switch_go() {
  # A power cut behind the switch must find the files of the new release whole.
  sync -f "$base"
  trap 'live_back "the release was stopped by a signal"' TERM INT
  if [ -n "$old" ] && [ "$old" != "$new" ]; then switch_point previous.sock "$old"; fi
  switch_point live.sock "$new"
  switch_current "releases/$commit"
  step_say "live: $new"
  manager_boot "$new"
  if ! gate_site; then switch_back "after the switch GET $url through nginx answered ${code:-nothing}$site_release, and not with the new release"; fi
  gate_settle
}

# The new release has proved itself: it is recorded, and all others end.
switch_keep() {
  trap '' TERM INT
  # From here on nothing that this step has written is taken back: it belongs to the live release.
  rm -f -- "$undo"/*.path "$undo"/*.copy
  record_write
  record_state "$new" good
  # Another server has refused what this one is brought back from: a rollback must not choose it.
  if [ "$why" = revert ] && [ -n "$old" ] && [ "$old" != "$new" ]; then record_state "$old" bad; fi
  if [ "$why" = rollback ] && [ -n "$old" ]; then
    record_state "$old" left
    # What was rolled back from may be a restarted copy: the commit is what is left behind.
    if [ -d "$base/instances/${old%r*}" ]; then record_state "${old%r*}" left; fi
  fi
  record_note good
  rm -f -- "$base/previous.sock"
  # A server that shuts down need not wait for what follows: the next run does it.
  trap - TERM INT
  switch_tidy
  # A restarted copy that was itself restarted is of no more use.
  case $old in *r*) [ "$why" != restart ] || rm -rf -- "$base/instances/$old" "$log_dir/$old.log"* ;; esac
  (prune_releases 1) || step_say "not all of the old releases could be removed; the next deploy tries again"
}

# switch_tidy: every instance ends but the live one.
switch_tidy() {
  for folder in "$base"/instances/*/; do
    folder=${folder%/}
    other=${folder##*/}
    if [ "$other" != "$new" ] && { manager_known "$other" || releases_listening "$other"; }; then
      case $other in "$old" | "$previous") switch_drain "$other" ;; esac
      manager_stop "$other"
    fi
  done
}
