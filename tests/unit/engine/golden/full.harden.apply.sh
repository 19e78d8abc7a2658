LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# … the library apt

# … the library harden

change_before() (
set -eu
rm -f -- /var/lib/selvedge/loaded/fail2ban
)
# change 0: install sudo, nftables, libpam-pwquality, ufw, fail2ban, python3-systemd
change_0() (
set -eu
apt_install sudo nftables libpam-pwquality ufw fail2ban python3-systemd
)
# change 1: see that sshd lets deploy in
change_1() (
set -eu
fail 'sshd would not let deploy in, by its line `AllowUsers root`. Change that line on the server (`grep -rin AllowUsers /etc/ssh/sshd_config*` finds it), then `systemctl reload ssh`, and run this again. sshd, firewall and sudo are as they were.'
)
# change 2: create user deploy, who may use sudo
change_2() (
set -eu
useradd --create-home --key HOME_MODE=0700 --user-group --groups sudo --shell /bin/bash -- deploy
)
# change 3: let the key me@laptop (SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU) log in as deploy
change_3() (
set -eu
authorize deploy <<'EOF'
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@laptop
EOF
)
# change 4: create /etc/sudoers.d/
change_4() (
set -eu
install -d -m 00750 -o root -g root -- /etc/sudoers.d
)
# change 5: create /etc/sudoers.d/90-selvedge-deploy
change_5() (
set -eu
put /etc/sudoers.d/90-selvedge-deploy 0440 root root <<'EOF'
# deploy may do everything, without a password: server.sudo in hosts.toml.
deploy ALL=(ALL:ALL) NOPASSWD: ALL
EOF
visudo -cqf /etc/sudoers.d/90-selvedge-deploy
)
run() {
  printf '%s begin %s\n' "$mark" "$1"
  "change_$1" 9>&-
  status=$?
  if [ "$status" -eq 0 ]; then printf '%s done %s\n' "$mark" "$1"; return 0; fi
  printf '%s failed %s %s\n' "$mark" "$1" "$status"
  restore
}
main() {
  exec 9>/run/selvedge/hello.step
  if ! flock -n 9; then
    say "waiting for the rest of a run that was cut off"
    flock -w 300 9 || fail "a step of a run that was cut off is still busy after 5 minutes; see /var/log/selvedge/hello.log"
  fi
  # Of a run that was killed: copies of what it changed, secrets among them.
  for left in /run/selvedge/hello.undo.*; do
    if [ -d "$left" ] && [ ! -e "$left/stuck" ]; then rm -rf -- "$left"; fi
  done
  undo=$(mktemp -d /run/selvedge/hello.undo.XXXXXX) || fail "cannot write to /run/selvedge"
  :
  all
  status=$?
  if [ "$status" -ne 0 ]; then
    :
  fi
  [ -e "$undo/stuck" ] || rm -rf -- "$undo"
  :
  # When the step ended, for a run that has read the server before that.
  : >/run/selvedge/hello.step
  return "$status"
}
all() {
  run before
  [ "$status" -eq 0 ] || return 1
  run 0
  [ "$status" -eq 0 ] || return 1
  run 1
  [ "$status" -eq 0 ] || return 1
  run 2
  [ "$status" -eq 0 ] || return 1
  run 3
  [ "$status" -eq 0 ] || return 1
  run 4
  [ "$status" -eq 0 ] || return 1
  run 5
  [ "$status" -eq 0 ] || return 1
}
logged() {
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  { main; printf '%s end %s\n' "$mark" "$?"; } 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/hello.log )
}
logged
LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# … the library harden

# … the library firewall

# … the library guard

# change 0: create /etc/ssh/moduli-3072 (the groups of at least 3071 bits)
change_0() (
set -eu
awk '$5 >= 3071' /etc/ssh/moduli | put /etc/ssh/moduli-3072 0644 root root
)
# change 1: make the server's rsa host key anew (4096 bits)
change_1() (
set -eu
host_key rsa 4096
)
# change 2: begin /etc/ssh/sshd_config with `Include /etc/ssh/sshd_config.d/00-selvedge.conf`
change_2() (
set -eu
include_first 'Include /etc/ssh/sshd_config.d/00-selvedge.conf'
)
# change 3: harden sshd and reload it
change_3() (
set -eu
sshd_sound
put /etc/ssh/sshd_config.d/00-selvedge.conf 0600 root root <<'EOF'
# sshd, stricter than Debian's defaults. Written by `fab harden`; `sshd -T` shows what is in force.
# sshd takes the first value that it meets, and reads this folder by name: 00- comes before a cloud image's
# 50-cloud-init.conf, which may say PasswordAuthentication yes.

# Keys only, and no root: log in as deploy and use sudo.
PermitRootLogin no
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
HostbasedAuthentication no
PermitEmptyPasswords no
PermitUserEnvironment no
StrictModes yes

# Attempts: four keys a connection (CIS Debian 12 Benchmark 5.1.16), half a minute to log in, and not all of the
# unfinished logins for one address. An agent with more keys than four: name one (hosts.toml: key).
MaxAuthTries 4
LoginGraceTime 30
MaxStartups 10:30:60
PerSourceMaxStartups 10
MaxSessions 10

# A connection whose other end is gone ends after 40 seconds.
ClientAliveInterval 20
ClientAliveCountMax 2
TCPKeepAlive no

# Commands, sftp and git work; the server is no way into its network (hosts.toml: server.allow_forwarding).
DisableForwarding yes
AllowTcpForwarding no
AllowAgentForwarding no
AllowStreamLocalForwarding no
X11Forwarding no
PermitTunnel no
GatewayPorts no
Compression no

# Which key logged in, with its fingerprint: journalctl -u ssh
LogLevel VERBOSE

# Algorithms as ssh-audit's policy "Hardened Debian 12 (version 3)" has them (github.com/jtesta/ssh-audit).
# What this server's sshd does not know is left out of the lists.
HostKey /etc/ssh/ssh_host_ed25519_key
HostKey /etc/ssh/ssh_host_rsa_key
ModuliFile /etc/ssh/moduli-3072
HostKeyAlgorithms sk-ssh-ed25519-cert-v01@openssh.com,ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,sk-ssh-ed25519@openssh.com,ssh-ed25519,rsa-sha2-512,rsa-sha2-256
KexAlgorithms mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group-exchange-sha256
Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-gcm@openssh.com,aes128-ctr
MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com
EOF
sshd_assert deploy 'permitrootlogin no' 'pubkeyauthentication yes' 'passwordauthentication no' 'kbdinteractiveauthentication no' 'hostbasedauthentication no' 'permitemptypasswords no' 'permituserenvironment no' 'strictmodes yes' 'maxauthtries 4' 'logingracetime 30' 'maxstartups 10:30:60' 'persourcemaxstartups 10' 'maxsessions 10' 'clientaliveinterval 20' 'clientalivecountmax 2' 'tcpkeepalive no' 'disableforwarding yes' 'allowtcpforwarding no' 'allowagentforwarding no' 'allowstreamlocalforwarding no' 'x11forwarding no' 'permittunnel no' 'gatewayports no' 'compression no' 'loglevel VERBOSE' 'hostkey /etc/ssh/ssh_host_ed25519_key' 'hostkey /etc/ssh/ssh_host_rsa_key' 'modulifile /etc/ssh/moduli-3072' 'hostkeyalgorithms sk-ssh-ed25519-cert-v01@openssh.com,ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,sk-ssh-ed25519@openssh.com,ssh-ed25519,rsa-sha2-512,rsa-sha2-256' 'kexalgorithms mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group-exchange-sha256' 'ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-gcm@openssh.com,aes128-ctr' 'macs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com'
sshd_reload 3818680f1d9127438417d11b1d1ac91f72f611ddd3aa162293c27499489f0cb5
)
# change 4: firewall: let in port 22, 80, 443, 8443; limit new connections to port 22; turn it on, and let in nothing else
change_4() (
set -eu
firewall_open 22 80 443 8443
put /etc/ufw/before.init 0750 root root <<'EOF_'
#!/bin/sh
# How many new ssh connections one address may open: 20 at once, then 2 a second; more are dropped, so that a patient
# client is only delayed. ufw's own `limit` (6 in half a minute) would shut out the user of a deploy tool.
# ufw runs this when it starts and stops (man ufw-framework). Written by `fab harden`.

case "$1" in
start)
    # A kernel that cannot do this still gets the rest of the firewall.
    nft -f - <<'EOF' || logger -t ufw 'the limit on new ssh connections could not be set' || true
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
run() {
  printf '%s begin %s\n' "$mark" "$1"
  "change_$1" 9>&-
  status=$?
  if [ "$status" -eq 0 ]; then printf '%s done %s\n' "$mark" "$1"; return 0; fi
  printf '%s failed %s %s\n' "$mark" "$1" "$status"
  restore
}
main() {
  exec 9>/run/selvedge/hello.step
  if ! flock -n 9; then
    say "waiting for the rest of a run that was cut off"
    flock -w 300 9 || fail "a step of a run that was cut off is still busy after 5 minutes; see /var/log/selvedge/hello.log"
  fi
  # Of a run that was killed: copies of what it changed, secrets among them.
  for left in /run/selvedge/hello.undo.*; do
    if [ -d "$left" ] && [ ! -e "$left/stuck" ]; then rm -rf -- "$left"; fi
  done
  undo=$(mktemp -d /run/selvedge/hello.undo.XXXXXX) || fail "cannot write to /run/selvedge"
  ( set -eu
guard_arm <<'EOF'
# Puts /etc/ssh, ufw and sudoers.d back as they were before a change that no login has proved (guard.sh). Whatever stops it
# in the middle, it is run again from its beginning, by systemd or after the next boot, and ends where one run would have.
LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

files_back() {
  old=/etc/.selvedge.undo
  rm -rf -- "$old"
  mkdir -m 0700 "$old" && tar -C "$old" -xpf before.tar || return 1
  for path in etc/ssh etc/ufw etc/default/ufw etc/sudoers.d; do
    [ -e "$old/$path" ] || continue
    # Away it may be already: then the run before this one ended between the two.
    mv -T -- "/$path" "$old/replaced" 2>/dev/null
    mv -T -- "$old/$path" "/$path" || left=1
    rm -rf -- "$old/replaced"
  done
  rm -rf -- "$old"
  rm -f -- /var/lib/selvedge/loaded/sshd
}

sshd_back() {
  # Where our run reloaded nothing, what sshd has loaded may be better than what stands in its files.
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
  # By the files that are in force: what they begin, they end.
  if [ -e firewall ]; then ufw --force disable; fi
  files_back || left=1
  sshd_back
  firewall_back
  [ -z "$left" ] || exit 1
  sync -f /etc
  logger -t selvedge 'changes to sshd, the firewall and sudo were taken back: no login proved them' || true
  mv fired settled
fi
units=/etc/systemd/system
rm -f -- "$units/selvedge-undo.service" "$units/selvedge-undo.timer" "$units/timers.target.wants/selvedge-undo.timer"
cd / && rm -rf -- /var/lib/selvedge/guard
systemctl --no-block stop selvedge-undo.timer
systemctl daemon-reload
EOF
)
  status=$?
  if [ "$status" -ne 0 ]; then
    rm -rf -- "$undo"
    return 1
  fi
  
  all
  status=$?
  if [ "$status" -ne 0 ]; then
    guard_revert
  fi
  [ -e "$undo/stuck" ] || rm -rf -- "$undo"
  :
  # When the step ended, for a run that has read the server before that.
  : >/run/selvedge/hello.step
  return "$status"
}
all() {
  run 0
  [ "$status" -eq 0 ] || return 1
  run 1
  [ "$status" -eq 0 ] || return 1
  run 2
  [ "$status" -eq 0 ] || return 1
  run 3
  [ "$status" -eq 0 ] || return 1
  run 4
  [ "$status" -eq 0 ] || return 1
}
logged() {
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  { main; printf '%s end %s\n' "$mark" "$?"; } 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/hello.log )
}
logged
LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# … the library kernel

# … the library apt

# change 0: create /etc/fail2ban/jail.d/50-selvedge.local
change_0() (
set -eu
put /etc/fail2ban/jail.d/50-selvedge.local 0644 root root <<'EOF'
# Addresses that keep failing to log in are shut out for a while. Written by `fab harden`.

[DEFAULT]
banaction = nftables-multiport
banaction_allports = nftables-allports
# Never shut out: this machine itself, and server.ignore_ips of hosts.toml.
ignoreip = 127.0.0.1/8 ::1 198.51.100.7
# Nor an address from which somebody logged in with a key within the last hour: an agent that offers
# several wrong keys before the right one must not shut its owner out.
ignorecommand = /usr/bin/journalctl --quiet --since=-1h --lines=1 --identifier=sshd --identifier=sshd-session --grep='^Accepted publickey for [^ ]+ from <ip> port '
ignorecache = key="<ip>", max-count=100, max-time=1m

[sshd]
enabled = true
# Debian 12 and 13 have no /var/log/auth.log: sshd's messages are in the journal.
backend = systemd
# Newer versions of sshd log under the name of the process that serves one login.
journalmatch = _SYSTEMD_UNIT=ssh.service + _COMM=sshd + _COMM=sshd-session
EOF
)
# change 1: enable and start fail2ban
change_1() (
set -eu
if systemctl is-active -q fail2ban; then
fail2ban-client --test
systemctl restart fail2ban
fi
systemctl enable --now fail2ban
(umask 077 && mkdir -p /var/lib/selvedge/loaded)
printf '%s\n' dfa9805dba194833303b6ba11696a3fcc45262cb35ed9c21e2ec0b5ea104c9e8 >/var/lib/selvedge/loaded/fail2ban
)
# change 2: set 1 kernel settings (/etc/sysctl.d/90-selvedge.conf)
change_2() (
set -eu
put /etc/sysctl.d/90-selvedge.conf 0644 root root <<'EOF'
# Kernel settings. Sources: [K] docs.kernel.org, admin-guide/sysctl and networking/ip-sysctl; [C] CIS Debian Linux 12
# Benchmark 1.5 and 3.3; [L] Lynis 3, control KRNL-6000. `sysctl NAME` shows what is in force. Written by `fab harden`.

# What the kernel tells about itself: no addresses, no log, and no measuring, for nobody but root. [L] [K: kernel.rst]
kernel.kptr_restrict = 2
kernel.dmesg_restrict = 1
kernel.perf_event_paranoid = 3
# A process traces only its own children; no user loads BPF, and what the kernel compiles of it is blinded. [C] [L]
kernel.yama.ptrace_scope = 1
kernel.unprivileged_bpf_disabled = 1
net.core.bpf_jit_harden = 2
# No magic keys on a console that is a provider's web page; no line discipline is loaded by a user. [L]
kernel.sysrq = 0
kernel.ctrl-alt-del = 0
dev.tty.ldisc_autoload = 0
# A program that changed its user leaves no dump, and no dump replaces another. [C] [L]
fs.suid_dumpable = 0
kernel.core_uses_pid = 1
# Nobody is led by another user's links, pipes or files in /tmp. [K: fs.rst] [L]
fs.protected_hardlinks = 1
fs.protected_symlinks = 1
fs.protected_fifos = 2
fs.protected_regular = 2

# This server is no router: it sends and follows no redirects and takes no routes from a packet. [C 3.3] [L]
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
# A packet whose answer would leave by another way is forged. [C 3.3.7]
net.ipv4.conf.all.rp_filter = 1
net.ipv4.conf.default.rp_filter = 1
# So is one from an address that cannot be there; the kernel's log tells of it. [C 3.3.9] [L]
net.ipv4.conf.all.log_martians = 1
net.ipv4.conf.default.log_martians = 1
# A flood of half-open connections does not fill the queue; no answers to a whole network. [C 3.3]
net.ipv4.tcp_syncookies = 1
net.ipv4.icmp_echo_ignore_broadcasts = 1
net.ipv4.icmp_ignore_bogus_error_responses = 1
EOF
sysctl_set kernel.kptr_restrict=2
)
# change 3: set net/ipv4/conf/all/log_martians, net/ipv4/conf/default/log_martians in /etc/ufw/sysctl.conf
change_3() (
set -eu
{ grep -Ev -e '^[[:space:]]*(net/ipv4/conf/all/log_martians|net/ipv4/conf/default/log_martians)([[:space:]=]|$)' -e '^# By `fab harden`: net/ipv4/conf/all/log_martians, net/ipv4/conf/default/log_martians$' /etc/ufw/sysctl.conf || :
cat <<'EOF'
# By `fab harden`: net/ipv4/conf/all/log_martians, net/ipv4/conf/default/log_martians
net/ipv4/conf/all/log_martians=1
net/ipv4/conf/default/log_martians=1
EOF
} | put /etc/ufw/sysctl.conf 0644 root root
)
# change 4: keep the clock right with systemd-timesyncd
change_4() (
set -eu
apt_install systemd-timesyncd
systemctl enable --now systemd-timesyncd.service
)
# change 5: set SHA_CRYPT_MIN_ROUNDS, SHA_CRYPT_MAX_ROUNDS in /etc/login.defs
change_5() (
set -eu
{ grep -Ev -e '^[[:space:]]*(SHA_CRYPT_MIN_ROUNDS|SHA_CRYPT_MAX_ROUNDS)([[:space:]=]|$)' -e '^# By `fab harden`: SHA_CRYPT_MIN_ROUNDS, SHA_CRYPT_MAX_ROUNDS$' /etc/login.defs || :
cat <<'EOF'
# By `fab harden`: SHA_CRYPT_MIN_ROUNDS, SHA_CRYPT_MAX_ROUNDS
SHA_CRYPT_MIN_ROUNDS 65536
SHA_CRYPT_MAX_ROUNDS 65536
EOF
} | put /etc/login.defs 0644 root root
)
# change 6: set YESCRYPT_COST_FACTOR in /etc/login.defs
change_6() (
set -eu
{ grep -Ev -e '^[[:space:]]*(YESCRYPT_COST_FACTOR)([[:space:]=]|$)' -e '^# By `fab harden`: YESCRYPT_COST_FACTOR$' /etc/login.defs || :
cat <<'EOF'
# By `fab harden`: YESCRYPT_COST_FACTOR
YESCRYPT_COST_FACTOR 7
EOF
} | put /etc/login.defs 0644 root root
)
# change 7: create /etc/security/limits.d/50-selvedge.conf
change_7() (
set -eu
put /etc/security/limits.d/50-selvedge.conf 0644 root root <<'EOF'
# No core dumps: they hold what a program had in memory, secrets among it. (`*` does not stand for root: limits.conf(5).)
# CIS Debian 12 Benchmark 1.5; Lynis, control KRNL-5820. Written by `fab harden`; it holds from the next login on.
* - core 0
root - core 0
EOF
)
# change 8: create /etc/systemd/coredump.conf.d/50-selvedge.conf
change_8() (
set -eu
put /etc/systemd/coredump.conf.d/50-selvedge.conf 0644 root root <<'EOF'
# Where systemd-coredump is installed, it keeps none either. Written by `fab harden`.
[Coredump]
Storage=none
ProcessSizeMax=0
EOF
)
# change 9: create /etc/modprobe.d/50-selvedge.conf
change_9() (
set -eu
put /etc/modprobe.d/50-selvedge.conf 0644 root root <<'EOF'
# Kernel modules that no web server needs, and that any user could have the kernel load by asking for a socket or a mount:
# code that few read has the holes that few find. What is loaded already stays until the next restart. Written by `fab harden`.

# Protocols: CIS Debian 12 Benchmark 3.2; Lynis, control NETW-3200.
install dccp /bin/false
install sctp /bin/false
install rds /bin/false
install tipc /bin/false
# File systems: CIS 1.1.1. Not squashfs (snap), udf (virtual machines' discs) and usb-storage (a small server may start from it).
install cramfs /bin/false
install freevxfs /bin/false
install hfs /bin/false
install hfsplus /bin/false
install jffs2 /bin/false
# FireWire, whose devices read all memory: Lynis, control STRG-1846.
install firewire-core /bin/false
install firewire-ohci /bin/false
EOF
)
# change 10: create /etc/profile.d/50-selvedge.sh
change_10() (
set -eu
put /etc/profile.d/50-selvedge.sh 0644 root root <<'EOF'
# A login that somebody forgot, at the prompt of bash, ends after half an hour; programs that run are left alone.
# CIS Debian 12 Benchmark 5.4.3.2; Lynis, control SHLL-6220. `unset TMOUT` in ~/.profile ends this for one user.
# Written by `fab harden`.
TMOUT=1800
export TMOUT
EOF
)
# change 11: create /etc/issue
change_11() (
set -eu
put /etc/issue 0644 root root <<'EOF'
Private system. Access is for authorized users only; logins are recorded.
EOF
)
# change 12: create /etc/issue.net
change_12() (
set -eu
put /etc/issue.net 0644 root root <<'EOF'
Private system. Access is for authorized users only; logins are recorded.
EOF
)
run() {
  printf '%s begin %s\n' "$mark" "$1"
  "change_$1" 9>&-
  status=$?
  if [ "$status" -eq 0 ]; then printf '%s done %s\n' "$mark" "$1"; return 0; fi
  printf '%s failed %s %s\n' "$mark" "$1" "$status"
  restore
}
main() {
  exec 9>/run/selvedge/hello.step
  if ! flock -n 9; then
    say "waiting for the rest of a run that was cut off"
    flock -w 300 9 || fail "a step of a run that was cut off is still busy after 5 minutes; see /var/log/selvedge/hello.log"
  fi
  # Of a run that was killed: copies of what it changed, secrets among them.
  for left in /run/selvedge/hello.undo.*; do
    if [ -d "$left" ] && [ ! -e "$left/stuck" ]; then rm -rf -- "$left"; fi
  done
  undo=$(mktemp -d /run/selvedge/hello.undo.XXXXXX) || fail "cannot write to /run/selvedge"
  :
  all
  status=$?
  if [ "$status" -ne 0 ]; then
    :
  fi
  [ -e "$undo/stuck" ] || rm -rf -- "$undo"
  :
  # When the step ended, for a run that has read the server before that.
  : >/run/selvedge/hello.step
  return "$status"
}
all() {
  run 0
  [ "$status" -eq 0 ] || return 1
  run 1
  [ "$status" -eq 0 ] || return 1
  run 2
  [ "$status" -eq 0 ] || return 1
  run 3
  [ "$status" -eq 0 ] || return 1
  run 4
  [ "$status" -eq 0 ] || return 1
  run 5
  [ "$status" -eq 0 ] || return 1
  run 6
  [ "$status" -eq 0 ] || return 1
  run 7
  [ "$status" -eq 0 ] || return 1
  run 8
  [ "$status" -eq 0 ] || return 1
  run 9
  [ "$status" -eq 0 ] || return 1
  run 10
  [ "$status" -eq 0 ] || return 1
  run 11
  [ "$status" -eq 0 ] || return 1
  run 12
  [ "$status" -eq 0 ] || return 1
}
logged() {
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  { main; printf '%s end %s\n' "$mark" "$?"; } 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/hello.log )
}
logged
