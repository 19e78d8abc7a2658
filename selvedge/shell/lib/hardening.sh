# The facts of the score card that no resource reads: each after a line "--- name".
# shellcheck disable=SC2154

# hardening_fact USER: USER is the login user.
hardening_fact() {
  sshd_read
  hardening_ssh "$1"
  hardening_firewall
  hardening_kernel
  hardening_accounts "$1"
  hardening_upkeep
}

hardening_ssh() {
  local user from port file
  printf '\n--- sshd\n'
  sshd_logins root "$1" | while read -r user from port; do sshd_values "$user" "$from" "$port"; done | sort -u
  printf '\n--- hostkeys\n'
  for file in $(printf '%s\n' "$sshd_shown" | sed -n 's/^hostkey //p'); do ssh-keygen -lf "$file.pub"; done
}

hardening_firewall() {
  printf '\n--- ssh\n'
  sshd_ports
  printf '\n--- listening\n'
  ss -Hltn | awk '$4 !~ /^(127\.|\[::1\])/ { sub(".*:", "", $4); print $4 }' | sort -un
  printf '\n--- state\n'
  firewall_state
  printf '\n--- rules\n'
  firewall_rules user.rules user6.rules
  printf '\n--- limit\n'
  nft list table inet selvedge
}

hardening_kernel() {
  local modules
  printf '\n--- core\n'
  ulimit -H -c
  printf '\n--- modules\n'
  modules=$(sed -n 's/^install \([^ ]*\) .*/\1/p' /etc/modprobe.d/50-selvedge.conf | tr - _)
  cut -d ' ' -f 1 /proc/modules | grep -Fx -e "$modules"
}

hardening_accounts() {
  printf '\n--- roots\n'
  awk -F : '$3 == 0 { print $1 }' /etc/passwd
  printf '\n--- empty\n'
  awk -F : '$2 == "" { print $1 }' /etc/shadow
  printf '\n--- home\n'
  stat -c %a "$(getent passwd "$1" | cut -d : -f 6)"
  printf '\n--- nopasswd\n'
  grep -rEs '^[^#].*NOPASSWD' /etc/sudoers /etc/sudoers.d
}

hardening_upkeep() {
  printf '\n--- fail2ban\n'
  fail2ban-client status sshd
  fail2ban-client status
  printf '\n--- unattended\n'
  stat -c %Y /var/lib/apt/periodic/unattended-upgrades-stamp
  date +%s
  printf '\n--- reboot\n'
  if [ -e /run/reboot-required ]; then cat /run/reboot-required.pkgs; echo; fi
  printf '\n--- clock\n'
  clock_fact
  if systemd-detect-virt --container --quiet 2>/dev/null; then echo container; else timedatectl show -p NTPSynchronized --value; fi
}
