# Frequent causes of trouble on a server, one fact a line. Changes nothing, but `nginx -t` opens the logs as nginx would.

# doctor_fact MANAGER: the facts of status_fact, and more.
# Values: app base run_dir live_socket supervisor_conf site_enabled site_login site_host health health_host health_timeout postgres redis domains ports module migrate
doctor_fact() {
  status_fact "$1"
  doctor_system
  doctor_sources
  doctor_names
  doctor_ports
  doctor_nginx
  doctor_manager
  survey_notes "$(survey_newest)" | sed 's/^/image /'
  if [ -n "$live" ]; then
    doctor_socket
  fi
}

doctor_system() {
  local unit
  # shellcheck disable=SC1091
  (. /etc/os-release && printf 'os %s %s %s\n' "$ID" "${VERSION_ID:-?}" "$PRETTY_NAME")
  if [ -d /run/systemd/system ]; then printf 'systemd yes\n'; fi
  printf 'python %s\n' "$(probe_python_version python3)"
  for unit in $(status_units); do
    printf 'boot %s %s\n' "$unit" "$(systemctl is-enabled "$unit" 2>/dev/null)"
  done
}

# doctor_sources: the package sources that failed at the last fetch, "PLACE|SOURCE|REASON".
doctor_sources() {
  [ ! -e /var/lib/selvedge/lists-fetched ] ||
    awk -F '|' 'NR > 1 { print "source " $3 "|" $2 "|" $4 }' /var/lib/selvedge/lists-fetched
}

# doctor_names: the addresses of the server and of each domain.
doctor_names() {
  local domain found
  ip -o address show | awk '{ sub("/.*", "", $4); print "address", $4 }'
  for domain in $domains; do
    # Without --no-addrconfig (glibc 2.36) a server without IPv6 does not see a wrong AAAA record.
    found=$(timeout 10 getent --no-addrconfig ahosts "$domain" 2>/dev/null || timeout 10 getent ahosts "$domain" 2>/dev/null)
    printf 'domain %s %s\n' "$domain" "$(printf '%s\n' "$found" | awk 'NF { print $1 }' | sort -u | paste -s -d ' ')"
  done
}

# doctor_ports: the programs that listen on the ports of the site, and the rules of the firewall.
doctor_ports() {
  local port
  for port in $ports; do
    printf 'port %s %s\n' "$port" "$(ss -H -l -n -t -p "sport = :$port" 2>/dev/null | grep -o 'users:.*' | sort -u | paste -s -d ' ')"
  done
  if probe_has ufw; then
    printf 'ufw %s\n' "$(firewall_state 2>/dev/null | paste -s -d ' ')"
    firewall_rules user.rules user6.rules | sed 's/^/ufw-rule /'
  fi
  if probe_has iptables; then iptables -S INPUT 2>/dev/null | grep -e '^-P' -e 'ACCEPT' | sed 's/^/input /'; fi
}

# doctor_nginx: the first error in nginx's configuration, or "ok".
doctor_nginx() {
  local answer
  probe_has nginx || return 0
  if answer=$(nginx -t 2>&1); then
    echo 'nginx ok'
  else
    printf 'nginx %s\n' "$(printf '%s\n' "$answer" | sed -n 's/.*\[emerg\] \([0-9]*#[0-9]*: \)*//p' | grep -m 1 . || printf '%s\n' "$answer" | tail -n 1)"
  fi
  if [ -e "$site_enabled" ]; then echo 'enabled yes'; fi
}

# doctor_manager: whether the process manager can read its configuration.
doctor_manager() {
  local answer
  [ -n "$manager" ] || return 0
  answer=$(manager_configuration "$manager")
  [ -z "$answer" ] || printf 'configuration %s %s\n' "$manager" "$answer"
}

# doctor_procfile PATH: the lines of the live commit's Procfile. git reads it, because in a checkout it may be a link to any file.
# Values: live_socket repo
doctor_procfile() {
  local live
  live=$(releases_live)
  [ -z "$live" ] || releases_git show "${live%%-*}:$1" | head -c 16384 | sed 's/^/procfile /'
}

# doctor_socket: the first folder on the path to the live socket that nginx's user cannot enter, or the socket if that user
# cannot write to it ("closed"); else the socket ("open").
doctor_socket() {
  local reader socket path folder rest
  reader=$(ps -C nginx -o user= | awk '$1 != "root" { print $1; exit }')
  reader=${reader:-www-data}
  id "$reader" >/dev/null 2>&1 || return 0
  socket=$(readlink "$live_socket")
  printf 'reader %s\n' "$reader"
  for path in "$live_socket" "$socket"; do
    folder=
    rest=${path#/}
    while [ "$rest" != "${rest#*/}" ]; do
      folder=$folder/${rest%%/*}
      rest=${rest#*/}
      if ! user_run "$reader" test -x "$folder"; then
        printf 'closed %s\n' "$(stat -c '%n %A %U %G' -- "$folder" 2>/dev/null || echo "$folder")"
        return 0
      fi
    done
  done
  if [ ! -S "$socket" ]; then
    printf 'closed %s\n' "$socket"
  elif ! user_run "$reader" test -w "$socket"; then
    printf 'closed %s\n' "$(stat -c '%n %A %U %G' -- "$socket")"
  else
    printf 'open %s\n' "$socket"
  fi
}

# doctor_certificate CHAIN FOLDER: the names that it is for.
doctor_certificate() {
  set -- "$(https_chain "$@")"
  [ -s "$1" ] || return 0
  openssl x509 -in "$1" -noout -ext subjectAltName | grep -o 'DNS:[^, ]*' | sed 's/^DNS:/name /'
}
