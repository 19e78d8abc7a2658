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
