# ufw. `ufw status` takes a tenth of a second of Python, so the readings use ufw's files and the kernel's tables.

# firewall_state: print "on", "deny", "ipv6", "live", as far as they apply; "masked" or "unboot" if systemd does not load it at boot.
firewall_state() {
  local link
  for link in /etc/systemd/system/ufw.service /run/systemd/system/ufw.service; do
    if [ -L "$link" ] && [ "$(readlink "$link")" = /dev/null ]; then echo masked; fi
  done
  for link in /etc/systemd/system/*.wants/ufw.service unboot; do
    if [ -e "$link" ]; then break; fi
  done
  if [ "$link" = unboot ]; then echo unboot; fi
  sed -n 's/^ENABLED=yes.*/on/p; s/^DEFAULT_INPUT_POLICY="\(DROP\|REJECT\)".*/deny/p; s/^IPV6=yes.*/ipv6/p' /etc/ufw/ufw.conf /etc/default/ufw
  iptables -S ufw-user-input >/dev/null || return 0
  # A kernel without IPv6 has no second table.
  if [ ! -e /proc/net/if_inet6 ] || ip6tables -S ufw6-user-input >/dev/null; then echo live; fi
}

# firewall_rules FILE…: the rules in these files, one a line, e.g. "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in".
firewall_rules() {
  local file
  for file in "$@"; do grep -s '^### tuple' "/etc/ufw/$file" || :; done
}

# firewall_tables: the rules, and after a line "--- rules6" those for IPv6.
firewall_tables() {
  set --
  if [ -f /etc/ufw/user.rules ]; then set -- /etc/ufw/user.rules; fi
  if [ -f /etc/ufw/user6.rules ]; then set -- "$@" /etc/ufw/user6.rules; fi
  [ $# -eq 0 ] || awk 'FILENAME ~ /6/ && FNR == 1 { print "\n--- rules6" } /^### tuple/' "$@"
}

# firewall_live_rules: all rules, those for IPv6 only if ufw reads them; nothing without ufw.
firewall_live_rules() {
  probe_has ufw || return 0
  firewall_rules user.rules
  if grep -qs '^IPV6=yes' /etc/default/ufw; then firewall_rules user6.rules; fi
}

# firewall_sites APP: the ports of nginx's sites, without those of this app and of its balancer, and of backends, which answer their
# balancers alone.
firewall_sites() {
  local file app
  app=$1
  set --
  for file in /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf; do
    case ${file##*/} in "$app" | "$app-tls" | "$app.balancer" | "$app.balancer-tls" | "00-selvedge-$app.conf" | selvedge-default*.conf | default) continue ;; esac
    if [ -f "$file" ]; then set -- "$@" "$file"; fi
  done
  if [ $# -eq 0 ]; then return 0; fi
  awk '
    FNR == 1 { keep() }
    /selvedge_stranger_/ { backend = 1 }
    sub(/^ *listen +(\[::\]:)*/, "") && match($0, /^[0-9]+[ ;]/) { port(substr($0, 1, RLENGTH - 1)); next }
    /^ *include .*selvedge-listen-tls\.conf;/ { port(443); next }
    sub(/^ *include .*selvedge-listen-tls-/, "") && match($0, /^[0-9]+\.conf;/) { port(substr($0, 1, index($0, ".") - 1)) }
    END { keep() }
    function port(number) { if (!((FILENAME, number) in found)) { found[FILENAME, number]; ports = ports number "\n" } }
    # What a file says counts at its end, when it is known whether it is of a backend.
    function keep() { if (!backend) printf "%s", ports; ports = ""; backend = 0 }
  ' "$@"
}

# firewall_peers APP: print "ADDRESS PORT OTHER" for each address that another app of this server needs: the balancers of its backend, the
# servers that use its database, and the Prometheus that asks for its metrics.
firewall_peers() {
  local name peers
  name=${1%.balancer}
  peers=$(
    firewall_balancers "$name"
    firewall_clients "$name"
    firewall_monitor "$name"
  )
  [ -z "$peers" ] || printf '%s\n' "$peers" | sort -u
}

# firewall_balancers APP: print those of the other backends on this server.
firewall_balancers() {
  local file name
  for file in /etc/nginx/selvedge/*.drained.nft; do
    name=${file##*/}
    name=${name%.drained.nft}
    if [ "$name" = "$1" ] || [ ! -e "/etc/nginx/sites-enabled/$name" ]; then continue; fi
    sed -n "s/.* saddr \([^ ]*\) tcp dport \([0-9]*\) .*/\1 \2 $name/p" "$file"
  done
}

# firewall_clients APP: print the servers that use the databases of the other apps, by the lines of postgresnet_access.
firewall_clients() {
  local file
  for file in /etc/postgresql/*/*/pg_hba.conf; do
    [ -e "$file" ] || continue
    awk -v own="$1" '
      sub(/^# selvedge: the servers that use the database /, "") { inside = $0 != own; name = $0; next }
      /^# selvedge: end of / { inside = 0 }
      inside && $1 == "hostssl" { sub("/.*", "", $4); print $4, 5432, name }' "$file"
  done
}

# firewall_monitor APP: print the servers that ask for the metrics of the other apps.
firewall_monitor() {
  local file name
  for file in /etc/systemd/system/selvedge-metrics-private.socket.d/60-*.conf; do
    if [ ! -e "$file" ] || [ "${file##*/}" = "60-$1.conf" ]; then continue; fi
    name=${file##*/60-}
    sed -n 's/^ListenStream=.*:\([0-9]*\)$/\1/p; s/^IPAddressAllow=//p' "$file" | paste -d ' ' - - | awk -v name="${name%.conf}" 'NF == 2 { print $2, $1, name }'
  done
}

# firewall_fact PATH APP: PATH is ufw's before.init, APP the name of this app's sites.
firewall_fact() {
  sshd_read
  printf '\n--- ssh\n'
  sshd_ports
  printf '\n--- state\n'
  firewall_state
  printf '\n--- rules\n'
  firewall_tables
  printf '\n--- sites\n'
  firewall_sites "$2"
  printf '\n--- peers\n'
  firewall_peers "$2"
  printf '\n--- limit\n'
  probe_path "$1" -
}

# firewall_ipv6: turn on IPv6 before the first rule, because ufw writes no IPv6 rules while it is off. A running ufw has no
# chains for IPv6 and would refuse the rule, so it is stopped; firewall_on, which follows wherever IPv6 was off, starts it again.
firewall_ipv6() {
  ! grep -qs '^IPV6=yes' /etc/default/ufw || return 0
  firewall_ufw --force disable
  sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw
}

# firewall_open PORT…
firewall_open() {
  local port
  guard_touches firewall
  firewall_ipv6
  for port in "$@"; do firewall_ufw allow "$port/tcp" comment selvedge; done
}

# firewall_close PORT…
firewall_close() {
  local port
  guard_touches firewall
  for port in "$@"; do firewall_ufw --force delete allow "$port/tcp"; done
}

# firewall_open_to ADDRESS PORT COMMENT: let in one address.
firewall_open_to() {
  guard_touches firewall
  firewall_ipv6
  firewall_ufw allow from "$1" to any port "$2" proto tcp comment "$3"
}

# firewall_close_to ADDRESS PORT
firewall_close_to() {
  guard_touches firewall
  firewall_ufw --force delete allow from "$1" to any port "$2" proto tcp
}

# firewall_hand_over ADDRESS PORT COMMENT: another app has the rule now.
firewall_hand_over() {
  guard_touches firewall
  firewall_ufw allow from "$1" to any port "$2" proto tcp comment "$3"
}

firewall_on() {
  ! systemctl is-active -q firewalld.service || step_fail "firewalld is running, and two firewalls interfere with each other. Turn one off: run \`sudo systemctl disable --now firewalld\` on the server, or set firewall = false under [server] in hosts.toml."
  guard_touches firewall
  firewall_ipv6
  firewall_ufw default deny incoming
  firewall_ufw --force disable
  firewall_ufw --force enable
  service_run enable ufw.service
}

# firewall_ufw ARGUMENT…: run ufw. If it fails, the sentence has its first error: the last line is often only its last command.
firewall_ufw() {
  local words
  ufw "$@" >"$undo/ufw" 2>&1 || {
    cat "$undo/ufw"
    words=$(grep -v -i 'problem running' "$undo/ufw" | grep -i -m 1 -e error -e failed -e 'could not' -e "couldn't" || tail -n 1 "$undo/ufw")
    words=$(printf '%s\n' "$words" | sed 's/^ERROR: *//; s/[. ]*$//')
    step_fail "\`ufw $*\` failed: $words. Correct that on the server, or set firewall = false under [server] in hosts.toml if another firewall protects it."
  }
  cat "$undo/ufw"
}
