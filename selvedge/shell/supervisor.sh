# supervisor as the manager of the instances: one file per app, in it one program for each instance that shall run.
# The section of a running program is never rewritten, since supervisor would restart it.

manager_programs() {
  for section in "$@"; do
    [ ! -f "$base/instances/$section/program.conf" ] || cat "$base/instances/$section/program.conf"
  done
}

manager_known() { grep -q -s -F -- "[program:$app.$1]" "$supervisor_conf"; }

# The instances in the file now, one a line.
manager_listed() { sed -n "s/^\[program:$app\.\(.*\)\]$/\1/p" "$supervisor_conf" 2>/dev/null || :; }

# manager_write INSTANCE…: the file holds exactly these; supervisor must be able to read it, or the old one comes back.
manager_write() {
  if [ -f "$supervisor_conf" ]; then cp -p -- "$supervisor_conf" "$undo/supervisor.conf"; else rm -f "$undo/supervisor.conf"; fi
  manager_programs "$@" >"$undo/programs"
  install -m 0644 -- "$undo/programs" "$supervisor_conf.new"
  mv -f -- "$supervisor_conf.new" "$supervisor_conf"
  answer=$(supervisorctl reread 2>&1) || :
  case $answer in
    *ERROR* | *error* | *refused* | *"no such file"*)
      if [ -f "$undo/supervisor.conf" ]; then cp -p -- "$undo/supervisor.conf" "$supervisor_conf"; else rm -f -- "$supervisor_conf"; fi
      fail "supervisor cannot read its configuration: $answer. Look at the files in /etc/supervisor/conf.d"
      ;;
  esac
}

# manager_start NEW OLD
manager_start() {
  if manager_known "$1"; then
    # Left by a run that was cut off, or not running any more: begin anew.
    supervisorctl restart "$app.$1" >/dev/null 2>&1 || supervisorctl start "$app.$1" >/dev/null 2>&1 || :
    supervisorctl update "$app.$1" >/dev/null
    return 0
  fi
  # shellcheck disable=SC2046
  manager_write $(manager_listed) "$1"
  supervisorctl update "$app.$1"
}

# manager_stop INSTANCE: stopped, and gone from the file.
manager_stop() {
  manager_known "$1" || return 0
  gone=$1
  # shellcheck disable=SC2046
  manager_write $(manager_listed | grep -v -x -F -- "$gone")
  supervisorctl update "$app.$gone"
}

manager_alive() {
  manager_answer=$(supervisorctl status "$app.$1" 2>&1) || :
  case $manager_answer in
    *RUNNING* | *STARTING*) return 0 ;;
    *) return 1 ;;
  esac
}

manager_pid() { supervisorctl pid "$app.$1" 2>/dev/null || echo 0; }
