# The release switch. A new instance starts next to the old one and passes the gate (preflight.sh, gate.sh, settle.sh). Then one
# changed link sends it the requests, and the old one is drained (drain.sh). Reads the variables in the list of switch_release.
# Shared: asked

# switch_link LINK TARGET: create or replace a link in one step.
switch_link() {
  ln -sfn -- "$2" "${1%/*}/.${1##*/}.new"
  mv -fT -- "${1%/*}/.${1##*/}.new" "$1"
}

# switch_point LINK INSTANCE: link to the instance's socket.
switch_point() { switch_link "$1" "$run_dir/$2.sock"; }

# switch_current TARGET: set the target of the link `current`; "" keeps it.
switch_current() { [ -z "$1" ] || switch_link "$base/current" "$1"; }

# switch_release: make $new the live release. If it fails, the old one stays live. $why: deploy, rollback, restart or revert.
# shellcheck disable=SC2034 # other files read some of these variables
# Values: app base run_dir log_dir live_socket previous_socket repo site_enabled site_cache site_login site_host site_follow supervisor_conf health health_host health_ranges health_timeout health_attempts health_interval new why module start_timeout header settle settle_ms drain stop_timeout strategy migrate alembic downgraded migrate_timeout wait_for settings host before_switch processes keep
switch_release() {
  local began old previous old_current scheme commit took
  began=$(date +%s)
  programs_read
  old=$(releases_live)
  previous=$(releases_linked "$previous_socket")
  if switch_is_unproven; then
    switch_to_previous
    old=$previous
  fi
  old_current=$(readlink "$base/current" 2>/dev/null) || old_current=
  scheme=$(request_scheme)
  commit=${new%-*}
  if switch_is_done; then
    changeover_counts
    switch_drain_others
    manager_rewrite "$new"
    changeover_scale
    return 0
  fi
  gate_log_begin
  disk_need_space "$base" 4096
  trap 'switch_refuse "The release was interrupted by a signal, for example by a reboot. Run the same command again"' TERM INT
  if [ "$why" = restart ]; then copy_instance "$old" "$new"; fi
  [ -f "$base/instances/$new/state" ] || record_state "$new" building
  changeover_counts
  switch_begin
  # It writes most of the data that the `sync` of switch_go would wait for.
  sync -f "$base" 3<&- &
  gate_pass
  took=$(($(clock_uptime) - asked))
  answer_no_circle
  settle_managed
  workers_grow
  workers_warn
  switch_hooks
  switch_go
  changeover_run
  switch_keep
}

# switch_is_unproven: whether a run was killed before the live release had settled, and the previous release still runs.
switch_is_unproven() {
  [ "$why" != restart ] && [ -n "$old" ] && [ -n "$previous" ] && [ "$previous" != "$old" ] &&
    [ "$(releases_state "$old")" != good ] && releases_listening "$previous"
}

# switch_to_previous: send requests to the previous release again, until a new one has passed the gate.
switch_to_previous() {
  step_say "an earlier run was killed before $old had settled: going back to $previous"
  manager_boot "$previous"
  switch_point "$live_socket" "$previous"
  switch_current "releases/${previous%-*}"
  if processes_any; then changeover_again "$previous"; fi
  sleep 1
}

# switch_is_done: whether the release is already live. An interrupted run may have finished on the server since the reading.
switch_is_done() {
  [ "$old" = "$new" ] && [ "$(releases_state "$new")" = good ] &&
    [ "$old_current" = "releases/$commit" ] && releases_listening "$new"
}

switch_stops_first() { [ "$strategy" = restart ] && [ -n "$old" ] && [ "$old" != "$new" ]; }

# switch_begin: check the new release, migrate, and start it. Without a migration the app server starts while the settings are
# checked. It waits for the result before it loads a module of the app or listens (the file `held`). With strategy = "restart",
# nothing of the new release runs before the live one has stopped.
switch_begin() {
  switch_check
  # A killed run may have left this file.
  rm -f -- "$base/instances/$new/held"
  if switch_stops_first; then switch_stop_old; fi
  switch_conflict
  asked=$(clock_uptime)
  if migrate_due; then
    preflight_begin import
    preflight_ok "import of $module"
    migrate_run
    asked=$(clock_uptime)
    switch_start
  elif [ "$new" = "$old" ] || switch_stops_first; then
    preflight_begin settings
    preflight_ok "check of the app's settings"
    switch_start
  else
    preflight_begin settings
    : >"$base/instances/$new/held"
    switch_start
    preflight_ok "check of the app's settings"
    rm -f -- "$base/instances/$new/held"
  fi
}

# switch_check: refuse the release if it cannot start, before anything is changed.
switch_check() {
  restoring_unless_half switch_refuse
  docker_need_image "$new" switch_refuse
  if [ -e "$run_dir/$new.sock" ] && [ ! -S "$run_dir/$new.sock" ]; then
    switch_refuse "The path of the new release's socket is in use: $run_dir/$new.sock is not a socket ($(stat -c '%F, owner %U' "$run_dir/$new.sock")). Remove that file"
  fi
  if [ "$strategy" = beside ]; then workers_room; fi
}

# switch_conflict: refuse the release if its app server's settings cannot work. They may be code of the app (gunicorn.conf.py).
switch_conflict() {
  local conflict
  conflict=$(appserver_conflict "$new")
  [ -z "$conflict" ] || switch_refuse "$conflict"
}

# switch_run COMMAND…: run a command in the new release's environment, as the app's user.
switch_run() { (cd / && exec 3<&- && instance_run "$new" "$@"); }

switch_stop_old() {
  answering_begin
  answering_ok
  step_say "app.strategy is restart: the live release stops first, and requests fail until the new one answers"
  # Not even a release that drains, or that an interrupted run left, may run next to the new one.
  # shellcheck disable=SC2046
  drain_stop_now $(manager_others "$old")
  gate_wait "waiting for $old to stop"
  manager_pause "$old" || ! releases_listening "$old" || switch_refuse "Could not stop the live release $old"
}

switch_start() {
  # After a reboot the live release may still be starting.
  if [ "$new" = "$old" ] && manager_alive "$new"; then return 0; fi
  # It still runs if it was draining until now.
  if drain_cancel "$new" && manager_alive "$new" && releases_listening "$new"; then return 0; fi
  if manager_known "$new"; then
    gate_wait "waiting for $new to stop, because an interrupted run left it running"
    manager_pause "$new" >/dev/null 2>&1 || :
  fi
  # If it ran until now, its last output must not look like the end of the start that follows.
  gate_log_begin
  : >"$base/instances/$new/one"
  manager_start "$new" switch_refuse
  # A container takes a second to start.
  asked=$(clock_uptime)
}

# switch_hooks: run the commands of [hooks] before_switch, one per line, as the app's user in the new release.
switch_hooks() {
  local command
  [ -n "$before_switch" ] || return 0
  step_gate hooks
  printf '%s\n' "$before_switch" | while IFS= read -r command; do
    [ -n "$command" ] || continue
    step_say "before_switch: $command"
    gate_wait "waiting for the hook before_switch"
    hide_output switch_run env PREVIOUS="$old" HOST="$host" ACTION="$why" sh -c "$command" </dev/null || switch_refuse "The hook before_switch failed (exit status $?): $command"
  done || exit 1
  step_gate hooks "before_switch succeeded"
}

# switch_go: switch to the new release. The old one keeps running until the new one has settled.
switch_go() {
  gate_wait ""
  # After a power cut the files of the new release must be complete.
  sync -f "$base"
  trap 'switch_back "The release was interrupted by a signal, for example by a reboot. Run the same command again"' TERM INT
  switch_forget || :
  if [ -n "$old" ] && [ "$old" != "$new" ]; then switch_point "$previous_socket" "$old"; fi
  switch_point "$live_socket" "$new"
  switch_current "releases/$commit"
  step_say "live: $new"
  manager_boot "$new"
  settle_site
  settle_wait
}

# switch_forget: delete the responses that nginx kept while $new was live before ([nginx] cache). Other releases have other keys.
switch_forget() {
  [ -d "$site_cache" ] || return 0
  find "$site_cache" -type f -exec grep -lZaF -m 1 -- "KEY: $new " '{}' + 2>/dev/null | xargs -0r rm -f --
}

# switch_back SENTENCE: send requests to the old release again, and stop the new one, whose waiting requests follow (previous.sock).
switch_back() {
  if [ "$new" = "$old" ]; then
    :
  elif [ -n "$old" ]; then
    # The boot comes first: after a power cut in between, previous.sock still leads to the old release. A full disk stops neither.
    manager_boot "$old" || step_say "could not write which release a boot starts: run the same command again"
    switch_point "$live_socket" "$old"
    switch_current "$old_current"
    changeover_back "$old"
    # Let the new one answer the requests that it has accepted, unless the old one starts only when it has ended.
    if releases_listening "$old"; then sleep 1; fi
  else
    rm -f -- "$live_socket" "$base/current"
  fi
  switch_refuse "$1"
}

# switch_show: show the end of the log of what has failed: a process, or the new instance.
switch_show() { if [ -n "${changeover_unit:-}" ]; then changeover_show; else gate_log_whole | output_show "$new"; fi; }

# switch_refuse SENTENCE: stop the new instance and fail; the live one stays. The sentence is printed even if the disk is full.
switch_refuse() {
  local consequence
  trap '' TERM INT
  preflight_end
  switch_show
  consequence=
  if [ "$new" != "$old" ]; then
    gate_wait "waiting for the new release to stop"
    # If it still drains after an earlier switch, this run has not started it, and its unit stops it. Processes that have taken jobs
    # finish them in the background.
    if [ -n "${changeover:-}" ]; then (drain_begin "$new") || :; else releases_draining "$new" || (manager_stop "$new") || :; fi
    rm -f -- "$previous_socket" || :
    record_state "$new" bad || :
    if [ -n "$old" ]; then
      consequence=". The previous release $old keeps serving"
      if [ "$strategy" = restart ] && ! releases_listening "$old"; then
        switch_start_old
        consequence=". The previous release $old serves again"
      fi
      [ -z "${changeover:-}" ] || consequence="$consequence, with its processes"
      releases_listening "$old" || consequence=". The previous release $old is not running: start it with \`fab start\`"
    fi
  fi
  rm -f -- "$base/instances/$new/one" "$base/instances/$new/held"
  (record_note "refused: $1") || :
  # Keep this bad release, and no other, so that its log can be read.
  (prune_releases 0) || :
  step_fail "$1$(hint_for "$1" "$(switch_log | tail -n 40)")$consequence"
}

# switch_log: print the log of what has failed.
switch_log() { if [ -n "${changeover_unit:-}" ]; then cat "$undo/ended"; else gate_log; fi; }

# switch_start_old: start the old release again and wait until it is healthy, for at most 120 requests.
switch_start_old() {
  local waited
  (manager_start "$old") || :
  waited=0
  while [ "$waited" -lt 120 ] && ! gate_probe "$old"; do
    waited=$((waited + 1))
    sleep 0.25
  done
}

# switch_keep: the new release has settled. Record it. The others are drained, stopped and removed in the background.
switch_keep() {
  gate_wait ""
  trap '' TERM INT
  # If a later change of this step fails, no file of the live release may be restored.
  file_settle
  record_write
  record_state "$new" good
  # Another server refused the release that this one goes back from. A rollback must not choose it.
  if [ "$why" = revert ] && [ -n "$old" ] && [ "$old" != "$new" ]; then record_state "$old" bad; fi
  if [ "$why" = rollback ] && [ -n "$old" ]; then
    record_state "$old" left
    # The old release may be a restarted copy. The rollback is one from its commit.
    if [ -d "$base/instances/${old%r*}" ]; then record_state "${old%r*}" left; fi
  fi
  record_note good
  restoring_forget
  rm -f -- "$previous_socket"
  trap - TERM INT
  switch_drain_others
  # What an earlier drain could not remove. The drain that has begun now removes the rest at its end.
  (prune_releases 1) || step_say "could not remove all old releases; the next deploy tries again"
}

# switch_drain_others: drain every instance that runs, except the live one. One that does not listen has no request to answer.
switch_drain_others() {
  local other
  for other in $(manager_others "$new"); do
    if releases_listening "$other" || releases_draining "$other" || processes_has "$other"; then
      drain_begin "$other"
    else
      gate_wait "waiting for $other to stop"
      manager_stop "$other"
    fi
  done
  gate_wait ""
}
