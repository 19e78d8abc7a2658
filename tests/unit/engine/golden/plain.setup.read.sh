LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library apt

# … the library aptmirror

# … the library clock

# … the library disk

# … the library file

# … the library firewall

# … the library guard

# … the library history

# … the library kernel

# … the library probe

# … the library read

# … the library service

# … the library sources

# … the library sshd

# … the library stamp

# … the library step

# … the library sudo

# … the library user

read_first() {
printf '\n%s fact 0\n' "$mark"
aptmirror_fact '# mirrors.apt in hosts.toml replaces ' ''
printf '\n%s fact 1\n' "$mark"
apt_fact
printf '\n%s fact 2\n' "$mark"
probe_packages unattended-upgrades
printf '\n%s fact 3\n' "$mark"
probe_path /etc/apt/apt.conf.d/20auto-upgrades dc4ca5dfc4aacf3bd26d14c67ba84f8d3d074b208237e9aec85edb6476bcaa51
printf '\n%s fact 4\n' "$mark"
probe_path /etc/apt/apt.conf.d/52unattended-upgrades-selvedge 2304515f16176a753664c11e982985d7a38721243b4696b69029d6d7bd7ace53
printf '\n%s fact 5\n' "$mark"
probe_unit apt-daily.timer
echo
probe_unit apt-daily-upgrade.timer
echo
probe_unit unattended-upgrades.service
echo
printf '\n%s fact 6\n' "$mark"
probe_packages sudo nftables libpam-pwquality ufw fail2ban python3-systemd
printf '\n%s fact 7\n' "$mark"
sshd_read
sshd_login_lists deploy
printf '\n%s fact 8\n' "$mark"
id -nG deploy 2>/dev/null || true
if getent group deploy >/dev/null; then echo 'has a group'; fi
printf '\n%s fact 9\n' "$mark"
sshd_keys_fact deploy
printf '\n%s fact 10\n' "$mark"
sudo_password_fact deploy
printf '\n%s fact 11\n' "$mark"
probe_path /etc/sudoers.d ''
printf '\n%s fact 12\n' "$mark"
printf '\n--- rules\n'
grep -rEhs '^[[:space:]]*(deploy|%sudo)[[:space:]]' /etc/sudoers /etc/sudoers.d
printf '\n--- file\n'
probe_path /etc/sudoers.d/90-selvedge-deploy 99b272b631fd718c1b7e671129a37d00ffaf01f08e2822575b9f2dacf0db2ff3
printf '\n%s fact 13\n' "$mark"
[ -s /etc/ssh/moduli-3072 ] && echo there || true
printf '\n%s fact 14\n' "$mark"
cat /etc/ssh/ssh_host_rsa_key.pub /etc/ssh/ssh_host_ed25519_key.pub | ssh-keygen -lf -
printf '\n%s fact 15\n' "$mark"
sed -n '/^[[:space:]]*\(#.*\)\{0,1\}$/!{p;q;}' /etc/ssh/sshd_config
printf '\n%s fact 16\n' "$mark"
sshd_fact /etc/ssh/sshd_config.d/00-selvedge.conf
printf '\n%s fact 17\n' "$mark"
firewall_fact /etc/ufw/before.init hello
:
}
read_second() {
printf '\n%s fact 18\n' "$mark"
guard_pending
printf '\n%s fact 19\n' "$mark"
probe_path /etc/fail2ban/jail.d/50-selvedge.local 978a11ed757083136bf466cea6ac622a97a8ddc0bbf63b5a3e3208a9aadde511
printf '\n%s fact 20\n' "$mark"
probe_unit fail2ban.service
printf Stamp=
stamp_read fail2ban
echo
printf '\n%s fact 21\n' "$mark"
kernel_sysctl_fact /etc/sysctl.d/90-selvedge.conf kernel/kptr_restrict kernel/dmesg_restrict kernel/perf_event_paranoid kernel/yama/ptrace_scope kernel/unprivileged_bpf_disabled net/core/bpf_jit_harden kernel/sysrq kernel/ctrl-alt-del dev/tty/ldisc_autoload fs/suid_dumpable kernel/core_uses_pid fs/protected_hardlinks fs/protected_symlinks fs/protected_fifos fs/protected_regular net/ipv4/conf/all/send_redirects net/ipv4/conf/default/send_redirects net/ipv4/conf/all/accept_redirects net/ipv4/conf/default/accept_redirects net/ipv6/conf/all/accept_redirects net/ipv6/conf/default/accept_redirects net/ipv4/conf/all/accept_source_route net/ipv4/conf/default/accept_source_route net/ipv6/conf/all/accept_source_route net/ipv6/conf/default/accept_source_route net/ipv4/conf/all/rp_filter net/ipv4/conf/default/rp_filter net/ipv4/conf/all/log_martians net/ipv4/conf/default/log_martians net/ipv4/tcp_syncookies net/ipv4/icmp_echo_ignore_broadcasts net/ipv4/icmp_ignore_bogus_error_responses
printf '\n%s fact 22\n' "$mark"
grep -sE -e '^[[:space:]]*(net/ipv4/conf/all/log_martians|net/ipv4/conf/default/log_martians)([[:space:]=]|$)' -e log_martians /etc/ufw/sysctl.conf || true
printf '\n%s fact 23\n' "$mark"
clock_fact
printf '\n%s fact 24\n' "$mark"
grep -sE -e '^[[:space:]]*(SHA_CRYPT_MIN_ROUNDS|SHA_CRYPT_MAX_ROUNDS)([[:space:]=]|$)' -e ENCRYPT_METHOD /etc/login.defs || true
printf '\n%s fact 25\n' "$mark"
grep -sE -e '^[[:space:]]*(YESCRYPT_COST_FACTOR)([[:space:]=]|$)' -e YESCRYPT /etc/login.defs || true
printf '\n%s fact 26\n' "$mark"
probe_path /etc/security/limits.d/50-selvedge.conf 2c053dd7c103e55a49c7229174f3660615c8f84fa1794210f68c56f4b07ee8d9
printf '\n%s fact 27\n' "$mark"
probe_path /etc/systemd/coredump.conf.d/50-selvedge.conf 08b9d386ac97cf9838d55a34105aec692553bd9ac659f6357c46610cc675a755
printf '\n%s fact 28\n' "$mark"
probe_path /etc/modprobe.d/50-selvedge.conf ddc775dae8ff4db9af53b3b8a1c97770156504d765c74d158a3711482153cead
printf '\n%s fact 29\n' "$mark"
probe_path /etc/profile.d/50-selvedge.sh 58ad699da7fef2ba8d234486f72365173a4be0b70d275775de3730b4296a357d
printf '\n%s fact 30\n' "$mark"
probe_path /etc/issue 029ee748876ed84839533d2caa25b40c5283a1101c50d2dfaa61445bc6d24fae
printf '\n%s fact 31\n' "$mark"
probe_path /etc/issue.net 029ee748876ed84839533d2caa25b40c5283a1101c50d2dfaa61445bc6d24fae
printf '\n%s fact 32\n' "$mark"
probe_port 80
printf '\n%s fact 33\n' "$mark"
probe_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2
printf '\n%s fact 34\n' "$mark"
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
