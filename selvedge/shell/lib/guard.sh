# An undo of changes to sshd, the firewall and sudo that the server carries out by itself, a minute after it was armed, also
# when the client is gone or the power was cut in between. What becomes of it is said by the name of one file, `armed` at
# first. Whoever renames it first decides: the undo (`fired`), or `guard_disarm` (`settled`), which the client calls after a
# fresh login has succeeded over the new rules. Behind `settled` there is nothing left but to clear up.

guard=/var/lib/selvedge/guard
guard_unit=/etc/systemd/system/selvedge-undo

# guard_arm: standard input is the script of the undo.
guard_arm() {
  if [ ! -e "$guard/armed" ]; then
    if [ -e "$guard/fired" ]; then
      guard_revert || step_fail "the server cannot take back what an earlier run left unproved, and tries again in a moment. Is its disk full? See journalctl -u selvedge-undo there"
      step_fail "the server was still taking back what an earlier run had left unproved. That is done now: run this again"
    fi
    systemctl stop selvedge-undo.timer selvedge-undo.service 2>/dev/null || true
    rm -rf -- "$guard"
    mkdir -p "$guard"
    chmod 0700 "$guard"
    guard_save
    cat >"$guard/undo"
    guard_units
    : >"$guard/armed"
  fi
  # An undo that a cut-off run left armed keeps what it saved: that was the last state with a proven login.
  systemctl daemon-reload
  systemctl stop selvedge-undo.timer 2>/dev/null || true
  systemctl enable -q --now selvedge-undo.timer || step_fail "the undo could not be armed, so nothing was changed"
  # A power failure a moment from now must find it on the disk.
  sync "$guard"/* "$guard" "$guard_unit".* "${guard_unit%/*}" "${guard_unit%/*}/timers.target.wants"
}

# guard_save: what the undo puts back, and which of ssh's units ran.
guard_save() {
  # shellcheck disable=SC2046
  tar -C / -cpf "$guard/before.tar" etc/ssh $(cd / && ls -d etc/ufw etc/default/ufw etc/sudoers.d 2>/dev/null)
  for unit in ssh.socket ssh.service; do
    if systemctl is-active -q "$unit"; then echo "$unit"; fi
  done >"$guard/running"
}

guard_units() {
  cat >"$guard_unit.service" <<EOF
[Unit]
Description=Take back changes to sshd, the firewall and sudo that no login has proved
ConditionPathExists=$guard/undo
[Service]
Type=oneshot
ExecStart=/bin/sh $guard/undo
Restart=on-failure
RestartSec=15
EOF
  cat >"$guard_unit.timer" <<EOF
[Unit]
Description=A minute for the login that proves the changes to sshd, the firewall and sudo
[Timer]
OnActiveSec=60
AccuracySec=1
[Install]
WantedBy=timers.target
EOF
}

# guard_touches NAME: the undo of sshd, of the firewall or of sudo has something to do from now on, and a minute from now on.
guard_touches() {
  [ -e "$guard/armed" ] || step_fail "this took longer than a minute, so the server has taken it back: run it again"
  : >"$guard/$1"
  systemctl restart selvedge-undo.timer
}

# guard_revert: at once; where the server is at it already, it is waited for.
guard_revert() {
  [ ! -e "$guard/undo" ] || sh "$guard/undo" >/dev/null 2>&1
}

guard_disarm() {
  mv "$guard/armed" "$guard/settled" 2>/dev/null || exit 1
  systemctl disable -q --now selvedge-undo.timer || true
  rm -rf -- "$guard" "$guard_unit.service" "$guard_unit.timer"
  systemctl daemon-reload
}
