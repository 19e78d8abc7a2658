# The undo of changes to sshd, the firewall and sudo. The server carries it out a minute after it was armed, even if the client
# has disconnected or the power failed in between. The name of one file in $guard_folder is its state, `armed` at first. Whoever
# renames that file first decides: the undo (`fired`), or guard_disarm (`settled`), which the client calls after a new login
# has succeeded under the new rules. After `settled` only the cleanup is left.

guard_folder=/var/lib/selvedge/guard
guard_unit=/etc/systemd/system/selvedge-undo

# guard_arm: standard input is the script of the undo.
guard_arm() {
  if [ ! -e "$guard_folder/armed" ]; then
    if [ -e "$guard_folder/fired" ]; then
      guard_revert || step_fail "The server could not undo the untested changes of an earlier run, and tries again in 15 seconds. Check for a full disk, and run \`sudo journalctl -u selvedge-undo\` on the server."
      step_fail "The server was still undoing the untested changes of an earlier run. It has finished now. Run the same command again."
    fi
    systemctl stop selvedge-undo.timer selvedge-undo.service 2>/dev/null || true
    rm -rf -- "$guard_folder"
    mkdir -p "$guard_folder"
    chmod 0700 "$guard_folder"
    guard_save
    cat >"$guard_folder/undo"
    guard_units
    : >"$guard_folder/armed"
  fi
  # An undo that an interrupted run left armed keeps its saved state: the last one that a login has been tested with.
  systemctl daemon-reload
  systemctl stop selvedge-undo.timer 2>/dev/null || true
  step_try systemctl enable -q --now selvedge-undo.timer ||
    step_fail "systemd could not schedule the automatic undo, so nothing was changed: $reason. Correct that on the server: \`systemctl status selvedge-undo.timer\`."
  # It must be on the disk if the power fails a moment from now.
  sync "$guard_folder"/* "$guard_folder" "$guard_unit".* "${guard_unit%/*}" "${guard_unit%/*}/timers.target.wants"
}

# guard_save: keep the files that the undo restores, and the names of ssh's active units.
guard_save() {
  local unit
  # shellcheck disable=SC2046
  tar -C / -cpf "$guard_folder/before.tar" etc/ssh $(cd / && ls -d etc/ufw etc/default/ufw etc/sudoers.d 2>/dev/null)
  for unit in ssh.socket ssh.service; do
    if systemctl is-active -q "$unit"; then echo "$unit"; fi
  done >"$guard_folder/running"
}

guard_units() {
  cat >"$guard_unit.service" <<EOF
[Unit]
Description=Undo changes to sshd, the firewall and sudo that no login has confirmed
ConditionPathExists=$guard_folder/undo
[Service]
Type=oneshot
ExecStart=/bin/sh $guard_folder/undo
Restart=on-failure
RestartSec=15
EOF
  cat >"$guard_unit.timer" <<EOF
[Unit]
Description=Wait a minute for the login that confirms changes to sshd, the firewall and sudo
[Timer]
OnActiveSec=60
AccuracySec=1
[Install]
WantedBy=timers.target
EOF
}

# guard_pending: print the state of an undo that an interrupted run or a power failure has left.
guard_pending() {
  local state
  for state in armed fired; do
    if [ -e "$guard_folder/$state" ]; then echo "$state"; fi
  done
}

# guard_touches NAME: record that the undo must restore sshd, the firewall or sudo, and start its minute again.
guard_touches() {
  [ -e "$guard_folder/armed" ] || step_fail "This took longer than a minute, so the server has undone it. Run the same command again."
  : >"$guard_folder/$1"
  systemctl restart selvedge-undo.timer
}

# guard_revert: undo now. If the server is already doing it, wait for it.
guard_revert() {
  [ ! -e "$guard_folder/undo" ] || sh "$guard_folder/undo" >/dev/null 2>&1
}

# guard_disarm: keep the changes; fails if the undo has already fired.
guard_disarm() {
  mv "$guard_folder/armed" "$guard_folder/settled" 2>/dev/null || exit 1
  systemctl disable -q --now selvedge-undo.timer || true
  rm -rf -- "$guard_folder" "$guard_unit.service" "$guard_unit.timer"
  systemctl daemon-reload
}
