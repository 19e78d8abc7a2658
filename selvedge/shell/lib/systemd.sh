# systemd as the manager of the instances: a socket unit and a service unit for each, under the name APP.INSTANCE. They
# start at a boot only when they are enabled, which a release is when it gets the traffic. Reads $app, $base, $run_dir and
# $log_dir.

systemd_units=/etc/systemd/system

systemd_known() { [ -e "$systemd_units/$app.$1.service" ] || [ -e "$systemd_units/$app.$1.socket" ]; }

systemd_write() {
  for kind in socket service; do
    install -m 0644 -- "$base/instances/$1/unit.$kind" "$systemd_units/.$app.$1.new"
    sync -- "$systemd_units/.$app.$1.new"
    mv -f -- "$systemd_units/.$app.$1.new" "$systemd_units/$app.$1.$kind"
  done
}

# systemd_start INSTANCE: without waiting for it; the gate does. What goes wrong is said by $refuse, if that is set.
systemd_start() {
  if systemd_known "$1"; then systemd_before=1; else systemd_before=; fi
  systemd_log "$1"
  [ -d "$run_dir" ] || install -d -m 0750 -g www-data -- "$run_dir"
  systemd_write "$1"
  # What is new is found without a reload, which costs as much as all the rest.
  if [ -n "$systemd_before" ]; then systemctl daemon-reload; fi
  if ! { systemctl start "$app.$1.socket" && systemctl --no-block restart "$app.$1.service"; }; then
    "${refuse:-step_fail}" "systemd cannot start $app.$1: $(systemd_why "$1")"
  fi
  if [ "$(readlink "$base/live.sock" 2>/dev/null)" = "$run_dir/$1.sock" ]; then systemd_enable "$1"; fi
}

# systemd_log INSTANCE: systemd would make it readable for everybody.
systemd_log() {
  if [ ! -e "$log_dir/$1.log" ]; then install -m 0640 -g adm -- /dev/null "$log_dir/$1.log"; fi
}

systemd_why() {
  journalctl -q -n 3 -o cat --no-pager -u "$app.$1.socket" -u "$app.$1.service" 2>/dev/null | tr '\n' ' '
}

# systemd_enable INSTANCE: from the next boot on it starts by itself.
systemd_enable() { systemctl --no-reload -q enable "$app.$1.socket" "$app.$1.service"; }

# systemd_boot INSTANCE: a boot starts it, where it is one of systemd's, and no other. First it, then not the others: a power
# cut in between must not find a server that starts none.
systemd_boot() {
  if systemd_known "$1"; then systemd_enable "$1"; fi
  for unit in "$systemd_units/multi-user.target.wants/$app".????????????-??????*.service \
    "$systemd_units/sockets.target.wants/$app".????????????-??????*.socket; do
    case ${unit##*/} in
      "$app.$1.service" | "$app.$1.socket") ;;
      *) if [ -L "$unit" ]; then systemctl --no-reload -q disable "${unit##*/}"; fi ;;
    esac
  done
}

# systemd_keep INSTANCE: the units, as they were made.
systemd_keep() {
  for kind in socket service; do file_backup "$systemd_units/$app.$1.$kind"; done
  systemd_write "$1"
  systemctl daemon-reload
  systemd_enable "$1"
}

# systemd_pause INSTANCE: stopped, but not forgotten: a boot would start it again.
systemd_pause() { systemctl stop "$app.$1.socket" "$app.$1.service"; }

# systemd_stop INSTANCE: stopped and forgotten. Its files go last, so that a run that is cut off here is made up for.
systemd_stop() {
  systemd_known "$1" || return 0
  systemctl --no-reload -q disable "$app.$1.socket" "$app.$1.service" 2>/dev/null || :
  systemctl stop "$app.$1.socket" "$app.$1.service" 2>/dev/null || :
  rm -f -- "$systemd_units/$app.$1.socket" "$systemd_units/$app.$1.service"
  systemctl daemon-reload
  systemctl -q reset-failed "$app.$1.socket" "$app.$1.service" 2>/dev/null || :
}

# While its socket is listened on, systemd starts it again whatever becomes of it.
systemd_alive() { systemctl -q is-active "$app.$1.socket"; }

# systemd_starved INSTANCE: whether the kernel has ended processes of it for want of memory.
systemd_starved() { journalctl -q -o cat --no-pager -u "$app.$1.service" 2>/dev/null | grep -q 'killed by the OOM killer'; }

systemd_pid() { systemctl show --value --property=MainPID "$app.$1.service" 2>/dev/null || echo 0; }
