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

# … the library postgres

# … the library probe

# … the library python

# … the library read

# … the library redis

# … the library service

# … the library sources

# … the library sshd

# … the library stamp

# … the library step

# … the library user

read_first() {
printf '\n%s fact 0\n' "$mark"
aptmirror_fact '# mirrors.apt in hosts.toml replaces ' ''
printf '\n%s fact 1\n' "$mark"
apt_fact
printf '\n%s fact 2\n' "$mark"
probe_packages unattended-upgrades
printf '\n%s fact 3\n' "$mark"
probe_path /etc/apt/apt.conf.d/20auto-upgrades f647c677d3ad9c8c2b8886c4712365adca2a4701b1affdcf154458408da4cf10
printf '\n%s fact 4\n' "$mark"
probe_path /etc/apt/apt.conf.d/52unattended-upgrades-selvedge 2cbfde80b4f03814591a4db817878b1174a3036f8298d44410556079dc483b13
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
id -nG deploy 2>/dev/null || { if getent group deploy >/dev/null; then echo 'has a group'; fi; }
printf '\n%s fact 9\n' "$mark"
sshd_keys_fact deploy
printf '\n%s fact 10\n' "$mark"
probe_path /etc/sudoers.d ''
printf '\n%s fact 11\n' "$mark"
printf '\n--- file\n'
probe_path /etc/sudoers.d/90-selvedge-deploy 72447d3845a4f4d0e9c7ffaafed0bc1c2748bf95ad85fa1e4519796946e03028
printf '\n%s fact 12\n' "$mark"
[ -s /etc/ssh/moduli-3072 ] && echo there || true
printf '\n%s fact 13\n' "$mark"
probe_lines /etc/ssh/ssh_host_rsa_key.pub
probe_lines /etc/ssh/ssh_host_ed25519_key.pub
printf '\n%s fact 14\n' "$mark"
sed -n '/^[[:space:]]*\(#.*\)\{0,1\}$/!{p;q;}' /etc/ssh/sshd_config
printf '\n%s fact 15\n' "$mark"
sshd_fact /etc/ssh/sshd_config.d/00-selvedge.conf
printf '\n%s fact 16\n' "$mark"
firewall_fact /etc/ufw/before.init hello
printf '\n%s fact 17\n' "$mark"
guard_pending
printf '\n%s fact 18\n' "$mark"
probe_path /etc/fail2ban/jail.d/50-selvedge.local 03003ed2c75dbc435fe27b0946dcd0613960aa54020290ed8760a48b980a0996
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
:
}
read_second() {
printf '\n%s fact 25\n' "$mark"
probe_path /etc/security/limits.d/50-selvedge.conf 9031dd4c78bd6b1da0d9671699940bc0fedcbb9f89ff8ca0d157d71b41259ddb
printf '\n%s fact 26\n' "$mark"
probe_path /etc/systemd/coredump.conf.d/50-selvedge.conf 1491c8cd81dd00042c4a89162ff891038e74ab4c24211f8adf4cd6b80626c54b
printf '\n%s fact 27\n' "$mark"
probe_path /etc/modprobe.d/50-selvedge.conf bde945c43f1edc4a82735f16a266f2702bed1789f27c8279be592826a754d558
printf '\n%s fact 28\n' "$mark"
probe_path /etc/profile.d/50-selvedge.sh 70cabc7c38f5beaacc23eae0403860023d4b2b53c1dc33e8365bf6e6f8cd40bd
printf '\n%s fact 29\n' "$mark"
probe_path /etc/issue 029ee748876ed84839533d2caa25b40c5283a1101c50d2dfaa61445bc6d24fae
printf '\n%s fact 30\n' "$mark"
probe_path /etc/issue.net 029ee748876ed84839533d2caa25b40c5283a1101c50d2dfaa61445bc6d24fae
printf '\n%s fact 31\n' "$mark"
probe_port 80
printf '\n%s fact 32\n' "$mark"
probe_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 supervisor restic
printf '\n%s fact 33\n' "$mark"
python_tool_fact apprise
printf '\n%s fact 34\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx
echo
printf '\n%s fact 35\n' "$mark"
probe_unit supervisor.service
printf Stamp=
stamp_read supervisor
echo
printf '\n%s fact 36\n' "$mark"
python_tool_fact uv
printf '\n%s fact 37\n' "$mark"
python_fact /opt/selvedge/python/3.12 3.12
printf '\n%s fact 38\n' "$mark"
app=hello
postgres_fact
printf '\n%s fact 39\n' "$mark"
probe_unit postgresql.service
echo
printf '\n%s fact 40\n' "$mark"
if getent passwd hello; then id -nG hello 2>/dev/null || true
else
if getent group hello >/dev/null; then echo 'has a group'; fi
fi
printf '\n%s fact 41\n' "$mark"
app=hello
postgres_fact
printf '\n%s fact 42\n' "$mark"
app=hello
postgres_fact
printf '\n%s fact 43\n' "$mark"
cat /etc/postgresql/*/*/conf.d/60-selvedge-hello.conf 2>/dev/null || :
grep -hs -e '^# selvedge: the servers that use the database hello$' -e '# selvedge: a restore of hello is not finished$' /etc/postgresql/*/*/pg_hba.conf || :
printf '\n%s fact 44\n' "$mark"
redis_fact
printf '\n%s fact 45\n' "$mark"
if getent passwd hello; then id -nG hello 2>/dev/null || true
else
if getent group hello >/dev/null; then echo 'has a group'; fi
fi
printf '\n%s fact 46\n' "$mark"
redis_fact
echo --
probe_path /etc/systemd/system/selvedge-redis@.service 92d9d3e4ec4e5426c9c52766a7dbb3770e1b89baefec10dbf5cea560c7129a6c
printf '\n%s fact 47\n' "$mark"
probe_memory
probe_path /etc/selvedge/redis/hello.conf 556a72108d9db1deb4d6a0d83965c3a8fb8fb3a429b9df88004fce154b2cdf41
printf '\n%s fact 48\n' "$mark"
probe_unit selvedge-redis@hello.service
printf Stamp=
stamp_read selvedge-redis@hello
echo
:
}
read_lookups() {
probe_take_paths /etc/apt/apt.conf.d/20auto-upgrades /etc/apt/apt.conf.d/52unattended-upgrades-selvedge /etc/sudoers.d /etc/sudoers.d/90-selvedge-deploy /etc/ssh/sshd_config.d/00-selvedge.conf /etc/ufw/before.init /etc/fail2ban/jail.d/50-selvedge.local /etc/sysctl.d/90-selvedge.conf /etc/security/limits.d/50-selvedge.conf /etc/systemd/coredump.conf.d/50-selvedge.conf /etc/modprobe.d/50-selvedge.conf /etc/profile.d/50-selvedge.sh /etc/issue /etc/issue.net /etc/systemd/system/selvedge-redis@.service /etc/selvedge/redis/hello.conf
probe_take_hashes /etc/apt/apt.conf.d/20auto-upgrades /etc/apt/apt.conf.d/52unattended-upgrades-selvedge /etc/sudoers.d/90-selvedge-deploy /etc/ssh/sshd_config.d/00-selvedge.conf /etc/ufw/before.init /etc/fail2ban/jail.d/50-selvedge.local /etc/sysctl.d/90-selvedge.conf /etc/security/limits.d/50-selvedge.conf /etc/systemd/coredump.conf.d/50-selvedge.conf /etc/modprobe.d/50-selvedge.conf /etc/profile.d/50-selvedge.sh /etc/issue /etc/issue.net /etc/systemd/system/selvedge-redis@.service /etc/selvedge/redis/hello.conf
probe_take_packages unattended-upgrades sudo nftables libpam-pwquality ufw fail2ban python3-systemd nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 supervisor restic
:
}
read_all apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service ssh.socket fail2ban.service nginx.service supervisor.service postgresql.service selvedge-redis@hello.service
