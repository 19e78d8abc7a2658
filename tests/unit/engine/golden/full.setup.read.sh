LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library probe

# … the library apt

# … the library harden

# … the library firewall

# … the library kernel

# … the library python

first() {
printf '\n%s fact 0\n' "$mark"
apt_fact
printf '\n%s fact 1\n' "$mark"
packages_fact unattended-upgrades
printf '\n%s fact 2\n' "$mark"
path_fact /etc/apt/apt.conf.d/20auto-upgrades ada6ed61d6d3c629d3e5db4cbc2b8be6a0a5de8f366e3480db5dd86b6b3bb683
printf '\n%s fact 3\n' "$mark"
path_fact /etc/apt/apt.conf.d/52unattended-upgrades-selvedge 144a8562e5015efc2e823745660ebe4fef47baf19c64c6cf448a55ba925a89aa
printf '\n%s fact 4\n' "$mark"
unit_fact apt-daily.timer
echo
unit_fact apt-daily-upgrade.timer
echo
unit_fact unattended-upgrades.service
echo
printf '\n%s fact 5\n' "$mark"
packages_fact sudo nftables libpam-pwquality ufw fail2ban python3-systemd
printf '\n%s fact 6\n' "$mark"
sshd_read
sshd_lists deploy
printf '\n%s fact 7\n' "$mark"
id -nG deploy 2>/dev/null || true
printf '\n%s fact 8\n' "$mark"
ssh_home=$(getent passwd deploy)
ssh_home=${ssh_home%:*}
ssh_home=${ssh_home##*:}/.ssh
stat -c "%a %U" "$ssh_home" 2>/dev/null || echo absent
stat -L -c "%a %U" "$ssh_home/authorized_keys" 2>/dev/null || echo absent
cat "$ssh_home/authorized_keys" 2>/dev/null || true
printf '\n%s fact 9\n' "$mark"
path_fact /etc/sudoers.d ''
printf '\n%s fact 10\n' "$mark"
printf '\n--- file\n'
path_fact /etc/sudoers.d/90-selvedge-deploy 4b3a43b8efa58d24cb01c427ad802c5e6286606d129a9969d6adbee259307930
printf '\n%s fact 11\n' "$mark"
[ -s /etc/ssh/moduli-3072 ] && echo there || true
printf '\n%s fact 12\n' "$mark"
cat /etc/ssh/ssh_host_rsa_key.pub /etc/ssh/ssh_host_ed25519_key.pub | ssh-keygen -lf -
printf '\n%s fact 13\n' "$mark"
sed -n '/^[[:space:]]*\(#.*\)\{0,1\}$/!{p;q;}' /etc/ssh/sshd_config
printf '\n%s fact 14\n' "$mark"
sshd_fact /etc/ssh/sshd_config.d/00-selvedge.conf
printf '\n%s fact 15\n' "$mark"
firewall_fact /etc/ufw/before.init
printf '\n%s fact 16\n' "$mark"
for state in armed fired; do if [ -e "/var/lib/selvedge/guard/$state" ]; then echo "$state"; fi; done
printf '\n%s fact 17\n' "$mark"
path_fact /etc/fail2ban/jail.d/50-selvedge.local 27c8c6c5dc28b82b71a7e9e7ef140718be24fc320f01c2535634e3fe35223d3a
:
}
second() {
printf '\n%s fact 18\n' "$mark"
unit_fact fail2ban.service
printf Stamp=
first_line /var/lib/selvedge/loaded/fail2ban
echo
printf '\n%s fact 19\n' "$mark"
sysctl_fact /etc/sysctl.d/90-selvedge.conf kernel/kptr_restrict kernel/dmesg_restrict kernel/perf_event_paranoid kernel/yama/ptrace_scope kernel/unprivileged_bpf_disabled net/core/bpf_jit_harden kernel/sysrq kernel/ctrl-alt-del dev/tty/ldisc_autoload fs/suid_dumpable kernel/core_uses_pid fs/protected_hardlinks fs/protected_symlinks fs/protected_fifos fs/protected_regular net/ipv4/conf/all/send_redirects net/ipv4/conf/default/send_redirects net/ipv4/conf/all/accept_redirects net/ipv4/conf/default/accept_redirects net/ipv6/conf/all/accept_redirects net/ipv6/conf/default/accept_redirects net/ipv4/conf/all/accept_source_route net/ipv4/conf/default/accept_source_route net/ipv6/conf/all/accept_source_route net/ipv6/conf/default/accept_source_route net/ipv4/conf/all/rp_filter net/ipv4/conf/default/rp_filter net/ipv4/conf/all/log_martians net/ipv4/conf/default/log_martians net/ipv4/tcp_syncookies net/ipv4/icmp_echo_ignore_broadcasts net/ipv4/icmp_ignore_bogus_error_responses
printf '\n%s fact 20\n' "$mark"
grep -sE -e '^[[:space:]]*(net/ipv4/conf/all/log_martians|net/ipv4/conf/default/log_martians)([[:space:]=]|$)' -e log_martians /etc/ufw/sysctl.conf || true
printf '\n%s fact 21\n' "$mark"
time_fact
printf '\n%s fact 22\n' "$mark"
grep -sE -e '^[[:space:]]*(SHA_CRYPT_MIN_ROUNDS|SHA_CRYPT_MAX_ROUNDS)([[:space:]=]|$)' -e ENCRYPT_METHOD /etc/login.defs || true
printf '\n%s fact 23\n' "$mark"
grep -sE -e '^[[:space:]]*(YESCRYPT_COST_FACTOR)([[:space:]=]|$)' -e YESCRYPT /etc/login.defs || true
printf '\n%s fact 24\n' "$mark"
path_fact /etc/security/limits.d/50-selvedge.conf 749a2183428c572c5b3f83ea32f96132922c3ed71fd5fe27884b82b9e44992a7
printf '\n%s fact 25\n' "$mark"
path_fact /etc/systemd/coredump.conf.d/50-selvedge.conf 7c86eb130ddf86b16fab904a3464713352f4f71712c1dd0cd0cfa979d1241b63
printf '\n%s fact 26\n' "$mark"
path_fact /etc/modprobe.d/50-selvedge.conf 00f4f6bd8737204ea8acd9a9fc0034cb195b9ac2717e76798d6454904bafc684
printf '\n%s fact 27\n' "$mark"
path_fact /etc/profile.d/50-selvedge.sh 4088fdc5d5e9ef68c419712f627e476338931eade5e077547e75ca88f0f18237
printf '\n%s fact 28\n' "$mark"
path_fact /etc/issue 053201b621f4f4e06517c39ffe80be6b9891d0a6518e1779864b7618363a63ac
printf '\n%s fact 29\n' "$mark"
path_fact /etc/issue.net 053201b621f4f4e06517c39ffe80be6b9891d0a6518e1779864b7618363a63ac
printf '\n%s fact 30\n' "$mark"
ss -H -l -n -t -p 'sport = :80' || true
printf '\n%s fact 31\n' "$mark"
packages_fact nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 supervisor
printf '\n%s fact 32\n' "$mark"
unit_fact nginx.service
printf Stamp=
first_line /var/lib/selvedge/loaded/nginx
echo
printf '\n%s fact 33\n' "$mark"
unit_fact supervisor.service
printf Stamp=
first_line /var/lib/selvedge/loaded/supervisor
echo
printf '\n%s fact 34\n' "$mark"
tool_fact uv
printf '\n%s fact 35\n' "$mark"
python_fact /opt/selvedge/python/3.12 3.12
:
}
main() {
path_stats=$nl$(stat -c '%F :: %a %U %G :: %n' -- /etc/apt/apt.conf.d/20auto-upgrades /etc/apt/apt.conf.d/52unattended-upgrades-selvedge /etc/sudoers.d /etc/sudoers.d/90-selvedge-deploy /etc/ssh/sshd_config.d/00-selvedge.conf /etc/ufw/before.init /etc/fail2ban/jail.d/50-selvedge.local /etc/sysctl.d/90-selvedge.conf /etc/security/limits.d/50-selvedge.conf /etc/systemd/coredump.conf.d/50-selvedge.conf /etc/modprobe.d/50-selvedge.conf /etc/profile.d/50-selvedge.sh /etc/issue /etc/issue.net 2>/dev/null)$nl
path_sums=$nl$(path_hashes /etc/apt/apt.conf.d/20auto-upgrades /etc/apt/apt.conf.d/52unattended-upgrades-selvedge /etc/sudoers.d/90-selvedge-deploy /etc/ssh/sshd_config.d/00-selvedge.conf /etc/ufw/before.init /etc/fail2ban/jail.d/50-selvedge.local /etc/sysctl.d/90-selvedge.conf /etc/security/limits.d/50-selvedge.conf /etc/systemd/coredump.conf.d/50-selvedge.conf /etc/modprobe.d/50-selvedge.conf /etc/profile.d/50-selvedge.sh /etc/issue /etc/issue.net 2>/dev/null)$nl
package_states=$(package_list unattended-upgrades sudo nftables libpam-pwquality ufw fail2ban python3-systemd nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 supervisor)
unit_states=$nl$nl$(cat)$nl$nl
second </dev/null | { first </dev/null; cat; }
printf '\n%s facts end\n' "$mark"
}
unit_list apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service ssh.socket fail2ban.service nginx.service supervisor.service </dev/null | main 2>/dev/null
