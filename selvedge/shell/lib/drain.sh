# The end of the previous release. After a switch it answers its open requests, for at most app.drain seconds, and is then
# stopped. A transient unit of systemd does this on the server, so that no run has to wait for it. The unit's script,
# /run/selvedge/APP.INSTANCE.drain, calls drain_run. Reads $app, $run_dir and the variables that manager.sh reads.

# drain_begin INSTANCE: drain it in the background. If systemd cannot start the unit, this waits for the end.
drain_begin() {
  local reason
  if releases_draining "$1" || drain_start "$1" >"$undo/why" 2>&1; then return 0; fi
  reason=$(tail -n 1 "$undo/why")
  step_say "could not drain $1 in the background, so this run waits until it has stopped: ${reason:-systemd-run failed}"
  step_wait "waiting for $1 to answer its open requests and stop"
  /bin/sh "$undo/program.drain" "$1" waited || :
  step_wait ""
}

# drain_start INSTANCE: start its unit.
drain_start() {
  local script unit jobs
  # Its processes finish their jobs meanwhile.
  jobs=0
  if processes_any; then jobs=$(processes_stop_timeout "$1"); fi
  script=/run/selvedge/$app.$1.drain
  unit=$(releases_drain_unit "$1")
  # The unit of an earlier drain may still wait to remove old releases.
  systemctl stop "$unit" 2>/dev/null || :
  cp -- "$undo/program.drain" "$script" || return 1
  # RuntimeMaxSec= ends a unit that hangs. KillMode=mixed: see drain_run.
  systemd-run --quiet --collect --no-ask-password --unit="$unit" \
    --description="Release $1 of $app answers its open requests, then stops" --property=KillMode=mixed \
    --property="TimeoutStopSec=$((stop_timeout + 30))" --property="RuntimeMaxSec=$((drain + stop_timeout + jobs + 60))" \
    /bin/sh "$script" "$1"
}

# drain_cancel INSTANCE: end its drain. The instance keeps running, unless it was being stopped already: then this waits for
# its end. 1: nothing drained it.
drain_cancel() {
  local status
  status=1
  if releases_draining "$1"; then
    step_wait "waiting for the drain of $1 to end"
    systemctl stop "$(releases_drain_unit "$1")" 2>/dev/null || :
    step_wait ""
    status=0
  fi
  rm -f -- "/run/selvedge/$app.$1.drain"
  return "$status"
}

# drain_stop_now INSTANCE…: end all drains, and the units that still wait to remove old releases. Stop these instances.
drain_stop_now() {
  local instance
  step_wait "waiting for the drains of previous releases to end"
  systemctl stop "$(releases_drain_unit '*')" 2>/dev/null || :
  rm -f -- "/run/selvedge/$app".*.drain
  for instance in "$@"; do processes_leave "$instance"; done
  for instance in "$@"; do
    step_wait "waiting for $instance to answer its open requests and stop"
    manager_stop "$instance"
  done
  step_wait ""
}

# drain_run INSTANCE [WAITED]: the unit's work. WAITED: a run waits for it, which removes old releases itself. Its processes begin to
# stop at once. drain_cancel sends TERM: that ends this while it waits for requests or processes. While it stops the web process, TERM
# ends it afterwards, so whoever makes the instance live again finds that either running or stopped.
# Values: app base run_dir log_dir live_socket supervisor_conf drain keep
drain_run() {
  local cancelled
  if [ "$(releases_live)" != "$1" ]; then processes_leave "$1"; fi
  drain_wait "$1"
  # Not earlier: the log may have been rotated meanwhile.
  exec >>"/var/log/selvedge/$app.log" 2>&1
  cancelled=
  trap 'cancelled=yes' TERM
  if [ "$(releases_live)" = "$1" ]; then
    drain_log "$1 is live again and keeps running"
  else
    drain_stop "$1"
    trap - TERM
    if [ -z "$cancelled" ] && ! processes_stop "$1"; then drain_log "could not stop the processes of $1; the next deploy tries again"; fi
  fi
  rm -f -- "/run/selvedge/$app.$1.drain"
  trap - TERM
  # The run that cancelled it, or waits for it, holds the lock which drain_prune waits for.
  if [ -z "$cancelled${2:-}" ]; then drain_prune; fi
}

drain_stop() {
  local status
  (
    set -eu
    manager_stop_web "$1"
    # A release that supervisor ran cannot delete its socket in a folder that has become systemd's.
    rm -f -- "$run_dir/$1.sock"
  )
  status=$?
  if [ "$status" -eq 0 ]; then drain_log "$1 was stopped"; else drain_log "could not stop $1; the next deploy tries again"; fi
}

drain_log() { printf 'drain %s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1"; }

# drain_wait INSTANCE: wait until its last connection has ended, at most $drain seconds.
drain_wait() {
  local end
  end=$(clock_uptime)
  end=$((end + drain * 1000))
  sleep 1
  while [ "$(clock_uptime)" -lt "$end" ] && ss -xH state established 2>/dev/null | grep -q -F -- " $run_dir/$1.sock "; do
    sleep 0.5
  done
}

# drain_prune: remove old releases when the run has ended. Another run may be building one: then that run removes them at its
# end. A run that begins meanwhile finds the lock of the step taken, and waits.
drain_prune() (
  local new
  set -eu
  flock -w 30 "/run/selvedge/$app.lock" true || exit 0
  exec 9>"/run/selvedge/$app.step"
  if ! flock -n 9 || ! flock -n "/run/selvedge/$app.lock" true; then exit 0; fi
  # shellcheck disable=SC2034 # prune.sh reads it
  new=$(releases_live)
  prune_releases 1 || drain_log "could not remove all old releases; the next deploy tries again"
  # See step_main.
  : >"/run/selvedge/$app.step"
)
