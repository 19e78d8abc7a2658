# An undo of sshd's configuration and the firewall that the server carries out by itself, a minute after it was armed,
# also when the client is gone or the power was cut in between. Whoever renames `armed` first decides: the undo, or
# `guard_disarm`, which the client calls after a fresh login has succeeded over the new rules.

guard=/var/lib/selvedge/guard
guard_unit=/etc/systemd/system/selvedge-undo

guard_arm() {
  if [ ! -e "$guard/armed" ]; then
    rm -rf -- "$guard"
    mkdir -p "$guard"
    chmod 0700 "$guard"
    # shellcheck disable=SC2046
    tar -C / -cpf "$guard/before.tar" etc/ssh $(cd / && ls -d etc/ufw etc/default/ufw 2>/dev/null)
    guard_script >"$guard/undo"
    guard_units
    : >"$guard/armed"
  fi
  # An undo that a cut-off run left armed keeps what it saved: that was the last state with a proven login.
  systemctl daemon-reload
  systemctl stop selvedge-undo.timer 2>/dev/null || true
  systemctl enable -q --now selvedge-undo.timer || fail "the undo could not be armed, so nothing was changed"
}

guard_units() {
  cat >"$guard_unit.service" <<EOF
[Unit]
Description=Take back changes to sshd and the firewall that no login has proved
[Service]
Type=oneshot
ExecStart=/bin/sh $guard/undo
EOF
  cat >"$guard_unit.timer" <<EOF
[Unit]
Description=A minute for the login that proves the changes to sshd and the firewall
[Timer]
OnActiveSec=60
AccuracySec=1
[Install]
WantedBy=timers.target
EOF
}

guard_script() {
  cat <<'EOF'
# Puts /etc/ssh and ufw back as they were before a change that no login has proved.
LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
cd /var/lib/selvedge/guard || exit 1
mv armed fired || exit 0
if [ -e firewall ]; then ufw --force disable; fi
old=$(mktemp -d /etc/.selvedge.XXXXXX) && tar -C "$old" -xpf before.tar || exit 1
for path in etc/ssh etc/ufw etc/default/ufw; do
  [ -e "$old/$path" ] || continue
  mv -T -- "/$path" "$old/replaced"
  mv -T -- "$old/$path" "/$path"
  rm -rf -- "$old/replaced"
done
rm -rf -- "$old"
rm -f -- /var/lib/selvedge/loaded/sshd
# Where our run reloaded nothing, what sshd has loaded may be better than what stands in its files.
if [ -e sshd ] && systemctl is-active -q ssh.service; then
  if systemctl is-active -q ssh.socket; then systemctl restart ssh.service; else systemctl reload ssh.service; fi
fi
if [ -e firewall ] && grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf; then ufw --force enable; fi
logger -t selvedge 'changes to sshd and the firewall were taken back: no login proved them' || true
rm -f -- /etc/systemd/system/selvedge-undo.service /etc/systemd/system/selvedge-undo.timer \
  /etc/systemd/system/timers.target.wants/selvedge-undo.timer
cd / && rm -rf -- /var/lib/selvedge/guard
systemctl --no-block stop selvedge-undo.timer
systemctl daemon-reload
EOF
}

# guard_touches NAME: the undo of sshd or of the firewall has something to do from now on, and a minute from now on.
guard_touches() {
  [ -e "$guard/armed" ] || fail "this took longer than a minute, so the server has taken it back: run it again"
  : >"$guard/$1"
  systemctl restart selvedge-undo.timer
}

guard_revert() {
  [ ! -e "$guard/armed" ] || sh "$guard/undo" >/dev/null 2>&1
}

guard_disarm() {
  mv "$guard/armed" "$guard/proved" 2>/dev/null || exit 1
  systemctl disable -q --now selvedge-undo.timer
  rm -rf -- "$guard" "$guard_unit.service" "$guard_unit.timer"
  systemctl daemon-reload
}
