# apt without questions: waits for whoever holds its locks, and says for whom; keeps the administrator's own files.

apt_options='-o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o Acquire::Retries=3'

# apt_holder FILE…: the processes that hold one of the lock files, by /proc/locks, which needs no further package.
apt_holder() {
  for lock in "$@"; do
    [ -e "$lock" ] || continue
    inode=$(stat -c %i "$lock")
    pid=$(sed -n "s/^[0-9]*: [A-Z]* *[A-Z]* *WRITE \([0-9]*\) [0-9a-f:]*:$inode .*/\1/p" /proc/locks | head -n 1)
    if [ -n "$pid" ]; then
      printf '%s (process %s)' "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c 1-60)" "$pid"
      return 0
    fi
  done
  return 1
}

apt_wait() {
  apt_waited=0
  while holder=$(apt_holder /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock); do
    [ "$apt_waited" -lt 600 ] || fail "apt is still held by $holder after 10 minutes. Wait for it, or stop it on the server, and run this again."
    [ $((apt_waited % 15)) -ne 0 ] || say "waiting for apt, which is held by $holder"
    sleep 1
    apt_waited=$((apt_waited + 1))
  done
}

apt_run() {
  apt_wait
  # shellcheck disable=SC2086
  apt-get -q -y $apt_options "$@"
}

apt_update() {
  for attempt in 1 2 3; do
    if apt_run update; then return 0; fi
    say "apt-get update failed, attempt $attempt of 3"
    sleep 3
  done
  fail "apt-get update failed three times. Check the server's network and the files in /etc/apt/sources.list.d."
}

apt_lists_current() {
  find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' 2>/dev/null | grep -q . || return 1
  # The lists carry the mirror's times; the folder that apt downloads into carries the time of the last update.
  find /var/lib/apt/lists/partial -maxdepth 0 -mtime -1 2>/dev/null | grep -q .
}

apt_install() {
  apt_wait
  dpkg --configure -a
  apt_lists_current || apt_update
  if ! apt_run install --no-install-recommends "$@"; then
    apt_update
    apt_run --fix-broken install
    apt_run install --no-install-recommends "$@"
  fi
}
