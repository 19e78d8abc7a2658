# The process managers. Each has a file with the same functions, which only this file calls: supervisor.sh, systemd.sh, docker.sh. An
# instance belongs to the manager whose files are in its folder, even if hosts.toml now names another one: so the switch can stop
# a release of another manager, or go back to it. Reads $base, $run_dir and $log_dir.
# Needs: supervisor systemd docker

manager_all='systemd docker supervisor'

# manager_of INSTANCE: print its process manager. If no manager has files in its folder, it is the last one, because supervisor's
# own file may still have the instance.
manager_of() {
  local manager
  for manager in $manager_all; do
    if "${manager}_owns" "$1"; then break; fi
  done
  echo "$manager"
}

# manager_files: print the names of all files in an instance's folder that a manager reads.
manager_files() {
  local manager
  for manager in $manager_all; do "${manager}_files"; done
}

# manager_start INSTANCE [REFUSE]: start it next to all others. REFUSE: the function that gets the sentence of an error.
manager_start() { "$(manager_of "$1")_start" "$1" "${2:-step_fail}"; }

# manager_boot INSTANCE: have the next boot start it with its processes, and no other instance. Its own manager comes first, so that
# after a power cut in between a boot still starts the app. 1: it could not write that.
manager_boot() {
  local own manager
  own=$(manager_of "$1")
  "${own}_boot" "$1" || return 1
  for manager in $manager_all; do
    [ "$manager" = "$own" ] || "${manager}_boot" "$1"
  done
  processes_boot "$1"
}

# manager_boots INSTANCE: whether a boot starts it, with the files in its folder.
manager_boots() { "$(manager_of "$1")_boots" "$1"; }

# manager_rewrite INSTANCE: write the files again that start it at a boot. It keeps running.
manager_rewrite() { "$(manager_of "$1")_rewrite" "$1"; }

# manager_pause INSTANCE: stop it until the next boot or the next manager_start.
manager_pause() { "$(manager_of "$1")_pause" "$1"; }

# manager_stop INSTANCE: stop it with its processes, and delete its files outside of its folder.
manager_stop() {
  processes_leave "$1"
  manager_stop_web "$1"
  processes_stop "$1"
}

# manager_stop_web INSTANCE: stop only its web process.
manager_stop_web() {
  local manager
  for manager in $manager_all; do "${manager}_stop" "$1"; done
  manager_kill_orphans "$1"
}

# manager_kill_orphans INSTANCE: kill workers whose parent was killed. They would run forever, and no manager knows them. They
# have no requests to finish, because the file of their socket was deleted.
manager_kill_orphans() {
  local pids round
  round=0
  # A master that is killed after its worker may have started another one meanwhile.
  while [ "$round" -lt 5 ]; do
    round=$((round + 1))
    pids=$(manager_processes "$1" | tr ' ' '\n' | grep -x -v 1) || return 0
    # shellcheck disable=SC2086
    kill -KILL $pids 2>/dev/null || :
    sleep 0.1
  done
}

# manager_known INSTANCE: whether a manager has it.
manager_known() {
  local manager
  for manager in $manager_all; do
    if "${manager}_known" "$1"; then return 0; fi
  done
  return 1
}

# manager_instances: print every instance: those with a folder, and those that a manager has.
manager_instances() {
  local manager
  {
    ls -- "$base/instances" 2>/dev/null || :
    for manager in $manager_all; do "${manager}_instances"; done
    if processes_any; then unit_list '*' | sed 's/\..*//'; fi
  } | sort -u
}

# manager_others INSTANCE: print every other instance that runs, or that a manager has.
manager_others() {
  local other
  for other in $(manager_instances); do
    if [ "$other" != "$1" ] && manager_has "$other"; then printf '%s\n' "$other"; fi
  done
}

# manager_has INSTANCE: whether it runs, or a manager has it or one of its processes.
manager_has() { manager_known "$1" || releases_listening "$1" || processes_has "$1"; }

manager_alive() { "$(manager_of "$1")_alive" "$1"; }

# manager_watch INSTANCE: print the id of its main process, 0 if it does not run, and its state in its process manager.
manager_watch() { "$(manager_of "$1")_watch" "$1"; }

# manager_run INSTANCE COMMAND…: run a command as the app's user, in the restrictions in which its process manager runs it.
manager_run() { "$(manager_of "$1")_run" "$@"; }

# manager_run_end INSTANCE: end the command that manager_run runs.
manager_run_end() { "$(manager_of "$1")_run_end" "$1"; }

# manager_pid INSTANCE: print the id of its main process, 0 if it does not run.
manager_pid() { "$(manager_of "$1")_pid" "$1"; }

# manager_starved INSTANCE: whether it was killed because it used more memory than it may.
manager_starved() { "$(manager_of "$1")_starved" "$1"; }

# manager_state INSTANCE: print the state of an instance that does not run, nothing if it was stopped.
manager_state() { "$(manager_of "$1")_state" "$1"; }

# manager_restarts INSTANCE: print how often it was restarted since its last stop.
manager_restarts() { "$(manager_of "$1")_restarts" "$1"; }

# manager_leaves_orphans INSTANCE: whether its workers keep running, with process 1 as their parent, if their app server is
# killed.
manager_leaves_orphans() { "$(manager_of "$1")_leaves_orphans" "$1"; }

# manager_service MANAGER: print the service that it needs, nothing if it is a part of every server.
manager_service() { "${1}_service"; }

# manager_configuration MANAGER: print the first error in its configuration or "ok"; nothing if it has none.
manager_configuration() { "${1}_configuration"; }

# manager_folder: create the folder of the sockets, now and at each boot, for a release that opens its own, as `fab gunicorn` does. Under
# systemd root owns it.
manager_folder() {
  printf 'd %s 2750 %s www-data -\n' "$run_dir" "$app" >"/etc/tmpfiles.d/$app.conf"
  install -d -m 2750 -o "$app" -g www-data -- "$run_dir"
}

# manager_log NAME: create the log of an instance or a unit, which a manager would make readable to all users.
manager_log() {
  if docker_owns "${1%%.*}"; then return 0; fi
  if [ ! -e "$log_dir/$1.log" ]; then install -m 0640 -g adm -- /dev/null "$log_dir/$1.log"; fi
}

# manager_processes INSTANCE: print the processes that have its socket open: the app server and its workers. A worker that was
# replaced has another id. Root sends signals to them, and the list has the names that processes give themselves, such as pid=801: only
# those of the app's user count, and process 1, which opens sockets under systemd.
manager_processes() {
  manager_sockets "$1" | awk -v path=" $run_dir/$1.sock " -v uid="$(id -u -- "$app" 2>/dev/null)" '
    function user(pid, file, line, words, found) {
      file = "/proc/" pid "/status"
      while (found == "" && (getline line <file) > 0) if (split(line, words) > 1 && words[1] == "Uid:") found = words[2]
      close(file)
      return found
    }
    index($0, path) {
      while (match($0, /pid=[0-9]+/)) {
        pid = substr($0, RSTART + 4, RLENGTH - 4)
        $0 = substr($0, RSTART + RLENGTH)
        if (!(pid in seen) && (pid == 1 || (uid != "" && user(pid) == uid))) printf "%s ", pid
        seen[pid]
      }
    }'
}

# manager_sockets [INSTANCE]: print the listening sockets, as `ss -xlpH` does. Those of containers are not in the server's own list.
manager_sockets() {
  if [ -z "${1:-}" ] || ! docker_owns "$1"; then ss -xlpH 2>/dev/null || :; fi
  if [ -z "${1:-}" ]; then docker_sockets; elif docker_owns "$1"; then docker_sockets "$app.$1"; fi
}
