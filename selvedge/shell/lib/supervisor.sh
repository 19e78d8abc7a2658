# supervisor as a process manager: one file per app ($supervisor_conf), with one program for each instance that runs. The
# section of a running program never changes, because supervisor would restart it. Reads $app, $base and $run_dir.
# Shared: answer

supervisor_files() { echo program.conf; }

supervisor_owns() { [ -f "$base/instances/$1/program.conf" ]; }

supervisor_known() { grep -q -s -F -- "[program:$app.$1]" "$supervisor_conf"; }

# supervisor_instances: print the instances in the file, one per line.
supervisor_instances() { sed -n "s/^\[program:$app\.\(.*\)\]$/\1/p" "$supervisor_conf" 2>/dev/null || :; }

# supervisor_others INSTANCE: print the instances in the file except this one.
supervisor_others() {
  local other
  for other in $(supervisor_instances); do
    [ "$other" = "$1" ] || printf '%s\n' "$other"
  done
}

# supervisor_programs BOOT INSTANCE…: print their sections. A boot starts the instances in the list BOOT. An instance without
# a file in its folder keeps its section in $supervisor_conf.
supervisor_programs() {
  local boot instance starts
  boot=$1
  shift
  for instance in "$@"; do
    case " $boot " in *" $instance "*) starts=true ;; *) starts=false ;; esac
    if supervisor_owns "$instance"; then
      sed "s/^autostart=.*/autostart=$starts/" -- "$base/instances/$instance/program.conf" || return 1
    else
      sed -n "s/^autostart=.*/autostart=$starts/;\
        /^\[program:$app\.$instance\]\$/,/^\[program:/{/^\[program:$app\.$instance\]\$/p;/^\[program:/!p;}" "$supervisor_conf" || return 1
    fi
  done
}

# supervisor_write BOOT COMMAND…: write the file again, with the instances that the command prints. A boot starts those in the
# list BOOT; `unchanged`: those that it starts now. supervisor does not read the file yet: it would restart a program whose
# section has changed. A drain and a run may both change the file, so there is a lock. 1: the file is as before, for example
# because the disk is full.
supervisor_write() (
  local boot
  boot=$1
  shift
  [ -d /run/selvedge ] || (umask 077 && mkdir -p /run/selvedge)
  exec 7>>"/run/selvedge/$app.supervisor"
  flock 7
  [ "$boot" != unchanged ] || boot=$(supervisor_booting)
  # shellcheck disable=SC2046
  supervisor_programs "$boot" $("$@") >"$supervisor_conf.new" || return 1
  sync -- "$supervisor_conf.new" && mv -f -- "$supervisor_conf.new" "$supervisor_conf"
)

# supervisor_booting: print the instances that a boot starts, separated by spaces.
supervisor_booting() {
  awk -v head="[program:$app." 'index($0, head) == 1 { name = substr($0, length(head) + 1); sub(/].*/, "", name) }
    /^autostart=true/ { printf "%s ", name }' "$supervisor_conf"
}

# supervisor_with INSTANCE: print the instances in the file, this one as the last.
supervisor_with() {
  supervisor_others "$1"
  printf '%s\n' "$1"
}

# supervisor_kept INSTANCE: print this instance and those in the file that drain, in the order of the file.
supervisor_kept() {
  local other known
  known=
  for other in $(supervisor_instances); do
    if [ "$other" = "$1" ]; then known=yes; fi
    if [ "$other" = "$1" ] || releases_draining "$other"; then printf '%s\n' "$other"; fi
  done
  [ -n "$known" ] || printf '%s\n' "$1"
}

# supervisor_update INSTANCE: have supervisor start or stop it according to the file. 1: supervisor cannot read its files or does
# not respond. $answer: its message.
supervisor_update() {
  answer=$(supervisorctl update "$app.$1" 2>&1) || :
  case $answer in
    *CANT_REREAD* | *"refused connection"* | *"no such file"* | *SHUTDOWN_STATE* | *"shutting down"*) return 1 ;;
  esac
}

# supervisor_add INSTANCE: have supervisor start an instance that is new to it. 1: it failed.
supervisor_add() {
  local response
  response=$(rpc_send "$(rpc_call reloadConfig)$(rpc_call addProcessGroup "$(rpc_text "$app.$1")")") || return 1
  case $response in *faultCode*) return 1 ;; *'<methodResponse>'*) return 0 ;; *) return 1 ;; esac
}

# supervisor_start INSTANCE REFUSE: start or restart it. Only the live instance starts at the next boot.
supervisor_start() {
  local live
  probe_has supervisorctl || step_fail "The release $1 runs under supervisor, which is not installed. Set app.manager = \"supervisor\" in hosts.toml, then run \`fab install\`"
  manager_log "$1"
  manager_folder
  live=$(releases_live)
  supervisor_boots "$live" || file_backup "$supervisor_conf"
  # supervisor starts it because the file says autostart=true, and remembers that line. If it changed, the next `supervisorctl
  # update` would restart the program. After a power cut at this moment a boot starts the live instance, too.
  supervisor_write "$1 $live" supervisor_with "$1"
  if supervisor_add "$1"; then
    supervisor_boot "${live:-none}"
  elif supervisor_update "$1"; then
    case $answer in
      *"added process group"* | *"updated process group"*) ;;
      *) supervisorctl restart "$app.$1" >/dev/null 2>&1 || supervisorctl start "$app.$1" >/dev/null 2>&1 || : ;;
    esac
    supervisor_boot "${live:-none}"
  else
    supervisor_boot "${live:-none}"
    # Without reading its files it can still start a program that it has in memory, such as the previous release after its stop.
    supervisorctl start "$app.$1" >/dev/null 2>&1 || supervisor_refuse "$2"
  fi
}

# supervisor_refuse REFUSE: report $answer.
supervisor_refuse() {
  case $answer in
    *CANT_REREAD*) "$1" "supervisor cannot read its configuration: $answer. Check the files in /etc/supervisor/conf.d" ;;
    *) "$1" "supervisor does not answer: $answer. Run \`sudo systemctl restart supervisor\` on the server; \`sudo journalctl -u supervisor -n 20\` shows its log" ;;
  esac
}

supervisor_boot() {
  [ ! -f "$supervisor_conf" ] || supervisor_write "$1" supervisor_instances
}

# supervisor_boots INSTANCE: whether the file has its section, and else only those of draining instances, which a boot does not
# start.
supervisor_boots() {
  # A drain that ends at this moment may change the file between two readings of it.
  supervisor_known "$1" && { supervisor_complete "$1" || { sleep 0.2 && supervisor_complete "$1"; }; }
}

# supervisor_complete INSTANCE: whether the file is as supervisor_rewrite would write it.
supervisor_complete() {
  # shellcheck disable=SC2046
  supervisor_programs "$1" $(supervisor_kept "$1") | cmp -s -- - "$supervisor_conf"
}

supervisor_rewrite() {
  file_backup "$supervisor_conf"
  supervisor_write "$1" supervisor_kept "$1"
}

supervisor_pause() {
  local leader status
  leader=$(supervisor_leader "$1")
  status=0
  supervisorctl stop "$app.$1" || status=$?
  group_end "$leader"
  return "$status"
}

# supervisor_leader INSTANCE: print the id of its main process, which leads a process group; 0 if it does not run.
supervisor_leader() {
  local pid
  pid=$(supervisor_info "$1" | sed -n 's#.*<name>pid</name> *<value><int>\([0-9]*\)</int>.*#\1#p')
  echo "${pid:-0}"
}

# supervisor_stop INSTANCE: this tells supervisor even if the file does not have the instance, because someone may have deleted or
# replaced the file while the program ran. 1: the file still has it, and a boot may start it.
supervisor_stop() {
  local leader
  if ! probe_has supervisorctl; then
    # The package was removed together with its processes.
    ! supervisor_known "$1" || rm -f -- "$supervisor_conf"
    return 0
  fi
  leader=$(supervisor_leader "$1")
  if supervisor_known "$1" && ! supervisor_write unchanged supervisor_others "$1"; then
    supervisor_pause "$1" >/dev/null 2>&1 || :
    return 1
  fi
  supervisor_update "$1" || step_say "could not tell supervisor to stop $1: $answer"
  group_end "$leader"
}

supervisor_alive() {
  case $(supervisorctl status "$app.$1" 2>&1) in
    *RUNNING* | *STARTING*) return 0 ;;
    *) return 1 ;;
  esac
}

# supervisor_info INSTANCE: print the answer of supervisor's own protocol about it; nothing if supervisor does not respond.
supervisor_info() {
  rpc_post "<methodCall><methodName>supervisor.getProcessInfo</methodName><params><param>\
$(rpc_text "$app.$1:$app.$1")</param></params></methodCall>" | tr -d '\n' || :
}

# supervisor_watch INSTANCE: print the id of its process, and its state in supervisor.
supervisor_watch() {
  local info state pid
  info=$(supervisor_info "$1")
  state=$(printf '%s' "$info" | sed -n 's#.*<name>statename</name> *<value><string>\([A-Z]*\)</string>.*#\1#p')
  pid=$(printf '%s' "$info" | sed -n 's#.*<name>pid</name> *<value><int>\([0-9]*\)</int>.*#\1#p')
  if [ -z "$state" ]; then
    # NAME STATE pid 123, uptime 0:00:05
    info=$(supervisorctl status "$app.$1" 2>&1 | tail -n 1) || :
    state=$(printf '%s\n' "$info" | awk '{ print $2 }')
    pid=$(printf '%s\n' "$info" | sed -n 's/.* pid \([0-9]*\),.*/\1/p')
  fi
  printf '%s %s\n' "${pid:-0}" "${state:-unknown}"
}

# supervisor_run INSTANCE COMMAND…: run a command as supervisor would run the app. The command leads a process group, whose
# processes end with it.
supervisor_run() {
  local pid status
  shift
  # Not by user_run: a function's process is a shell, and would be the group's parent.
  setpriv --reuid="$app" --regid="$(id -g "$app")" --init-groups --no-new-privs --bounding-set=-all -- "$@" &
  pid=$!
  printf '%s\n' "$pid" >"$undo/run.pid"
  status=0
  wait "$pid" || status=$?
  rm -f -- "$undo/run.pid"
  kill -s KILL -- "-$pid" 2>/dev/null || :
  return "$status"
}

supervisor_run_end() {
  local pid
  if { read -r pid <"$undo/run.pid"; } 2>/dev/null; then kill -s TERM "$pid" 2>/dev/null || :; fi
}

supervisor_pid() { supervisorctl pid "$app.$1" 2>/dev/null || echo 0; }

# supervisor_starved INSTANCE: supervisor does not limit memory.
supervisor_starved() { return 1; }

supervisor_state() {
  local state
  state=$(supervisorctl status "$app.$1" 2>&1 | tail -n 1)
  case $state in
    *"no such process"*) ;;
    *) printf '%s\n' "$state" ;;
  esac
}

# supervisor_restarts INSTANCE: supervisor's log has "exited" only for a process that no one stopped.
supervisor_restarts() {
  cat /var/log/supervisor/supervisord.log.1 /var/log/supervisor/supervisord.log 2>/dev/null |
    awk -v name="$app.$1 (" 'index($0, " stopped: " name) { count = 0 } index($0, " exited: " name) { count++ } END { print count + 0 }'
}

# supervisor_leaves_orphans: supervisor does not see the workers of a gunicorn that was killed.
supervisor_leaves_orphans() { :; }

supervisor_service() { echo supervisor; }

# supervisor_configuration: this calls supervisor's parser, because its daemon would apply the files.
supervisor_configuration() {
  local answer
  [ -f /etc/supervisor/supervisord.conf ] || return 0
  if answer=$(/usr/bin/python3 -c '
import sys
from supervisor.options import ServerOptions
ServerOptions().realize(["-c", "/etc/supervisor/supervisord.conf"])' 2>&1); then
    echo ok
  else
    # The message quotes values, which may be secrets of other programs.
    printf '%s %s\n' "$(printf '%s\n' "$answer" | grep -m 1 Error |
      sed "s/Format string '.*' for '/A format string for '/; s/ Available names: .* in section/ in section/")" \
      "$(printf '%s\n' "$answer" | grep -m 1 '^file: ')"
  fi
}
