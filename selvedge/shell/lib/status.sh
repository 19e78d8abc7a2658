# How a server and its app are doing, a fact a line; writes nothing. Reads $app, $base, $run_dir, $manager, $live and the
# settings of the health check.

# status_fact: the releases, and how they and the server are doing. What takes longest goes on meanwhile; each line is one write.
# Values: app base run_dir live_socket site_enabled supervisor_conf manager health health_host health_timeout
status_fact() {
  releases_fact
  live=$(releases_live)
  status_upgrades &
  if [ -n "$live" ]; then
    # The release that is live may be older than what hosts.toml says.
    manager=$(manager_of "$live")
    processes=$(status_processes)
    printf '%s\n' "$processes"
    status_manager
    status_health
  fi
  status_services
  status_machine
  wait
}

# status_listeners: the processes that listen on the live socket; without systemd itself, which opens those of its units.
status_listeners() {
  ss -xlpH 2>/dev/null | grep -F -- " $run_dir/$live.sock " | grep -o 'pid=[0-9]*' | cut -d = -f 2 | grep -v -x 1 | sort -u
}

# status_processes: process id, parent, memory in kB and age in seconds of each. Under supervisor, one whose parent is
# process 1 is left of a gunicorn that was killed: it holds the socket's old file, and answers nobody any more.
status_processes() {
  pids=$(status_listeners | paste -s -d ,)
  [ -n "$pids" ] || return 0
  ps -o pid=,ppid=,rss=,etimes= -p "$pids" |
    awk -v manager="$manager" '{ print (manager == "supervisor" && $2 == 1) ? "orphan" : "process", $1, $2, $3, $4 }'
}

# status_manager: what the process manager says of the live release, and how often it has started it anew since somebody
# last stopped it. supervisor's log calls only the end of a process by itself "exited".
status_manager() {
  case $manager in
    supervisor)
      case $processes in
        *process*) ;;
        *) printf 'manager %s\n' "$(supervisorctl status "$app.$live" 2>&1 | tail -n 1)" ;;
      esac
      cat /var/log/supervisor/supervisord.log.1 /var/log/supervisor/supervisord.log 2>/dev/null |
        awk -v name="$app.$live (" 'index($0, " stopped: " name) { count = 0 } index($0, " exited: " name) { count++ }
          END { print "restarts", count + 0 }'
      ;;
    systemd)
      printf 'manager %s\n' "$(systemctl show --value -p ActiveState "$app.$live.service" 2>&1)"
      printf 'restarts %s\n' "$(systemctl show --value -p NRestarts "$app.$live.service" 2>&1)"
      ;;
  esac
}

# status_health: the status and seconds of one request through the link that nginx follows.
status_health() {
  scheme=http
  [ ! -e "$site_enabled-tls" ] || scheme=https
  printf 'health %s\n' "$(curl -s -o /dev/null -w '%{http_code} %{time_total}' --max-time "$health_timeout" \
    --unix-socket "$live_socket" -H "Host: $health_host" -H "X-Forwarded-Proto: $scheme" -- "http://localhost$health")"
}

status_services() {
  for unit in nginx "$manager"; do
    [ "$unit" = systemd ] || printf 'service %s %s\n' "$unit" "$(systemctl is-active "$unit" 2>/dev/null)"
  done
}

# status_certificate CHAIN UNIT DOMAIN: from when to when it is valid, until when the one is that nginx serves instead, and
# how the last renewal by that service ended.
status_certificate() {
  [ -s "$1" ] || return 0
  dates=$(openssl x509 -in "$1" -noout -startdate -enddate)
  printf 'certificate %s %s\n' "$(date -d "$(printf '%s\n' "$dates" | sed -n 's/^notBefore=//p')" +%s)" \
    "$(date -d "$(printf '%s\n' "$dates" | sed -n 's/^notAfter=//p')" +%s)"
  printf 'served %s\n' "$(https_served_instead "$1" "$3")"
  printf 'renewal %s %s\n' "$2" "$(systemctl show --value -p Result "$2" 2>/dev/null)"
}

status_machine() {
  folder=/srv
  [ -d /srv ] || folder=/
  printf 'now %s\n' "$(date +%s.%N)"
  printf 'disk %s\n' "$(df -Pk -- "$folder" | awk 'NR == 2 { print $4, $2 }')"
  # shellcheck disable=SC2046
  set -- $(df -Pi -- "$folder" | awk 'NR == 2 { print $4, $2 }')
  if disk_few_inodes "$@"; then printf 'few-inodes %s\n' "$1"; fi
  printf 'load %s %s\n' "$(cut -d ' ' -f 1 /proc/loadavg)" "$(nproc)"
  awk '/^MemAvailable:/ { free = $2 } /^MemTotal:/ { all = $2 } /^SwapFree:/ { swap = $2 } END { print "memory", free, all, swap }' /proc/meminfo
  if [ -e /var/run/reboot-required ]; then
    printf 'reboot %s\n' "$(sort -u /var/run/reboot-required.pkgs 2>/dev/null | paste -s -d ' ')"
  fi
}

# status_upgrades: as a user who may write nothing, because apt as root would renew its cache on the way.
status_upgrades() {
  command -v apt-get >/dev/null 2>&1 || return 0
  if found=$(setpriv --reuid=nobody --regid=nogroup --clear-groups -- apt-get -q -s -o Debug::NoLocking=1 upgrade 2>/dev/null); then
    printf 'upgrades %s %s\n' "$(printf '%s\n' "$found" | grep -c '^Inst ')" \
      "$(printf '%s\n' "$found" | grep '^Inst ' | grep -c -i 'security')"
  fi
}
