"""A hand-written script that checks the same things as a `fab setup deploy` that changes nothing."""

from __future__ import annotations

from sandbox import Server

FILES = """
find /etc/apt/apt.conf.d/20auto-upgrades /etc/apt/apt.conf.d/52unattended-upgrades-selvedge /etc/sudoers.d/90-selvedge-deploy \
  /etc/ssh/sshd_config.d/00-selvedge.conf /etc/ssh/moduli-3072 /etc/ufw/user.rules /etc/ufw/user6.rules /etc/ufw/before.init \
  /etc/ufw/ufw.conf /etc/fail2ban/jail.d/50-selvedge.local /etc/sysctl.d/90-selvedge.conf /etc/tmpfiles.d/hello.conf \
  /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/logrotate.d/hello \
  /srv/hello/instances -type f 2>/dev/null
"""
BASELINE = f"({FILES}) | xargs sha256sum >/root/sums\n({FILES}) | xargs stat -c '%n %a %U %G' >/root/modes\n"


CHECKS = """
fail() { echo "differs: $1"; exit 1; }
for p in sudo nftables ufw fail2ban python3-systemd unattended-upgrades nginx git curl ca-certificates openssh-client \\
  python3 python3-venv logrotate iproute2 supervisor; do echo $p; done >/tmp/wanted
[ "$(dpkg-query -W -f '${db:Status-Status}\\n' $(cat /tmp/wanted) | grep -c '^installed$')" = 16 ] || fail packages
sha256sum --quiet -c /root/sums || fail files
(@FILES@) | xargs stat -c '%n %a %U %G' | cmp -s - /root/modes || fail modes
for unit in nginx supervisor fail2ban ufw; do
  systemctl is-enabled -q $unit || fail $unit
  systemctl is-active -q $unit || fail $unit
done
systemctl is-active -q apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service || fail timers
sshd -T >/tmp/sshd || fail sshd
grep -q '^permitrootlogin no' /tmp/sshd && grep -q '^passwordauthentication no' /tmp/sshd || fail sshd
for user in deploy hello; do getent passwd $user >/dev/null || fail $user; id -nG $user >/dev/null; done
sed -n 's/^\\([a-z][a-z0-9_.]*\\) *=.*/\\1/p' /etc/sysctl.d/90-selvedge.conf | tr . / |
  (cd /proc/sys && xargs grep -H '' >/dev/null 2>&1)
ssh -Q kex >/tmp/kex || fail kex
cat /etc/ssh/ssh_host_rsa_key.pub /etc/ssh/ssh_host_ed25519_key.pub >/tmp/keys || fail keys
grep -q ssh-ed25519 /tmp/keys && [ -s /etc/ssh/moduli-3072 ] || fail keys
grep -q '^ssh-' /home/deploy/.ssh/authorized_keys && [ "$(stat -c %a /home/deploy/.ssh)" = 700 ] || fail authorized_keys
iptables -S ufw-user-input >/tmp/rules &&
  ip6tables -S ufw6-user-input >>/tmp/rules && grep -q 'dport 22 ' /tmp/rules || fail firewall
nginx -v 2>&1 | grep -q nginx || fail nginx
awk '/server_name|listen/' /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf | sort | grep -q default_server || fail names
for stamp in nginx-hello sshd fail2ban; do [ -s /var/lib/selvedge/loaded/$stamp ] || fail $stamp; done
find /var/lib/apt/lists/partial -maxdepth 0 -mtime -1 | grep -q . || fail lists
ss -Hltnp 'sport = :80' | grep -q nginx || fail port
git --git-dir=/srv/hello/repo.git cat-file -e @COMMIT@ || fail commit
[ "$(readlink /srv/hello/current)" = releases/@SHORT@ ] || fail current
[ -x /srv/hello/current/.venv/bin/python ] || fail venv
[ -L /etc/nginx/sites-enabled/hello ] && [ ! -e /etc/nginx/sites-enabled/default ] || fail site
live=$(readlink /srv/hello/live.sock)
ss -xlH | grep -q " $live " || fail live
for d in /srv/hello /srv/hello/releases /srv/hello/shared /srv/hello/venvs /srv/hello/instances /run/hello /var/log/hello; do
  stat -c '%a %U %G' $d >/dev/null || fail $d
done
"""


def script(server: Server, commit: str) -> str:
    """Record the server's files as the baseline, and return the script that compares the server with it."""
    server.run(BASELINE)
    return CHECKS.replace("@FILES@", FILES).replace("@SHORT@", commit[:12]).replace("@COMMIT@", commit)
