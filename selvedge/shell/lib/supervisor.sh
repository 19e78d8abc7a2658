# supervisor as the manager of the instances: one file per app, in it one program for each instance that shall run.
# The section of a running program is never rewritten, since supervisor would restart it. Reads $app, $base, $run_dir,
# $log_dir and $supervisor_conf.

# supervisor_programs BOOT INSTANCE…: their sections; a boot starts those in BOOT (a list) and no other. The section of an
# instance whose folder has none any more is that of the file.
supervisor_programs() {
  boot=$1
  shift
  for section in "$@"; do
    case " $boot " in *" $section "*) starts=true ;; *) starts=false ;; esac
    if [ -f "$base/instances/$section/program.conf" ]; then
      sed "s/^autostart=.*/autostart=$starts/" -- "$base/instances/$section/program.conf"
    else
      sed -n "s/^autostart=.*/autostart=$starts/;\
        /^\[program:$app\.$section\]\$/,/^\[program:/{/^\[program:$app\.$section\]\$/p;/^\[program:/!p;}" "$supervisor_conf"
    fi
  done
}

supervisor_known() { grep -q -s -F -- "[program:$app.$1]" "$supervisor_conf"; }

# The instances in the file now, one a line.
supervisor_listed() { sed -n "s/^\[program:$app\.\(.*\)\]$/\1/p" "$supervisor_conf" 2>/dev/null || :; }

# supervisor_others INSTANCE: all of them but this one.
supervisor_others() {
  for listed in $(supervisor_listed); do
    [ "$listed" = "$1" ] || printf '%s\n' "$listed"
  done
}

# supervisor_write BOOT INSTANCE…: the file holds exactly these. Supervisor is not told: it would restart a program whose
# section has changed.
supervisor_write() {
  supervisor_programs "$@" >"$supervisor_conf.new"
  sync -- "$supervisor_conf.new"
  mv -f -- "$supervisor_conf.new" "$supervisor_conf"
}

# supervisor_told INSTANCE: supervisor starts it, or stops it, as the file says by now; 1 where it cannot read its files or
# does not answer, with its words in $answer.
supervisor_told() {
  answer=$(supervisorctl update "$app.$1" 2>&1) || :
  case $answer in
    *CANT_REREAD* | *"refused connection"* | *"no such file"* | *SHUTDOWN_STATE* | *"shutting down"*) return 1 ;;
  esac
}

# supervisor_added INSTANCE: supervisor has not had it so far, and starts it as the file says. By its own protocol, which
# supervisorctl, a Python program, speaks too, a fifth of a second later. 1: for whatever reason it did not.
supervisor_added() {
  said=$(curl -s --noproxy '*' --max-time 10 --unix-socket /run/supervisor.sock -H 'Content-Type: text/xml' -d "<?xml version='1.0'?>\
<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>\
$(supervisor_call reloadConfig)$(supervisor_call addProcessGroup "<value><string>$app.$1</string></value>")\
</data></array></value></param></params></methodCall>" http://localhost/RPC2) || return 1
  case $said in *faultCode*) return 1 ;; *'<methodResponse>'*) return 0 ;; *) return 1 ;; esac
}

supervisor_call() {
  printf '%s' "<value><struct><member><name>methodName</name><value><string>supervisor.$1</string></value></member>\
<member><name>params</name><value><array><data>${2:-}</data></array></value></member></struct></value>"
}

# supervisor_start INSTANCE: whatever it is by now, it begins anew. From the next boot on it starts by itself only when it is
# the live one. What goes wrong is said by $refuse, if that is set.
supervisor_start() {
  probe_has supervisorctl || step_fail "$1 runs under supervisor, which is not installed: run \`fab install\` with manager = \"supervisor\" first"
  supervisor_places "$1"
  live_one=$(releases_live)
  cmp -s -- "$base/instances/$live_one/program.conf" "$supervisor_conf" || file_backup "$supervisor_conf"
  # It starts because the file says so, and as what it started with supervisor knows it: without this line, whoever types
  # `supervisorctl update` later would start it anew. Should the power go now, the live one comes back, too.
  # shellcheck disable=SC2046
  supervisor_write "$1 $live_one" $(supervisor_others "$1") "$1"
  if supervisor_added "$1"; then
    supervisor_boot "${live_one:-none}"
    return 0
  fi
  if ! supervisor_told "$1"; then
    supervisor_boot "${live_one:-none}"
    # What it has in memory, such as an old release that was stopped a moment ago, it can start without reading anything.
    if supervisorctl start "$app.$1" >/dev/null 2>&1; then return 0; fi
    case $answer in
      *CANT_REREAD*) "${refuse:-step_fail}" "supervisor cannot read its configuration: $answer. Look at the files in /etc/supervisor/conf.d" ;;
      *) "${refuse:-step_fail}" "supervisor does not answer: $answer. On the server: systemctl restart supervisor; journalctl -u supervisor -n 20" ;;
    esac
  fi
  case $answer in
    *"added process group"* | *"updated process group"*) ;;
    *) supervisorctl restart "$app.$1" >/dev/null 2>&1 || supervisorctl start "$app.$1" >/dev/null 2>&1 || : ;;
  esac
  supervisor_boot "${live_one:-none}"
}

# supervisor_places INSTANCE: its log, which supervisor would make readable for everybody, and the folder of its socket,
# which is root's where systemd is the manager. The line for the next boot is the one that `fab gunicorn` writes.
supervisor_places() {
  if [ ! -e "$log_dir/$1.log" ]; then install -m 0640 -g adm -- /dev/null "$log_dir/$1.log"; fi
  printf 'd %s 2750 %s www-data -\n' "$run_dir" "$app" >"/etc/tmpfiles.d/$app.conf"
  install -d -m 2750 -o "$app" -g www-data -- "$run_dir"
}

# supervisor_boot INSTANCE: a boot starts it, and no other.
supervisor_boot() {
  # shellcheck disable=SC2046
  [ ! -f "$supervisor_conf" ] || supervisor_write "$1" $(supervisor_listed)
}

# supervisor_keep INSTANCE: the file holds it alone, as it was made.
supervisor_keep() {
  file_backup "$supervisor_conf"
  supervisor_write "$1" "$1"
}

# supervisor_pause INSTANCE: stopped, but not forgotten: a boot would start it again.
supervisor_pause() { supervisorctl stop "$app.$1"; }

# supervisor_stop INSTANCE: stopped, and gone from the file. Supervisor is told even where the file does not know it: it may
# run since somebody removed the file, or wrote another one.
supervisor_stop() {
  if ! probe_has supervisorctl; then
    # With the package its processes went, too.
    ! supervisor_known "$1" || rm -f -- "$supervisor_conf"
    return 0
  fi
  gone=$1
  # shellcheck disable=SC2046
  if supervisor_known "$gone"; then supervisor_write "$(releases_live)" $(supervisor_others "$gone"); fi
  supervisor_told "$gone" || step_say "supervisor cannot be told that $gone has gone: $answer"
}

supervisor_alive() {
  supervisor_answer=$(supervisorctl status "$app.$1" 2>&1) || :
  case $supervisor_answer in
    *RUNNING* | *STARTING*) return 0 ;;
    *) return 1 ;;
  esac
}

supervisor_pid() { supervisorctl pid "$app.$1" 2>/dev/null || echo 0; }
