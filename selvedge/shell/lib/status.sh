# How a server and its app are doing, one fact a line. Writes nothing.
# Shared: live manager

# status_fact MANAGER: the releases, the app and the server. MANAGER is the process manager in hosts.toml, "" if the app is not to run
# on this server; the live release may still have another one ($manager). The slowest query runs in the background. Each line is one
# write, so that lines do not mix.
# Values: app base run_dir live_socket supervisor_conf site_enabled site_login site_host health health_host health_timeout postgres redis
status_fact() {
  local processes
  live=$(releases_live)
  manager=$1
  releases_fact restarts
  status_upgrades &
  if [ -n "$live" ]; then
    manager=$(manager_of "$live")
    processes=$(status_processes)
    printf '%s\n' "$processes"
    status_release
    status_beside
    status_health
    status_site
  fi
  status_services
  timers_fact
  status_machine
  wait
}

# status_listeners: the processes that listen on the live socket, without process 1: systemd opens the sockets of its units.
status_listeners() {
  manager_processes "$live" | tr ' ' '\n' | grep -v -x -e 1 -e '' | sort -u
}

# status_processes: id, parent, memory in kB and age in seconds of each process of the live release. An orphan listens on a
# socket without a file.
status_processes() {
  local pids adopted
  pids=$(status_listeners | paste -s -d ,)
  [ -n "$pids" ] || return 0
  if manager_leaves_orphans "$live"; then adopted=orphan; else adopted=process; fi
  ps -o pid=,ppid=,rss=,etimes= -p "$pids" |
    awk -v adopted="$adopted" '{ print ($2 == 1) ? adopted : "process", $1, $2, $3, $4 }'
}

# status_release: the state of the live release in its process manager, its restarts, and the HEALTHCHECK of its image.
status_release() {
  case $processes in
    *process*) ;;
    *) printf 'manager %s\n' "$(manager_state "$live")" ;;
  esac
  printf 'restarts %s\n' "$(manager_restarts "$live")"
  if docker_owns "$live"; then docker_health "$live" | sed 's/^/healthcheck /'; fi
}

# status_beside: the memory of the processes beside the web process in kB, all together.
status_beside() {
  local pids
  pids=$(processes_pids "$live" | paste -s -d ,)
  [ -z "$pids" ] || printf 'beside %s\n' "$(ps -o rss= -p "$pids" | awk '{ sum += $1 } END { print sum + 0 }')"
}

# status_health: the status and seconds of one request to the socket that nginx uses.
status_health() {
  printf 'health %s\n' "$(curl -s -o /dev/null -w '%{http_code} %{time_total}' --max-time "$health_timeout" \
    --unix-socket "$live_socket" -H "Host: $health_host" -H "X-Forwarded-Proto: $(request_scheme)" -- "http://localhost$health")"
}

# status_answer: the status of the health check's answer through nginx at the announced address, and the release in its header.
status_answer() { request_site "$(request_origin "$site_host")$(request_prefix)$health"; }

# status_site: the status of the site's answer through nginx at the announced address, and the release that its header names.
status_site() {
  [ -e "$site_enabled" ] || return 0
  printf 'site %s\n' "$(status_answer)"
}

# status_balancer: whether the balancer's site is enabled, and the status of its answer through nginx, 0 without one.
# Values: app site_enabled site_login site_host health health_timeout
status_balancer() {
  if [ ! -e "$site_enabled" ]; then
    printf 'balancer no\n'
    return 0
  fi
  printf 'balancer yes %s\n' "$(status_answer)"
}

# status_units: the services that the app needs.
status_units() {
  if [ -n "$manager" ]; then
    echo nginx
    manager_service "$manager"
  fi
  # postgresql.service is active even if its cluster is not.
  if [ -n "$postgres" ]; then postgres_unit; fi
  if [ -n "$redis" ]; then echo "selvedge-redis@$app"; fi
}

status_services() {
  local unit
  for unit in $(status_units); do
    printf 'service %s %s\n' "$unit" "$(systemctl is-active "$unit" 2>/dev/null)"
  done
}

# status_metrics UNIT…: the states of the units of [metrics], in this order.
status_metrics() { printf 'metrics %s\n' "$(systemctl is-active "$@" 2>/dev/null | paste -s -d ' ')"; }

# status_alerts: the alerts that Prometheus has now, as JSON on one line.
status_alerts() {
  printf 'alerts %s\n' "$(curl -s --noproxy '*' --max-time 5 http://127.0.0.1:9090/api/v1/alerts | head -c 500000 | tr '\n' ' ')"
}

# status_certificate CHAIN UNIT DOMAIN PORT FOLDER: its validity, the end of the certificate that nginx serves instead, and whether its
# last renewal by this unit failed.
status_certificate() {
  local dates unit domain port
  unit=$2 domain=$3 port=$4
  set -- "$(https_chain "$1" "$5")"
  [ -s "$1" ] || return 0
  dates=$(openssl x509 -in "$1" -noout -startdate -enddate)
  printf 'certificate %s %s\n' "$(status_date notBefore)" "$(status_date notAfter)"
  printf 'served %s\n' "$(https_served_instead "$1" "$domain" "$port")"
  if [ -n "$(certbot_renewal "$1" "$unit")" ]; then printf 'renewal %s failed\n' "$unit"; fi
}

# status_date NAME: the date of this name in $dates, in seconds since 1970.
status_date() { date -d "$(printf '%s\n' "$dates" | sed -n "s/^$1=//p")" +%s; }

status_machine() {
  local folder
  folder=/srv
  [ -d /srv ] || folder=/
  printf 'now %s\n' "$(date +%s.%N)"
  # df prints four headings, then four numbers.
  # shellcheck disable=SC2046
  set -- $(df -k --output=avail,size,iavail,itotal -- "$folder")
  printf 'disk %s %s\n' "$5" "$6"
  if disk_few_inodes "$7" "$8"; then printf 'few-inodes %s\n' "$7"; fi
  printf 'load %s %s\n' "$(cut -d ' ' -f 1 /proc/loadavg)" "$(nproc)"
  awk '/^MemAvailable:/ { free = $2 } /^MemTotal:/ { all = $2 } /^SwapFree:/ { swap = $2 } END { print "memory", free, all, swap }' /proc/meminfo
  if [ -e /var/run/reboot-required ]; then
    printf 'reboot %s\n' "$(sort -u /var/run/reboot-required.pkgs 2>/dev/null | paste -s -d ' ')"
  fi
}

# status_upgrades: all upgrades and those for security. It runs as nobody, because apt would refresh its cache as root.
status_upgrades() {
  local found
  probe_has apt-get || return 0
  if found=$(setpriv --reuid=nobody --regid=nogroup --clear-groups -- apt-get -q -s -o Debug::NoLocking=1 upgrade 2>/dev/null); then
    printf 'upgrades %s %s\n' "$(printf '%s\n' "$found" | grep -c '^Inst ')" \
      "$(printf '%s\n' "$found" | grep '^Inst ' | grep -c -i 'security')"
  fi
}
