# supervisor as the manager of the instances: one file per app, in it one program for each instance that shall run.
# The section of a running program is never rewritten, since supervisor would restart it. Reads $app, $base, $run_dir,
# $log_dir and $supervisor_conf.

supervisor_programs() {
  for section in "$@"; do
    [ ! -f "$base/instances/$section/program.conf" ] || cat "$base/instances/$section/program.conf"
  done
}

supervisor_known() { grep -q -s -F -- "[program:$app.$1]" "$supervisor_conf"; }

# The instances in the file now, one a line.
supervisor_listed() { sed -n "s/^\[program:$app\.\(.*\)\]$/\1/p" "$supervisor_conf" 2>/dev/null || :; }

# supervisor_write INSTANCE…: the file holds exactly these; supervisor must be able to read it, or the old one comes back.
supervisor_write() {
  if [ -f "$supervisor_conf" ]; then cp -p -- "$supervisor_conf" "$undo/supervisor.conf"; else rm -f "$undo/supervisor.conf"; fi
  supervisor_programs "$@" >"$undo/programs"
  install -m 0644 -- "$undo/programs" "$supervisor_conf.new"
  sync -- "$supervisor_conf.new"
  mv -f -- "$supervisor_conf.new" "$supervisor_conf"
  answer=$(supervisorctl reread 2>&1) || :
  case $answer in
    *ERROR* | *error* | *refused* | *"no such file"*)
      if [ -f "$undo/supervisor.conf" ]; then cp -p -- "$undo/supervisor.conf" "$supervisor_conf"; else rm -f -- "$supervisor_conf"; fi
      fail "supervisor cannot read its configuration: $answer. Look at the files in /etc/supervisor/conf.d"
      ;;
  esac
}

# supervisor_start INSTANCE
supervisor_start() {
  has supervisorctl || fail "$1 runs under supervisor, which is not installed: run \`fab install\` with manager = \"supervisor\" first"
  supervisor_places "$1"
  if supervisor_known "$1"; then
    # Left by a run that was cut off, or not running any more: begin anew.
    supervisorctl restart "$app.$1" >/dev/null 2>&1 || supervisorctl start "$app.$1" >/dev/null 2>&1 || :
    supervisorctl update "$app.$1" >/dev/null
    return 0
  fi
  # shellcheck disable=SC2046
  supervisor_write $(supervisor_listed) "$1"
  supervisorctl update "$app.$1"
}

# supervisor_places INSTANCE: its log, which supervisor would make readable for everybody, and the folder of its socket,
# which is root's where systemd is the manager. The line for the next boot is the one that `fab gunicorn` writes.
supervisor_places() {
  if [ ! -e "$log_dir/$1.log" ]; then install -m 0640 -g adm -- /dev/null "$log_dir/$1.log"; fi
  printf 'd %s 2750 %s www-data -\n' "$run_dir" "$app" >"/etc/tmpfiles.d/$app.conf"
  install -d -m 2750 -o "$app" -g www-data -- "$run_dir"
}

# What stands in the file starts at the next boot.
supervisor_enable() { supervisor_known "$1"; }

# supervisor_keep INSTANCE: the file only. Supervisor would restart a program that it is told to read anew.
supervisor_keep() { supervisor_write "$1"; }

# supervisor_pause INSTANCE: stopped, but not forgotten: a boot would start it again.
supervisor_pause() { supervisorctl stop "$app.$1"; }

# supervisor_stop INSTANCE: stopped, and gone from the file.
supervisor_stop() {
  supervisor_known "$1" || return 0
  if ! has supervisorctl; then
    # With the package its processes went, too.
    rm -f -- "$supervisor_conf"
    return 0
  fi
  gone=$1
  # shellcheck disable=SC2046
  supervisor_write $(supervisor_listed | grep -v -x -F -- "$gone")
  supervisorctl update "$app.$gone"
}

supervisor_alive() {
  supervisor_answer=$(supervisorctl status "$app.$1" 2>&1) || :
  case $supervisor_answer in
    *RUNNING* | *STARTING*) return 0 ;;
    *) return 1 ;;
  esac
}

supervisor_pid() { supervisorctl pid "$app.$1" 2>/dev/null || echo 0; }
