# What was released: the records, and the history. Reads $base (/srv/APP) and $repo; writes nothing.

# releases_live: the instance that nginx sends requests to.
releases_live() {
  if live=$(readlink "$base/live.sock" 2>/dev/null); then
    live=${live##*/}
    printf '%s' "${live%.sock}"
  fi
}

# releases_unrecorded: of each instance that never became live, since when it has its state, and what git knows of it.
releases_unrecorded() {
  for folder in "$base"/instances/*/; do
    folder=${folder%/}
    [ -f "$folder/state" ] && [ ! -f "$folder/record" ] || continue
    id=${folder##*/}
    printf 'unrecorded %s\t%s\t%s\n' "$id" "$(date -u -d "@$(stat -c %Y "$folder/state")" +%Y-%m-%dT%H:%M:%SZ)" \
      "$(git --git-dir="$repo" -c safe.directory='*' log -1 --format='%H%x09%an%x09%s' "${id%-*}" -- 2>/dev/null)"
  done
}

# releases_history COUNT: the last lines of the append-only history.
# Values: base
releases_history() {
  if [ -f "$base/history" ]; then tail -n "$1" -- "$base/history"; fi
}

# releases_fact: the live instance, whether its socket is listened on, and every instance with its record, each line of it
# behind "INSTANCE/FILE:". Only reads.
# Values: base run_dir
releases_fact() {
  running=$(ss -xlH 2>/dev/null)
  live=$(readlink "$base/live.sock" 2>/dev/null) || live=
  live=${live##*/}
  live=${live%.sock}
  printf 'live %s\n' "$live"
  printf 'current %s\n' "$(readlink "$base/current" 2>/dev/null)"
  case $running in *" $run_dir/${live:-.}.sock "*) printf 'listening yes\n' ;; esac
  if [ -n "$live" ] && releases_boots; then printf 'boots yes\n'; fi
  printf '%s\n' "$running" | sed -n "s#^.*[[:space:]]$run_dir/\([^/[:space:]]*\)\.sock[[:space:]].*#running \1#p"
  (
    cd -- "$base/instances" && set -- */ && [ -d "$1" ] && printf 'instance %s\n' "$@"
    grep -s '' -- /dev/null */state */record
  ) 2>/dev/null || :
}

releases_listening() {
  ss -xlH 2>/dev/null | grep -q -F -- " $run_dir/$1.sock "
}

# Whether a boot starts the live instance, and no other: its manager's files are those in its folder.
releases_boots() {
  if [ -f "$base/instances/$live/unit.service" ]; then
    unit=/etc/systemd/system/${base##*/}.$live
    cmp -s -- "$base/instances/$live/unit.service" "$unit.service" && cmp -s -- "$base/instances/$live/unit.socket" "$unit.socket" &&
      [ -e "${unit%/*}/multi-user.target.wants/${unit##*/}.service" ] && [ -e "${unit%/*}/sockets.target.wants/${unit##*/}.socket" ]
  else
    cmp -s -- "$base/instances/$live/program.conf" "/etc/supervisor/conf.d/${base##*/}.conf"
  fi
}

# releases_all: the releases, and what is known of those that never became live.
# Values: base run_dir repo
releases_all() {
  releases_fact
  releases_unrecorded
}
