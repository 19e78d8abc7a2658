# apt without questions. It waits while other programs hold apt's locks, and keeps the administrator's configuration files.
# Shared: reason

apt_locks='/var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock'
# Written when all lists were fetched: the time, and the state of the lists' folder. Written when an upgrade ended: the same state.
apt_fetched=/var/lib/selvedge/lists-fetched
apt_upgraded=/var/lib/selvedge/upgraded

# apt_fact: "lists SECONDS" since they were fetched, and "changed" if they have changed since the last upgrade. An update that
# finds nothing new does not touch their folder. Asking apt would take half a second and write its caches.
apt_fact() {
  local age
  age=$(apt_lists_age) || return 0
  printf 'lists %s\n' "$age"
  if [ "$(probe_line "$apt_upgraded")" != "$(apt_lists_state)" ]; then echo changed; fi
}

# apt_lists_state: changes with each list that comes or is replaced.
apt_lists_state() { stat -c %y /var/lib/apt/lists; }

# apt_lists_names: changes if a list was deleted, or another one fetched.
apt_lists_names() { printf '%s\n' /var/lib/apt/lists/* | cksum; }

# apt_lists_age: seconds since apt_fetch fetched all lists; fails if it never did, or if the sources or the lists are not those
# of that time. Only apt_fetch knows: the times of apt's own files change when a fetch begins, and for a part of the lists, too.
apt_lists_age() {
  local age path
  [ -e "$apt_fetched" ] && [ "$(probe_line "$apt_fetched")" = "$(apt_lists_names)" ] || return 1
  for path in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/sources.list.d/*; do
    if [ "$path" -nt "$apt_fetched" ]; then return 1; fi
  done
  age=$(($(date +%s) - $(stat -c %Y "$apt_fetched")))
  # The clock was set back: this file is from the future.
  [ "$age" -ge -60 ] || return 1
  if [ "$age" -lt 0 ]; then age=0; fi
  echo "$age"
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

# apt_try COMMAND…: run it and show its output; $undo/apt keeps the output for apt_reason.
apt_try() {
  local result
  # Before the output is redirected, so that the user sees whom it waits for.
  apt_wait
  result=0
  "$@" >"$undo/apt" 2>&1 || result=$?
  cat "$undo/apt"
  return "$result"
}

# apt_reason: the sentence of apt or dpkg about the package that failed. Their last lines only say that one failed.
apt_reason() {
  awk '/^dpkg: error/ { sub(/:$/, ""); found = $0; getline; sub(/^ +/, ""); print found ": " $0; exit }
    /unmet dependencies:$/ { getline; sub(/^ +/, ""); print; exit }
    /^(E|Error): / && !/Sub-process/ { sub(/^[A-Za-z]*: /, ""); print; exit }' "$undo/apt" | sed 's/  */ /g; s/[. ]*$//' | grep . ||
    tail -n 1 "$undo/apt"
}

# apt_repair: finish an upgrade that was interrupted.
apt_repair() {
  apt_try dpkg --force-confdef --force-confold --configure -a ||
    step_fail "dpkg could not finish an earlier installation: $(apt_reason). Correct that package on the server: \`sudo dpkg --configure -a\` shows its errors."
}

# apt_fetch: fetch the lists; three attempts. It fails if a source of the distribution itself fails, and then sets $reason to a
# sentence with a remedy. Sources of third parties that fail are only named.
apt_fetch() {
  local attempt
  for attempt in 1 2 3; do
    apt_wait
    # Without the error mode, apt succeeds even if a mirror does not answer.
    if apt_run -o Acquire::Retries=0 -o APT::Update::Error-Mode=any update >"$undo/apt" 2>&1; then
      rm -f "$undo/failed"
      apt_note_fetched
      return 0
    fi
    cat "$undo/apt"
    sources_failed >"$undo/failed"
    if [ -s "$undo/failed" ] && ! grep -q '^own|' "$undo/failed" && apt_has_own_lists; then
      apt_say_failed
      apt_note_fetched
      return 0
    fi
    # A file that apt cannot read is not better the next time.
    if grep -q 'The list of sources could not be read' "$undo/apt"; then break; fi
    step_say "apt-get update failed, attempt $attempt of 3"
    [ "$attempt" -eq 3 ] || sleep 3
  done
  apt_set_reason
  return 1
}

# apt_note_fetched: the lists are current. The second and further lines are the sources that failed.
apt_note_fetched() {
  mkdir -p /var/lib/selvedge
  {
    apt_lists_names
    if [ -s "$undo/failed" ]; then cat "$undo/failed"; fi
  } >"$apt_fetched"
  rm -f "$undo/failed"
}

# apt_has_own_lists: whether a list of the distribution itself is here.
apt_has_own_lists() { grep -q -e '|Debian$' -e '|Ubuntu$' -e '|Raspbian$' "$undo/origins"; }

apt_say_failed() {
  local source place why
  while IFS='|' read -r _ source place why; do
    step_say "$place: $source could not be fetched: $why. All other sources are up to date. $(sources_remedy "$why")"
  done <"$undo/failed"
}

# apt_set_reason: set $reason to the sentence about the first source of the distribution that failed.
apt_set_reason() {
  local source place why
  if { grep '^own|' "$undo/failed" || cat "$undo/failed"; } >"$undo/first" && [ -s "$undo/first" ] &&
    IFS='|' read -r _ source place why <"$undo/first"; then
    case $why in *"$source"*) ;; *) why="$source: $why" ;; esac
    reason="$why ($place). $(sources_remedy "$why")"
    return 0
  fi
  why=$(sources_reason)
  place=$(sources_place "$why")
  reason="$why$place. $(sources_remedy "$why")"
}

apt_update() {
  # shellcheck disable=SC2154
  apt_fetch || step_fail "apt-get update failed: $reason"
}

apt_upgrade() {
  apt_repair
  # A change of the sources in the same step.
  apt_lists_current || apt_update
  apt_try apt_run --with-new-pkgs upgrade ||
    step_fail "apt-get upgrade failed: $(apt_reason). Correct that on the server: \`sudo apt-get --with-new-pkgs upgrade\` shows its errors."
  mkdir -p /var/lib/selvedge
  apt_lists_state >"$apt_upgraded"
  if [ -e /run/reboot-required ]; then step_say "reboot the server to finish an upgrade: \`sudo systemctl reboot\`"; fi
}

# apt_install PACKAGE…
apt_install() {
  local folder
  apt_repair
  apt_lists_current || apt_fetch || step_say "using the package lists of the last update, because apt-get update failed: $reason"
  if ! apt_try apt_run install --no-install-recommends "$@"; then
    # apt's own messages about a full disk are long.
    for folder in /usr /var/cache/apt/archives /var/lib/dpkg; do disk_need_space "$folder" 10240; done
    apt_update
    apt_try apt_run --fix-broken install || :
    apt_try apt_run install --no-install-recommends "$@" ||
      step_fail "apt could not install $*: $(apt_reason). Correct that on the server: \`sudo apt-get install $*\` shows its errors."
  fi
}
