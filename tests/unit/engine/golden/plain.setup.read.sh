LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library apt

# … the library clock

# … the library disk

# … the library file

# … the library firewall

# … the library guard

# … the library history

# … the library kernel

# … the library probe

# … the library read

# … the library sshd

# … the library stamp

# … the library step

# … the library sudo

# … the library user

read_first() {
printf '\n%s fact 0\n' "$mark"
apt_fact
printf '\n%s fact 1\n' "$mark"
probe_packages unattended-upgrades
printf '\n%s fact 2\n' "$mark"
probe_path /etc/apt/apt.conf.d/20auto-upgrades 1b450160a36bc8548363d687946bf96a12b168bd1ffc206065e9565805d80de2
printf '\n%s fact 3\n' "$mark"
probe_path /etc/apt/apt.conf.d/52unattended-upgrades-selvedge 31ffb70b0a69b6dd12467512bad82a7a2ae1fdf29b2f967dbd1f8efaf90d338f
printf '\n%s fact 4\n' "$mark"
probe_unit apt-daily.timer
echo
probe_unit apt-daily-upgrade.timer
echo
probe_unit unattended-upgrades.service
echo
printf '\n%s fact 5\n' "$mark"
probe_packages sudo nftables libpam-pwquality ufw fail2ban python3-systemd
printf '\n%s fact 6\n' "$mark"
sshd_read
sshd_login_lists deploy
printf '\n%s fact 7\n' "$mark"
id -nG deploy 2>/dev/null || true
printf '\n%s fact 8\n' "$mark"
sshd_keys_fact deploy
printf '\n%s fact 9\n' "$mark"
sudo_password_fact deploy
printf '\n%s fact 10\n' "$mark"
probe_path /etc/sudoers.d ''
printf '\n%s fact 11\n' "$mark"
printf '\n--- rules\n'
grep -rEhs '^[[:space:]]*(deploy|%sudo)[[:space:]]' /etc/sudoers /etc/sudoers.d
printf '\n--- file\n'
probe_path /etc/sudoers.d/90-selvedge-deploy 2a3946a5207a96f394ccc7e055d8c19edd2958f115697605bc8836712861b117
printf '\n%s fact 12\n' "$mark"
[ -s /etc/ssh/moduli-3072 ] && echo there || true
printf '\n%s fact 13\n' "$mark"
cat /etc/ssh/ssh_host_rsa_key.pub /etc/ssh/ssh_host_ed25519_key.pub | ssh-keygen -lf -
printf '\n%s fact 14\n' "$mark"
sed -n '/^[[:space:]]*\(#.*\)\{0,1\}$/!{p;q;}' /etc/ssh/sshd_config
printf '\n%s fact 15\n' "$mark"
sshd_fact /etc/ssh/sshd_config.d/00-selvedge.conf
printf '\n%s fact 16\n' "$mark"
firewall_fact /etc/ufw/before.init
:
}
read_second() {
printf '\n%s fact 17\n' "$mark"
guard_pending
printf '\n%s fact 18\n' "$mark"
probe_path /etc/fail2ban/jail.d/50-selvedge.local 51adb173e43bb0568b711d09f44ba8e150bd899d5608c19643a4793d69a325f4
printf '\n%s fact 19\n' "$mark"
probe_unit fail2ban.service
printf Stamp=
stamp_read fail2ban
echo
printf '\n%s fact 20\n' "$mark"
kernel_sysctl_fact /etc/sysctl.d/90-selvedge.conf kernel/kptr_restrict kernel/dmesg_restrict kernel/perf_event_paranoid kernel/yama/ptrace_scope kernel/unprivileged_bpf_disabled net/core/bpf_jit_harden kernel/sysrq kernel/ctrl-alt-del dev/tty/ldisc_autoload fs/suid_dumpable kernel/core_uses_pid fs/protected_hardlinks fs/protected_symlinks fs/protected_fifos fs/protected_regular net/ipv4/conf/all/send_redirects net/ipv4/conf/default/send_redirects net/ipv4/conf/all/accept_redirects net/ipv4/conf/default/accept_redirects net/ipv6/conf/all/accept_redirects net/ipv6/conf/default/accept_redirects net/ipv4/conf/all/accept_source_route net/ipv4/conf/default/accept_source_route net/ipv6/conf/all/accept_source_route net/ipv6/conf/default/accept_source_route net/ipv4/conf/all/rp_filter net/ipv4/conf/default/rp_filter net/ipv4/conf/all/log_martians net/ipv4/conf/default/log_martians net/ipv4/tcp_syncookies net/ipv4/icmp_echo_ignore_broadcasts net/ipv4/icmp_ignore_bogus_error_responses
printf '\n%s fact 21\n' "$mark"
grep -sE -e '^[[:space:]]*(net/ipv4/conf/all/log_martians|net/ipv4/conf/default/log_martians)([[:space:]=]|$)' -e log_martians /etc/ufw/sysctl.conf || true
printf '\n%s fact 22\n' "$mark"
clock_fact
printf '\n%s fact 23\n' "$mark"
grep -sE -e '^[[:space:]]*(SHA_CRYPT_MIN_ROUNDS|SHA_CRYPT_MAX_ROUNDS)([[:space:]=]|$)' -e ENCRYPT_METHOD /etc/login.defs || true
printf '\n%s fact 24\n' "$mark"
grep -sE -e '^[[:space:]]*(YESCRYPT_COST_FACTOR)([[:space:]=]|$)' -e YESCRYPT /etc/login.defs || true
printf '\n%s fact 25\n' "$mark"
probe_path /etc/security/limits.d/50-selvedge.conf c072863f38832db72516342b888b94a694392919e1ab7d6bf7e2c0a9adbd5373
printf '\n%s fact 26\n' "$mark"
probe_path /etc/systemd/coredump.conf.d/50-selvedge.conf 08c1525652e14360a27af5ceb6750331ff75e6e536bb9c1cf1bfcf74146ddfe9
printf '\n%s fact 27\n' "$mark"
probe_path /etc/modprobe.d/50-selvedge.conf 0cb73580b7cdd221bf9b337f0d61944ce456e7651b823f5776917d5927cf53ee
printf '\n%s fact 28\n' "$mark"
probe_path /etc/profile.d/50-selvedge.sh 075d959d6afbfb26f34b0639d22b4215837162866f4a97f69fae5abfc73f4a5e
printf '\n%s fact 29\n' "$mark"
probe_path /etc/issue 053201b621f4f4e06517c39ffe80be6b9891d0a6518e1779864b7618363a63ac
printf '\n%s fact 30\n' "$mark"
probe_path /etc/issue.net 053201b621f4f4e06517c39ffe80be6b9891d0a6518e1779864b7618363a63ac
printf '\n%s fact 31\n' "$mark"
ss -H -l -n -t -p 'sport = :80' || true
printf '\n%s fact 32\n' "$mark"
probe_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2
printf '\n%s fact 33\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx
echo
:
}
read_lookups() {
probe_take_paths /etc/apt/apt.conf.d/20auto-upgrades /etc/apt/apt.conf.d/52unattended-upgrades-selvedge /etc/sudoers.d /etc/sudoers.d/90-selvedge-deploy /etc/ssh/sshd_config.d/00-selvedge.conf /etc/ufw/before.init /etc/fail2ban/jail.d/50-selvedge.local /etc/sysctl.d/90-selvedge.conf /etc/security/limits.d/50-selvedge.conf /etc/systemd/coredump.conf.d/50-selvedge.conf /etc/modprobe.d/50-selvedge.conf /etc/profile.d/50-selvedge.sh /etc/issue /etc/issue.net
probe_take_hashes /etc/apt/apt.conf.d/20auto-upgrades /etc/apt/apt.conf.d/52unattended-upgrades-selvedge /etc/sudoers.d/90-selvedge-deploy /etc/ssh/sshd_config.d/00-selvedge.conf /etc/ufw/before.init /etc/fail2ban/jail.d/50-selvedge.local /etc/sysctl.d/90-selvedge.conf /etc/security/limits.d/50-selvedge.conf /etc/systemd/coredump.conf.d/50-selvedge.conf /etc/modprobe.d/50-selvedge.conf /etc/profile.d/50-selvedge.sh /etc/issue /etc/issue.net
probe_take_packages unattended-upgrades sudo nftables libpam-pwquality ufw fail2ban python3-systemd nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2
:
}
read_all apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service ssh.socket fail2ban.service nginx.service
