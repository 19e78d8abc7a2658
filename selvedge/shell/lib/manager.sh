# The process manager of an instance: the one whose files stand in its folder (supervisor.sh, systemd.sh), whatever
# hosts.toml says by now. So a release of the other one can be switched from, stopped, and gone back to. Reads $base
# and $run_dir.

# The processes that have an instance's socket open: gunicorn and its workers. Their ids change when one died and was
# replaced.
manager_processes() {
  ss -xlpH 2>/dev/null | awk -v path=" $run_dir/$1.sock " 'index($0, path) {
    while (match($0, /pid=[0-9]+/)) {
      pid = substr($0, RSTART + 4, RLENGTH - 4)
      $0 = substr($0, RSTART + RLENGTH)
      if (!(pid in seen)) printf "%s ", pid
      seen[pid]
    }
  }'
}

manager_of() { if [ -f "$base/instances/$1/unit.service" ]; then echo systemd; else echo supervisor; fi; }

# manager_start INSTANCE: beside what runs already.
manager_start() { "$(manager_of "$1")_start" "$1"; }

# manager_boot INSTANCE: from the next boot on it starts by itself, and no other. Its own manager is told first.
manager_boot() {
  if [ "$(manager_of "$1")" = systemd ]; then
    systemd_boot "$1"
    supervisor_boot "$1"
  else
    supervisor_boot "$1"
    systemd_boot "$1"
  fi
}

# manager_keep INSTANCE: it runs, and goes on; what its manager reads at a boot is written again.
manager_keep() { "$(manager_of "$1")_keep" "$1"; }

# manager_pause INSTANCE: stopped for now.
manager_pause() { "$(manager_of "$1")_pause" "$1"; }

# manager_stop INSTANCE: stopped for good.
manager_stop() {
  systemd_stop "$1"
  supervisor_stop "$1"
  manager_orphans "$1"
}

# manager_orphans INSTANCE: workers whose gunicorn was killed do not look for it, and go on for ever; supervisor has lost
# sight of them. They have nothing to end gently: the socket that they listen on is no file any more.
manager_orphans() {
  for pid in $(manager_processes "$1"); do
    [ "$pid" -eq 1 ] || kill -KILL "$pid" 2>/dev/null || :
  done
}

manager_known() { systemd_known "$1" || supervisor_known "$1"; }
manager_alive() { "$(manager_of "$1")_alive" "$1"; }
manager_pid() { "$(manager_of "$1")_pid" "$1"; }
