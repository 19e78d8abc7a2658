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
