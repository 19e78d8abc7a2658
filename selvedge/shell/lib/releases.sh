# The releases on a server: their records, and the app's history. Writes nothing. Reads $app, $base, $run_dir, $live_socket and
# $repo.

# releases_linked LINK: print the instance whose socket is the link's target; nothing without the link.
releases_linked() {
  local socket
  socket=$(readlink "$1" 2>/dev/null) || return 0
  socket=${socket##*/}
  printf '%s' "${socket%.sock}"
}

# releases_live: print the instance that nginx sends requests to.
releases_live() { releases_linked "$live_socket"; }

# releases_state INSTANCE: print its state: building, good, bad, or left (rolled back).
releases_state() { cat -- "$base/instances/$1/state" 2>/dev/null || :; }

# releases_drain_unit INSTANCE: print the name of the systemd unit that drains it (drain.sh).
releases_drain_unit() { printf 'selvedge-drain-%s.%s.service' "$app" "$1"; }

# releases_draining INSTANCE: whether it answers open requests after a switch, before it is stopped.
releases_draining() {
  [ -e "/run/selvedge/$app.$1.drain" ] || return 1
  case $(systemctl is-active "$(releases_drain_unit "$1")" 2>/dev/null) in
    active | activating | deactivating) return 0 ;;
    *) return 1 ;;
  esac
}

# releases_drains: print the draining instances, one a line.
releases_drains() {
  local script
  for script in "/run/selvedge/$app".*.drain; do
    script=${script#"/run/selvedge/$app."}
    if releases_draining "${script%.drain}"; then printf '%s\n' "${script%.drain}"; fi
  done
}

# releases_git ARGUMENT…: run git in the app's mirror.
releases_git() { git --git-dir="$repo" -c safe.directory='*' "$@" 2>/dev/null; }

# releases_unrecorded: print the instances that never became live, each with the time of its state and its commit, author and
# subject.
releases_unrecorded() {
  local folder instance
  for folder in "$base"/instances/*/; do
    folder=${folder%/}
    [ -f "$folder/state" ] && [ ! -f "$folder/record" ] || continue
    instance=${folder##*/}
    printf 'unrecorded %s\t%s\t%s\n' "$instance" "$(date -u -d "@$(stat -c %Y "$folder/state")" +%Y-%m-%dT%H:%M:%SZ)" \
      "$(releases_git log -1 --no-walk --format='%H%x09%an%x09%s' "${instance%%-*}" --)"
  done
}

# releases_history COUNT: print the lines of the last runs in the history.
# Values: base
releases_history() {
  [ -f "$base/history" ] || return 0
  tac -- "$base/history" | awk -F '\t' -v count="$1" '!($2 in seen) { seen[$2]; if (++runs > count) exit } { print }' | tac
}

# releases_fact [restarts]: print the live instance, whether its socket is open and whether a boot starts it, the instances whose sockets
# are open or that have processes, those that drain, those in which timers run, the processes of the live one, and all records, each
# line after "INSTANCE/FILE:".
# Values: app base run_dir live_socket supervisor_conf
releases_fact() {
  local draining sockets live timed
  # Before the sockets: an instance whose drain ends in between no longer listens.
  draining=$(releases_drains)
  sockets=$(manager_sockets)
  live=$(releases_live)
  printf 'live %s\n' "$live"
  printf 'current %s\n' "$(readlink "$base/current" 2>/dev/null)"
  case $sockets in *" $run_dir/${live:-.}.sock "*) printf 'listening yes\n' ;; esac
  if [ -n "$live" ] && manager_boots "$live"; then printf 'boots yes\n'; fi
  printf '%s\n' "$sockets" | sed -n "s#^.*[[:space:]]$run_dir/\([^/[:space:]]*\)\.sock[[:space:]].*#running \1#p"
  timed=$(timers_running)
  [ -z "$timed" ] || printf '%s\n' "$timed" | sed 's/^/timed /'
  [ -z "$draining" ] || printf '%s\n' "$draining" | sed 's/^/draining /'
  if processes_any; then
    unit_list '*' | sed 's/\..*//; s/^/running /' | sort -u | grep -v -x -F "running $live"
    [ -z "$live" ] || processes_fact "$live" "$@"
  fi
  (
    cd -- "$base/instances" && set -- */ && [ -d "$1" ] && printf 'instance %s\n' "$@"
    grep -s '' -- /dev/null */state */record
  ) 2>/dev/null || :
}

# releases_listening INSTANCE: whether its socket is open.
releases_listening() {
  manager_sockets "$1" | grep -q -F -- " $run_dir/$1.sock "
}

# releases_all: print the releases, with those that never became live.
# Values: app base run_dir live_socket supervisor_conf repo
releases_all() {
  releases_fact
  releases_unrecorded
}

# releases_commits OLD NEW COUNT [FORMAT]: print the newest commits of NEW that OLD has not: subject and author, one a line, or in
# this format of git.
# Values: repo
releases_commits() {
  releases_git log --max-count="$3" --format="${4:-%s (%an)}" "$1..$2" -- || :
}
