# systemd as a process manager: a socket unit and a service unit for each instance, named APP.INSTANCE. Only enabled units start
# at a boot; a release is enabled when it becomes live. Reads $app, $base, $run_dir and $live_socket.

systemd_units=/etc/systemd/system

systemd_files() { echo unit.socket unit.service; }

systemd_owns() { [ -f "$base/instances/$1/unit.service" ]; }

systemd_known() { [ -e "$systemd_units/$app.$1.service" ] || [ -e "$systemd_units/$app.$1.socket" ]; }

# systemd_instances: nothing, because all instances with units have a folder.
systemd_instances() { :; }

systemd_write() {
  local kind
  for kind in socket service; do
    install -m 0644 -- "$base/instances/$1/unit.$kind" "$systemd_units/.$app.$1.new" || return 1
    sync -- "$systemd_units/.$app.$1.new" || return 1
    mv -f -- "$systemd_units/.$app.$1.new" "$systemd_units/$app.$1.$kind"
  done
}

# systemd_start INSTANCE REFUSE: start or restart it. The gate waits until it is ready.
systemd_start() {
  local known since
  since=@$(date +%s)
  if systemd_known "$1"; then known=1; else known=; fi
  manager_log "$1"
  [ -d "$run_dir" ] || install -d -m 0750 -g www-data -- "$run_dir"
  systemd_write "$1"
  # systemd finds new units without a reload, which would double the time.
  if [ -n "$known" ]; then systemctl daemon-reload; fi
  if ! { systemctl start "$app.$1.socket" && systemctl --no-block restart "$app.$1.service"; }; then
    "$2" "systemd could not start $app.$1: $(systemd_why "$1" "$since")"
  fi
  if [ "$(releases_live)" = "$1" ]; then systemd_enable "$1"; fi
}

# systemd_why INSTANCE SINCE: print systemd's own last lines about its units since then: the app's lines may have secrets.
systemd_why() {
  journalctl -q -n 3 --since "$2" -o cat --no-pager -t systemd -u "$app.$1.socket" -u "$app.$1.service" 2>/dev/null | service_hide | tr '
' ' '
}

systemd_enable() { systemctl --no-reload -q enable "$app.$1.socket" "$app.$1.service"; }

# systemd_boot INSTANCE: enable it, if it is a unit, and then disable all others. In this order a boot after a power cut in between
# still starts one.
systemd_boot() {
  local unit
  if systemd_known "$1"; then systemd_enable "$1"; fi
  for unit in "$systemd_units/multi-user.target.wants/$app".????????????-??????*.service \
    "$systemd_units/sockets.target.wants/$app".????????????-??????*.socket; do
    case ${unit##*/} in
      # Processes have a number: see systemdunit.sh.
      "$app.$1.service" | "$app.$1.socket" | *@*) ;;
      *) if [ -L "$unit" ]; then systemctl --no-reload -q disable "${unit##*/}"; fi ;;
    esac
  done
}

systemd_boots() {
  cmp -s -- "$base/instances/$1/unit.service" "$systemd_units/$app.$1.service" &&
    cmp -s -- "$base/instances/$1/unit.socket" "$systemd_units/$app.$1.socket" &&
    [ -e "$systemd_units/multi-user.target.wants/$app.$1.service" ] && [ -e "$systemd_units/sockets.target.wants/$app.$1.socket" ]
}

systemd_rewrite() {
  local kind
  for kind in socket service; do file_backup "$systemd_units/$app.$1.$kind"; done
  systemd_write "$1"
  systemctl daemon-reload
  systemd_enable "$1"
}

systemd_pause() { systemctl stop "$app.$1.socket" "$app.$1.service"; }

# systemd_stop INSTANCE: this deletes the units last, so that the next run can finish an interrupted stop.
systemd_stop() {
  systemd_known "$1" || return 0
  systemctl --no-reload -q disable "$app.$1.socket" "$app.$1.service" 2>/dev/null || :
  systemctl stop "$app.$1.socket" "$app.$1.service" 2>/dev/null || :
  rm -f -- "$systemd_units/$app.$1.socket" "$systemd_units/$app.$1.service"
  systemctl daemon-reload
  systemctl -q reset-failed "$app.$1.socket" "$app.$1.service" 2>/dev/null || :
}

# systemd_alive INSTANCE: while systemd listens on its socket, it restarts the service whenever that ends.
systemd_alive() { systemctl -q is-active "$app.$1.socket"; }

# systemd_watch INSTANCE: print the id of its process, its state and the number of its restarts.
systemd_watch() {
  systemctl show -p MainPID -p ActiveState -p NRestarts "$app.$1.service" 2>/dev/null | awk -F = '
    { value[$1] = $2 }
    END { printf "%d %s, restarted %d times\n", value["MainPID"], value["ActiveState"] ? value["ActiveState"] : "unknown", value["NRestarts"] }'
}

# systemd_walls INSTANCE: print the properties of its unit that restrict it.
systemd_walls() {
  sed -n '/^\[Service\]/,/^\[Install\]/p' "$base/instances/$1/unit.service" | grep '^[A-Z][A-Za-z]*=' |
    grep -v '^\(Type\|ExecStart\|Standard[A-Za-z]*\|Restart[A-Za-z]*\|KillMode\|Timeout[A-Za-z]*\|OOMPolicy\|MemoryMax\|TasksMax\)='
}

systemd_run_unit() { printf 'selvedge-check-%s.%s.service' "$app" "$1"; }

# systemd_run INSTANCE COMMAND…: run a command in the restrictions of its unit. systemd reads the properties in their order.
systemd_run() {
  local unit line walls
  unit=$(systemd_run_unit "$1")
  walls=$(systemd_walls "$1" | tac)
  shift
  set -- --quiet --collect --pipe --wait --service-type=exec --unit="$unit" --description="Checks a release of $app" -- "$@"
  while IFS= read -r line; do set -- "--property=$line" "$@"; done <<EOF
$walls
EOF
  systemd-run --no-ask-password "$@"
}

systemd_run_end() { systemctl stop "$(systemd_run_unit "$1")" 2>/dev/null || :; }

systemd_pid() { systemctl show --value --property=MainPID "$app.$1.service" 2>/dev/null || echo 0; }

# systemd_starved INSTANCE: since the start that gate_log_begin has noted.
systemd_starved() { journalctl -q --since "${log_since:-@0}" -o cat --no-pager -u "$app.$1.service" 2>/dev/null | grep -q 'killed by the OOM killer'; }

systemd_state() {
  local state
  state=$(systemctl show --value -p ActiveState "$app.$1.service" 2>&1) || :
  [ "$state" = inactive ] || printf '%s\n' "$state"
}

systemd_restarts() { systemctl show --value -p NRestarts "$app.$1.service" 2>&1; }

# systemd_leaves_orphans: systemd kills all processes of a unit whose main process has ended.
systemd_leaves_orphans() { return 1; }

systemd_service() { :; }

systemd_configuration() { :; }
