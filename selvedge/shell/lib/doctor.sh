# What may be wrong with a server, a fact a line. Reads what status.sh reads, and $domains; changes nothing, but that
# `nginx -t` opens the logs as nginx would.

# doctor_fact: what status.sh reads, and what may be wrong besides.
# Values: app base run_dir live_socket site_enabled supervisor_conf manager health health_host health_timeout domains
doctor_fact() {
  status_fact
  doctor_system
  doctor_names
  doctor_ports
  doctor_configuration
  if [ -n "$live" ]; then
    doctor_socket
    doctor_site
  fi
}

doctor_system() {
  # shellcheck disable=SC1091
  (. /etc/os-release && printf 'os %s %s %s\n' "$ID" "${VERSION_ID:-?}" "$PRETTY_NAME")
  if [ -d /run/systemd/system ]; then printf 'systemd yes\n'; fi
  printf 'python %s\n' "$(probe_python_version python3)"
  for unit in nginx "$manager"; do
    [ "$unit" = systemd ] || printf 'boot %s %s\n' "$unit" "$(systemctl is-enabled "$unit" 2>/dev/null)"
  done
}

# doctor_names: the server's own addresses, and those that the names of the app lead to.
doctor_names() {
  ip -o address show | awk '{ sub("/.*", "", $4); print "address", $4 }'
  for domain in $domains; do
    # Without --no-addrconfig (glibc 2.36) a server that has no IPv6 itself does not see a wrong AAAA record.
    found=$(timeout 10 getent --no-addrconfig ahosts "$domain" 2>/dev/null || timeout 10 getent ahosts "$domain" 2>/dev/null)
    printf 'domain %s %s\n' "$domain" "$(printf '%s\n' "$found" | awk 'NF { print $1 }' | sort -u | paste -s -d ' ')"
  done
}

# doctor_ports: who listens on the ports of the web, and what the firewall says.
doctor_ports() {
  for port in 80 443; do
    printf 'port %s %s\n' "$port" "$(ss -H -l -n -t -p "sport = :$port" 2>/dev/null | grep -o 'users:.*' | sort -u | paste -s -d ' ')"
  done
  if command -v ufw >/dev/null 2>&1; then ufw status verbose 2>/dev/null | sed -n '/./s/^/ufw /p'; fi
  if command -v iptables >/dev/null 2>&1; then
    iptables -S INPUT 2>/dev/null | grep -e '^-P' -e 'ACCEPT' | sed 's/^/input /'
  fi
}

# doctor_configuration: whether nginx and supervisor can read their files. supervisor's own reader is asked, not its daemon,
# which would take the files as its new configuration.
doctor_configuration() {
  if command -v nginx >/dev/null 2>&1; then
    if answer=$(nginx -t 2>&1); then
      echo 'nginx ok'
    else
      printf 'nginx %s\n' "$(printf '%s\n' "$answer" | sed -n 's/.*\[emerg\] \([0-9]*#[0-9]*: \)*//p' | grep -m 1 . || printf '%s\n' "$answer" | tail -n 1)"
    fi
    if [ -e "$site_enabled" ]; then echo 'enabled yes'; fi
  fi
  if [ "$manager" = supervisor ] && [ -f /etc/supervisor/supervisord.conf ]; then
    if answer=$(/usr/bin/python3 -c '
import sys
from supervisor.options import ServerOptions
ServerOptions().realize(["-c", "/etc/supervisor/supervisord.conf"])' 2>&1); then
      echo 'supervisor ok'
    else
      # What it quotes of the files may be a secret of some program's environment.
      printf 'supervisor %s %s\n' "$(printf '%s\n' "$answer" | grep -m 1 Error |
        sed "s/Format string '.*' for '/A format string for '/; s/ Available names: .* in section/ in section/")" \
        "$(printf '%s\n' "$answer" | grep -m 1 '^file: ')"
    fi
  fi
}

# doctor_socket: as nginx's user, each folder on the way to the live socket, to the first that is closed; then the socket.
doctor_socket() {
  reader=$(ps -C nginx -o user= | awk '$1 != "root" { print $1; exit }')
  reader=${reader:-www-data}
  id "$reader" >/dev/null 2>&1 || return 0
  socket=$(readlink "$live_socket")
  printf 'reader %s\n' "$reader"
  for way in "$live_socket" "$socket"; do
    at=
    rest=${way#/}
    while [ "$rest" != "${rest#*/}" ]; do
      at=$at/${rest%%/*}
      rest=${rest#*/}
      if ! user_run "$reader" test -x "$at"; then
        printf 'closed %s\n' "$(stat -c '%n %A %U %G' -- "$at" 2>/dev/null || echo "$at")"
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

# doctor_site: what nginx answers on this machine, and the release that it names.
doctor_site() {
  [ -e "$site_enabled" ] || return 0
  url=http://$health_host$health
  if [ -e "$site_enabled-tls" ]; then url=https://$health_host$health; fi
  answer=$(curl -s -k -o /dev/null -D - --noproxy '*' --max-time "$health_timeout" --connect-to '::127.0.0.1:' -- "$url" | tr -d '\r')
  printf 'site %s %s\n' "$(printf '%s\n' "$answer" | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' | grep . || echo 0)" \
    "$(printf '%s\n' "$answer" | sed -n 's/^x-release: //Ip')"
}

# doctor_certificate CHAIN: the names that it is for.
doctor_certificate() {
  [ -s "$1" ] || return 0
  openssl x509 -in "$1" -noout -ext subjectAltName | grep -o 'DNS:[^, ]*' | sed 's/^DNS:/name /'
}
