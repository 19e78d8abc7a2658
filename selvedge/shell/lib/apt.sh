# apt without questions. It waits while other programs hold apt's locks, and keeps the administrator's configuration files.

apt_locks='/var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock'
# Their times: when the lists were last fetched, and when the last upgrade ended.
apt_fetched=/var/lib/selvedge/lists-fetched
apt_upgraded=/var/lib/selvedge/upgraded

# apt_fact: "lists SECONDS" since they were fetched, and "changed" if they have changed since the last upgrade. An update that
# finds nothing new does not touch their folder. Asking apt would take half a second and write its caches.
apt_fact() {
  local age
  age=$(apt_lists_age) || return 0
  printf 'lists %s\n' "$age"
  if [ ! "$apt_upgraded" -nt /var/lib/apt/lists ]; then echo changed; fi
}

# apt_lists_age: seconds since the lists were fetched; fails if there are none. The lists themselves have the mirror's times,
# so it uses those of apt's download folder, of the daily update and of our own update.
apt_lists_age() {
  local last time
  last=0
  set -- /var/lib/apt/lists/*_Packages*
  [ -e "$1" ] || return 1
  for time in $(stat -c %Y /var/lib/apt/lists/partial /var/lib/apt/periodic/update-success-stamp "$apt_fetched" 2>/dev/null); do
    if [ "$time" -gt "$last" ]; then last=$time; fi
  done
  echo $(($(date +%s) - last))
}

apt_lists_current() {
  local age
  age=$(apt_lists_age) && [ "$age" -lt 86400 ]
}

# apt_holder FILE…: print the process that holds one of the lock files; fails if there is none. /proc/locks needs no package.
apt_holder() {
  local lock inode pid
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
  local waited holder
  waited=0
  # shellcheck disable=SC2086
  while holder=$(apt_holder $apt_locks); do
    [ "$waited" -lt 600 ] || step_fail "apt is still locked by $holder after 10 minutes. Wait for that program or stop it on the server, then run the same command again."
    [ $((waited % 15)) -ne 0 ] || step_say "waiting for apt, which is locked by $holder"
    sleep 1
    waited=$((waited + 1))
  done
}

# apt_run ARGUMENT…: needrestart only lists the services to restart; it neither asks nor restarts the app.
apt_run() {
  apt_wait
  NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none UCF_FORCE_CONFFOLD=1 apt-get -q -y \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@"
}

# apt_repair: finish an upgrade that was interrupted.
apt_repair() {
  apt_wait
  dpkg --force-confdef --force-confold --configure -a
}

# apt_fetch: fetch the lists; three attempts. Without the error mode, apt succeeds even if a mirror does not answer.
apt_fetch() {
  local attempt failed
  for attempt in 1 2 3; do
    apt_wait
    failed=0
    apt_run -o Acquire::Retries=0 -o APT::Update::Error-Mode=any update >"$undo/apt" 2>&1 || failed=1
    cat "$undo/apt"
    if [ "$failed" -eq 0 ]; then
      mkdir -p /var/lib/selvedge
      touch "$apt_fetched"
      return 0
    fi
    step_say "apt-get update failed, attempt $attempt of 3"
    sleep 3
  done
  return 1
}

# apt_why: apt's own message about the first source that failed.
apt_why() {
  sed -n 's/^E: \(.*[^.]\)\.*$/\1/p' "$undo/apt" | head -n 1 | grep . || printf 'a package source does not answer, or its signature is not valid'
}

apt_update() {
  apt_fetch || step_fail "apt-get update failed three times: $(apt_why). Check the server's network, its clock, and the files in /etc/apt/sources.list.d."
}

apt_upgrade() {
  apt_repair
  apt_run --with-new-pkgs upgrade
  mkdir -p /var/lib/selvedge
  touch "$apt_upgraded"
  if [ -e /run/reboot-required ]; then step_say "reboot the server to finish an upgrade: \`sudo systemctl reboot\`"; fi
}

# apt_install PACKAGE…
apt_install() {
  local folder
  apt_repair
  apt_lists_current || apt_fetch || step_say "could not refresh the package lists; using outdated ones"
  if ! apt_run install --no-install-recommends "$@"; then
    # apt's own messages about a full disk are long.
    for folder in /usr /var/cache/apt/archives /var/lib/dpkg; do disk_need_space "$folder" 10240; done
    apt_update
    apt_run --fix-broken install
    apt_run install --no-install-recommends "$@"
  fi
}
