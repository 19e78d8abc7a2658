# The app's timers: units of systemd under either process manager, named selvedge-timer-APP.NAME. No other unit of Selvedge begins
# in this way, and neither an app nor a timer has a dot in its name. Reads $app.
# Shared: printed

timers_units=/etc/systemd/system
timers_records=/var/lib/selvedge/timers

# timers_unit NAME: print the name of its units, without their suffix.
timers_unit() { printf 'selvedge-timer-%s.%s' "$app" "$1"; }

# timers_names: print the timers that have a unit on the server, one a line.
# Values: app
timers_names() {
  local unit
  for unit in "$timers_units/selvedge-timer-$app".*.timer "$timers_units/selvedge-timer-$app".*.service; do
    [ -e "$unit" ] || continue
    unit=${unit#"$timers_units/selvedge-timer-$app."}
    printf '%s\n' "${unit%.*}"
  done | sort -u
}

# timers_listed: print the timers that a change of hosts.toml may remove: not those of which only the last run is still going.
# Values: app
timers_listed() {
  local name
  for name in $(timers_names); do
    if [ -e "$timers_units/$(timers_unit "$name").timer" ] || ! timers_active "$name"; then printf '%s\n' "$name"; fi
  done
}

# timers_running: print the releases in which timers run now. They are not removed meanwhile.
timers_running() {
  local record
  for record in "$timers_records/$app".*; do
    if [ -f "$record" ] && timers_active "${record#"$timers_records/$app."}"; then sed -n 's/^TIMER_RELEASE=//p' "$record"; fi
  done
}

# timers_active NAME: whether a run of it is going.
timers_active() {
  case $(systemctl is-active "$(timers_unit "$1").service" 2>/dev/null) in
    active | activating | deactivating) return 0 ;;
    *) return 1 ;;
  esac
}

# timers_reload NAME: load its changed units. A changed schedule must not count a time before the change as missed.
# Values: app
timers_reload() {
  local unit stamp
  unit=$(timers_unit "$1")
  stamp=/var/lib/systemd/timers/stamp-$unit.timer
  systemctl daemon-reload
  if [ -e "$stamp" ]; then touch -- "$stamp"; fi
  service_run restart "$unit.timer"
}

# timers_remove NAME…: remove timers. A run that is going finishes in its release, and then removes the rest of its timer
# (templates/systemd/timer_record.j2).
# Values: app base
timers_remove() {
  local name unit
  for name; do
    unit=$(timers_unit "$name")
    systemctl --no-reload -q disable "$unit.timer" 2>/dev/null || :
    systemctl -q stop "$unit.timer" 2>/dev/null || :
    rm -f -- "$timers_units/$unit.timer" "$timers_units/timers.target.wants/$unit.timer" "/var/lib/systemd/timers/stamp-$unit.timer"
    stamp_remove "$unit.timer"
    timers_active "$name" || rm -f -- "$timers_units/$unit.service" "$base/timers/$name.sh" "$timers_records/$app.$name"
    # What its messages have told (server/messages): another timer may get its name.
    rm -f -- "/var/lib/selvedge/messages/$app/timer.$name"
  done
  systemctl daemon-reload
  for name; do systemctl -q reset-failed "$(timers_unit "$name").service" 2>/dev/null || :; done
}

# timers_end: end all runs and remove all timers of the app.
timers_end() {
  # shellcheck disable=SC2046 # no name has a space
  set -- $(timers_names)
  [ $# -gt 0 ] || return 0
  timers_stop "$@"
  timers_remove "$@"
}

# timers_pids: print the main processes of the runs that are going.
timers_pids() {
  local name
  for name in $(timers_names); do systemctl show --value -p MainPID "$(timers_unit "$name").service" 2>/dev/null || :; done
}

# timers_stop NAME…: stop their schedules and the runs that are going, also after a reboot.
# Values: app
timers_stop() {
  local name
  for name; do
    systemctl -q disable --now "$(timers_unit "$name").timer" 2>/dev/null || :
    if timers_active "$name"; then
      step_wait "waiting for the timer $name to end"
      systemctl stop "$(timers_unit "$name").service" || :
      step_wait ""
    fi
  done
}

# timers_start NAME…: start their schedules.
# Values: app
timers_start() {
  local name
  for name; do service_run 'enable --now' "$(timers_unit "$name").timer"; done
}

# timers_fact: print a line for each timer: its name, its schedule (on, off; removed, while the last run is still going), whether a run is
# going, its next run, then of its last run the begin, end, result, code, status and release; "-" for what is not known. Times are
# seconds since 1970.
# Values: app
timers_fact() {
  local name unit states next
  for name in $(timers_names); do
    unit=$(timers_unit "$name")
    states=$(TZ=UTC systemctl show -p ActiveState -p UnitFileState -p NextElapseUSecRealtime "$unit.timer" 2>/dev/null) || states=
    case $states in
      *ActiveState=active*UnitFileState=enabled*) printf 'timer %s on' "$name" ;;
      *) if [ -e "$timers_units/$unit.timer" ]; then printf 'timer %s off' "$name"; else printf 'timer %s removed' "$name"; fi ;;
    esac
    if timers_active "$name"; then printf ' running'; else printf ' -'; fi
    next=$(printf '%s\n' "$states" | sed -n 's/^NextElapseUSecRealtime=//p')
    if [ -n "$next" ]; then next=$(date -d "$next" +%s 2>/dev/null) || next=; fi
    printf ' %s %s\n' "${next:--}" "$(timers_record "$name")"
  done
}

# timers_record NAME: print its last run.
timers_record() {
  awk -F = '{ value[$1] = $2 }
    function shown(key) { return value["TIMER_" key] == "" ? "-" : value["TIMER_" key] }
    END { print shown("BEGAN"), shown("ENDED"), shown("RESULT"), shown("CODE"), shown("STATUS"), shown("RELEASE") }' \
    "$timers_records/$app.$1" 2>/dev/null || echo '- - - - - -'
}

# timers_run NAME: run it now, and print its output while it runs; after $mark, the exit status of systemctl. 3: the server does not
# have it, 4: a run is going already, 5: the data is half restored, 6: a restore replaces it now. The run does not depend on the
# connection.
# Values: app base log_dir
timers_run() {
  local unit log starter status
  unit=$(timers_unit "$1").service
  log=$log_dir/timer-$1.log
  [ -e "$timers_units/$unit" ] || exit 3
  if timers_active "$1"; then exit 4; fi
  if restoring_paused && restoring_now; then exit 6; fi
  if restoring_half; then exit 5; fi
  printed=$(stat -c %s -- "$log" 2>/dev/null) || printed=0
  systemctl start "$unit" >/dev/null 2>&1 &
  starter=$!
  while kill -0 "$starter" 2>/dev/null; do
    sleep 0.2
    timers_print
  done
  status=0
  wait "$starter" || status=$?
  timers_print
  # Output without a final newline must not swallow the mark.
  printf '\n%s %s\n' "$mark" "$status"
}

# timers_print: print what the log has more than $printed bytes, and set $printed.
timers_print() {
  local now
  now=$(stat -c %s -- "$log" 2>/dev/null) || return 0
  # It was rotated meanwhile.
  if [ "$now" -lt "$printed" ]; then printed=0; fi
  if [ "$now" -gt "$printed" ]; then tail -c "+$((printed + 1))" -- "$log" | head -c "$((now - printed))"; fi
  printed=$now
}
