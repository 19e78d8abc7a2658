LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library apt

# … the library disk

# … the library file

# … the library guard

# … the library history

# … the library probe

# … the library service

# … the library sources

# … the library sshd

# … the library stamp

# … the library step

# … the library user

change_before() (
set -eu
stamp_remove fail2ban
)
change_0() (
set -eu
apt_install sudo nftables libpam-pwquality ufw fail2ban python3-systemd
)
change_1() (
set -eu
step_fail 'sshd would reject logins of deploy, because of its line `AllowUsers root`. sshd, the firewall and sudo were not changed.'
)
change_2() (
set -eu
useradd --create-home --key HOME_MODE=0700 --user-group --groups sudo --shell /bin/bash -- deploy
)
change_3() (
set -eu
sshd_authorize deploy <<'EOF'
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@laptop
EOF
)
change_4() (
set -eu
install -d -m 00750 -o root -g root -- /etc/sudoers.d
)
change_5() (
set -eu
file_put /etc/sudoers.d/90-selvedge-deploy 0440 root root <<'EOF'
# Lets deploy run everything as root, without a password (server.sudo in hosts.toml).
# Written by `fab harden`; edit its template harden/sudoers.j2 instead.
deploy ALL=(ALL:ALL) NOPASSWD: ALL
EOF
visudo -cqf /etc/sudoers.d/90-selvedge-deploy
)
change_arm() (
set -eu
:
)
change_failed() {
:
}
step_app=hello.balancer
step_by=''
step_why=''
step_changes='before 0 1 2 3 4 5'
step_counted=0
step_start
LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library file

# … the library firewall

# … the library guard

# … the library history

# … the library probe

# … the library service

# … the library sshd

# … the library stamp

# … the library step

# … the library user

change_0() (
set -eu
awk '$5 >= 3071' /etc/ssh/moduli | file_put /etc/ssh/moduli-3072 0644 root root
)
change_1() (
set -eu
sshd_host_key rsa 4096
)
change_2() (
set -eu
sshd_include_first 'Include /etc/ssh/sshd_config.d/00-selvedge.conf'
)
change_3() (
set -eu
sshd_check_unchanged
file_put /etc/ssh/sshd_config.d/00-selvedge.conf 0600 root root <<'EOF'
# Settings of sshd that are stricter than Debian's defaults. `sshd -T` shows the active settings.
# Written by `fab harden`; edit its template harden/sshd.conf.j2 instead.
# sshd uses the first value that it reads, and reads this folder sorted by name: 00- comes before a cloud image's
# 50-cloud-init.conf, which may contain PasswordAuthentication yes.

# Logins need a key, and root cannot log in: log in as deploy and use sudo.
PermitRootLogin no
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
HostbasedAuthentication no
PermitEmptyPasswords no
PermitUserEnvironment no
StrictModes yes

# A connection may try four keys (CIS Debian 12 Benchmark 5.1.16) within 30 seconds, and one address cannot use up all
# pending logins. If your SSH agent has more than four keys, name the right one in hosts.toml (key).
MaxAuthTries 4
LoginGraceTime 30
MaxStartups 10:30:60
PerSourceMaxStartups 10
MaxSessions 10

# A connection ends if the client does not answer for 40 seconds.
ClientAliveInterval 20
ClientAliveCountMax 2
TCPKeepAlive no

# sshd forwards no connections (server.allow_forwarding in hosts.toml). Commands, sftp and git still work.
DisableForwarding yes
AllowTcpForwarding no
AllowAgentForwarding no
AllowStreamLocalForwarding no
X11Forwarding no
PermitTunnel no
GatewayPorts no
Compression no

# Log the fingerprint of the key of each login: journalctl -u ssh
LogLevel VERBOSE

# Algorithms of ssh-audit's policy "Hardened Debian 12 (version 3)" (github.com/jtesta/ssh-audit), except those
# that this server's sshd does not support.
HostKey /etc/ssh/ssh_host_ed25519_key
HostKey /etc/ssh/ssh_host_rsa_key
ModuliFile /etc/ssh/moduli-3072
HostKeyAlgorithms sk-ssh-ed25519-cert-v01@openssh.com,ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,sk-ssh-ed25519@openssh.com,ssh-ed25519,rsa-sha2-512,rsa-sha2-256
KexAlgorithms mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group-exchange-sha256
Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-gcm@openssh.com,aes128-ctr
MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com
EOF
sshd_assert deploy 'permitrootlogin no' 'pubkeyauthentication yes' 'passwordauthentication no' 'kbdinteractiveauthentication no' 'hostbasedauthentication no' 'permitemptypasswords no' 'permituserenvironment no' 'strictmodes yes' 'maxauthtries 4' 'logingracetime 30' 'maxstartups 10:30:60' 'persourcemaxstartups 10' 'maxsessions 10' 'clientaliveinterval 20' 'clientalivecountmax 2' 'tcpkeepalive no' 'disableforwarding yes' 'allowtcpforwarding no' 'allowagentforwarding no' 'allowstreamlocalforwarding no' 'x11forwarding no' 'permittunnel no' 'gatewayports no' 'compression no' 'loglevel VERBOSE' 'hostkey /etc/ssh/ssh_host_ed25519_key' 'hostkey /etc/ssh/ssh_host_rsa_key' 'modulifile /etc/ssh/moduli-3072' 'hostkeyalgorithms sk-ssh-ed25519-cert-v01@openssh.com,ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,sk-ssh-ed25519@openssh.com,ssh-ed25519,rsa-sha2-512,rsa-sha2-256' 'kexalgorithms mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group-exchange-sha256' 'ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-gcm@openssh.com,aes128-ctr' 'macs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com'
sshd_reload 01d95d2843ed58102b0190117acf27fbaccf870b99e31574aba6538b3b78faa5
)
change_4() (
set -eu
firewall_open 22 80 443
file_put /etc/ufw/before.init 0750 root root <<'EOF_'
#!/bin/sh
# Limits new SSH connections per address: 20 at once, then 2 per second. Packets over the limit are dropped, so a client
# that retries is only delayed. ufw's own `limit` (6 in 30 seconds) is too strict for a deploy tool.
# ufw runs this script when it starts and stops (man ufw-framework).
# Written by `fab harden`; edit its template harden/before.init.j2 instead.

case "$1" in
start)
    # If the kernel does not support this limit, the rest of the firewall still works.
    nft -f - <<'EOF' || logger -t ufw 'could not limit new SSH connections' || true
table inet selvedge
delete table inet selvedge
table inet selvedge {
    set addresses { type ipv4_addr; size 65535; flags dynamic; timeout 1m; }
    set networks { type ipv6_addr; size 65535; flags dynamic; timeout 1m; }
    chain input {
        type filter hook input priority filter - 10; policy accept;
        iif lo accept
        tcp dport { 22 } ct state new update @addresses { ip saddr limit rate over 2/second burst 20 packets } drop
        tcp dport { 22 } ct state new update @networks { ip6 saddr & ffff:ffff:ffff:ffff:: limit rate over 2/second burst 20 packets } drop
    }
}
EOF
    ;;
stop)
    nft delete table inet selvedge 2>/dev/null || true
    ;;
esac
exit 0
EOF_
firewall_on
)
change_arm() (
set -eu
guard_arm <<'EOF'
# Restores /etc/ssh, ufw and sudoers.d as they were before a change that no login has tested (guard.sh). If it is interrupted,
# systemd runs it again from its beginning, also after the next boot, and the result is the same as after one run.
LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

files_back() {
  local old path
  old=/etc/.selvedge.undo
  rm -rf -- "$old"
  mkdir -m 0700 "$old" && tar -C "$old" -xpf before.tar || return 1
  for path in etc/ssh etc/ufw etc/default/ufw etc/sudoers.d; do
    [ -e "$old/$path" ] || continue
    # An interrupted run may have moved the path away already.
    mv -T -- "/$path" "$old/replaced" 2>/dev/null
    mv -T -- "$old/$path" "/$path" || left=1
    rm -rf -- "$old/replaced"
  done
  rm -rf -- "$old"
  # stamp_remove of stamp.sh: this script runs without the library.
  rm -f -- /var/lib/selvedge/loaded/sshd
}

sshd_back() {
  local unit
  # If Selvedge has not reloaded sshd, the configuration in memory may work while the files are broken.
  if [ -e sshd ] && systemctl is-active -q ssh.service; then
    if systemctl is-active -q ssh.socket; then systemctl restart ssh.service; else systemctl reload ssh.service; fi
  fi
  while read -r unit; do
    systemctl is-active -q "$unit" || { systemctl reset-failed "$unit" && systemctl start "$unit"; }
  done <running
}

firewall_back() {
  [ -e firewall ] || return 0
  if grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf; then ufw --force enable; else ufw --force disable; fi
}

cd /var/lib/selvedge/guard && exec 8<undo && flock 8 || exit 1
left=
mv armed fired 2>/dev/null || [ -e fired ] || [ -e settled ] || exit 0
if [ -e fired ]; then
  # Before files_back: ufw must stop with the files that it was started with, or their rules stay in the kernel.
  if [ -e firewall ]; then ufw --force disable; fi
  files_back || left=1
  sshd_back
  firewall_back
  [ -z "$left" ] || exit 1
  sync -f /etc
  logger -t selvedge 'changes to sshd, the firewall and sudo were undone, because no login confirmed them' || true
  mv fired settled
fi
units=/etc/systemd/system
rm -f -- "$units/selvedge-undo.service" "$units/selvedge-undo.timer" "$units/timers.target.wants/selvedge-undo.timer"
cd / && rm -rf -- /var/lib/selvedge/guard
systemctl --no-block stop selvedge-undo.timer
systemctl daemon-reload
EOF
)
change_failed() {
guard_revert
}
step_app=hello.balancer
step_by=''
step_why=''
step_changes='0 1 2 3 4'
step_counted=0
step_start
LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library apt

# … the library bans

# … the library disk

# … the library file

# … the library history

# … the library kernel

# … the library probe

# … the library service

# … the library sources

# … the library stamp

# … the library step

change_0() (
set -eu
file_put /etc/fail2ban/jail.d/50-selvedge.local 0644 root root <<'EOF'
# Bans addresses that repeatedly fail to log in over SSH, for a limited time.
# Written by `fab harden`; edit its template harden/fail2ban.local.j2 instead.

[DEFAULT]
banaction = nftables-multiport
banaction_allports = nftables-allports
# Never ban the server itself or the addresses of server.ignore_ips in hosts.toml.
ignoreip = 127.0.0.1/8 ::1
# Never ban an address with a successful key login within the last hour. Otherwise an SSH agent that offers several
# wrong keys before the right one would lock you out.
ignorecommand = /usr/bin/journalctl --quiet --since=-1h --lines=1 --identifier=sshd --identifier=sshd-session --grep='^Accepted publickey for [^ ]+ from <ip> port '
ignorecache = key="<ip>", max-count=100, max-time=1m

[sshd]
enabled = true
# Debian 12 and 13 have no /var/log/auth.log; sshd logs to the journal.
backend = systemd
# Newer versions of sshd log each connection as sshd-session.
journalmatch = _SYSTEMD_UNIT=ssh.service + _COMM=sshd + _COMM=sshd-session
EOF
)
change_1() (
set -eu
if systemctl is-active -q fail2ban; then
bans_test
service_run restart fail2ban
fi
service_run 'enable --now' fail2ban
stamp_write fail2ban 5fa64b71fd66d8eb90a44846576e279a44c9954124df5e1f745a32bbda27c0c3
)
change_2() (
set -eu
file_put /etc/sysctl.d/90-selvedge.conf 0644 root root <<'EOF'
# Kernel settings. Sources: [K] docs.kernel.org, admin-guide/sysctl and networking/ip-sysctl; [C] CIS Debian Linux 12
# Benchmark 1.5 and 3.3; [L] Lynis 3, control KRNL-6000. `sysctl NAME` shows the active value.
# Written by `fab harden`; edit its template harden/sysctl.conf.j2 instead.

# Hide kernel addresses. Only root may read the kernel log and measure performance. [L] [K: kernel.rst]
kernel.kptr_restrict = 2
kernel.dmesg_restrict = 1
kernel.perf_event_paranoid = 3
# A process may trace only its children. Only root may load BPF, and its compiled code is hardened. [C] [L]
kernel.yama.ptrace_scope = 1
kernel.unprivileged_bpf_disabled = 1
net.core.bpf_jit_harden = 2
# No SysRq keys, because the console may be a provider's web page. Users cannot load line disciplines. [L]
kernel.sysrq = 0
kernel.ctrl-alt-del = 0
dev.tty.ldisc_autoload = 0
# Programs that changed their user leave no core dump. Each core dump has its own name. [C] [L]
fs.suid_dumpable = 0
kernel.core_uses_pid = 1
# Protect users from other users' links, pipes and files in /tmp. [K: fs.rst] [L]
fs.protected_hardlinks = 1
fs.protected_symlinks = 1
fs.protected_fifos = 2
fs.protected_regular = 2

# The server is not a router: it ignores redirects and source routes, and sends no redirects. [C 3.3] [L]
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.default.send_redirects = 0
net.ipv4.conf.all.accept_redirects = 0
net.ipv4.conf.default.accept_redirects = 0
net.ipv6.conf.all.accept_redirects = 0
net.ipv6.conf.default.accept_redirects = 0
net.ipv4.conf.all.accept_source_route = 0
net.ipv4.conf.default.accept_source_route = 0
net.ipv6.conf.all.accept_source_route = 0
net.ipv6.conf.default.accept_source_route = 0
# Drop packets whose reply would use another interface: they are forged. [C 3.3.7]
net.ipv4.conf.all.rp_filter = 1
net.ipv4.conf.default.rp_filter = 1
# Log packets from impossible addresses, which are forged, too. [C 3.3.9] [L]
net.ipv4.conf.all.log_martians = 1
net.ipv4.conf.default.log_martians = 1
# Half-open connections cannot fill the queue. Ignore pings to the broadcast address. [C 3.3]
net.ipv4.tcp_syncookies = 1
net.ipv4.icmp_echo_ignore_broadcasts = 1
net.ipv4.icmp_ignore_bogus_error_responses = 1
EOF
kernel_sysctl_set kernel.kptr_restrict=2
)
change_3() (
set -eu
file_set_lines /etc/ufw/sysctl.conf '^[[:space:]]*(net/ipv4/conf/all/log_martians|net/ipv4/conf/default/log_martians)([[:space:]=]|$)' '^# Set by `fab harden`: net/ipv4/conf/all/log_martians, net/ipv4/conf/default/log_martians$' <<'EOF'
# Set by `fab harden`: net/ipv4/conf/all/log_martians, net/ipv4/conf/default/log_martians
net/ipv4/conf/all/log_martians=1
net/ipv4/conf/default/log_martians=1
EOF
)
change_4() (
set -eu
apt_install systemd-timesyncd
service_run 'enable --now' systemd-timesyncd.service
)
change_5() (
set -eu
file_set_lines /etc/login.defs '^[[:space:]]*(SHA_CRYPT_MIN_ROUNDS|SHA_CRYPT_MAX_ROUNDS)([[:space:]=]|$)' '^# Set by `fab harden`: SHA_CRYPT_MIN_ROUNDS, SHA_CRYPT_MAX_ROUNDS$' <<'EOF'
# Set by `fab harden`: SHA_CRYPT_MIN_ROUNDS, SHA_CRYPT_MAX_ROUNDS
SHA_CRYPT_MIN_ROUNDS 65536
SHA_CRYPT_MAX_ROUNDS 65536
EOF
)
change_6() (
set -eu
file_set_lines /etc/login.defs '^[[:space:]]*(YESCRYPT_COST_FACTOR)([[:space:]=]|$)' '^# Set by `fab harden`: YESCRYPT_COST_FACTOR$' <<'EOF'
# Set by `fab harden`: YESCRYPT_COST_FACTOR
YESCRYPT_COST_FACTOR 7
EOF
)
change_7() (
set -eu
file_put /etc/security/limits.d/50-selvedge.conf 0644 root root <<'EOF'
# No core dumps, because they contain a program's memory with its secrets. `*` does not include root: limits.conf(5).
# CIS Debian 12 Benchmark 1.5; Lynis, control KRNL-5820. Takes effect at the next login.
# Written by `fab harden`; edit its template harden/limits.conf.j2 instead.
* - core 0
root - core 0
EOF
)
change_8() (
set -eu
file_put /etc/systemd/coredump.conf.d/50-selvedge.conf 0644 root root <<'EOF'
# Makes systemd-coredump, if installed, store no core dumps, because they contain a program's memory with its secrets.
# Written by `fab harden`; edit its template harden/coredump.conf.j2 instead.
[Coredump]
Storage=none
ProcessSizeMax=0
EOF
)
change_9() (
set -eu
file_put /etc/modprobe.d/50-selvedge.conf 0644 root root <<'EOF'
# Blocks kernel modules that a web server does not need. Any user could make the kernel load them by opening a socket or
# mounting a disk, and rarely used code has undetected vulnerabilities. Loaded modules stay until the next reboot.
# Written by `fab harden`; edit its template harden/modules.conf.j2 instead.

# Protocols: CIS Debian 12 Benchmark 3.2; Lynis, control NETW-3200.
install dccp /bin/false
install sctp /bin/false
install rds /bin/false
install tipc /bin/false
# File systems: CIS 1.1.1, except squashfs (for snap), udf (for virtual machines' discs) and usb-storage (a small server
# may boot from it).
install cramfs /bin/false
install freevxfs /bin/false
install hfs /bin/false
install hfsplus /bin/false
install jffs2 /bin/false
# FireWire, because its devices can read all memory: Lynis, control STRG-1846.
install firewire-core /bin/false
install firewire-ohci /bin/false
EOF
)
change_10() (
set -eu
file_put /etc/profile.d/50-selvedge.sh 0644 root root <<'EOF'
# Makes bash log out after 30 minutes at the prompt; running programs are not affected.
# CIS Debian 12 Benchmark 5.4.3.2; Lynis, control SHLL-6220. `unset TMOUT` in ~/.profile disables it for one user.
# Written by `fab harden`; edit its template harden/profile.sh.j2 instead.
TMOUT=1800
export TMOUT
EOF
)
change_11() (
set -eu
file_put /etc/issue 0644 root root <<'EOF'
Private system. Authorized users only. All logins are recorded.
EOF
)
change_12() (
set -eu
file_put /etc/issue.net 0644 root root <<'EOF'
Private system. Authorized users only. All logins are recorded.
EOF
)
change_arm() (
set -eu
:
)
change_failed() {
:
}
step_app=hello.balancer
step_by=''
step_why=''
step_changes='0 1 2 3 4 5 6 7 8 9 10 11 12'
step_counted=0
step_start
