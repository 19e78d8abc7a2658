# What runs on the server. Reads $base (/srv/APP) and $run_dir (/run/APP); writes nothing.

# live_fact: the live instance, whether its socket is listened on, and every instance with its record, each line of it
# behind "INSTANCE/FILE:". Only reads.
live_fact() {
  running=$(ss -xlH 2>/dev/null)
  live=$(readlink "$base/live.sock" 2>/dev/null) || live=
  live=${live##*/}
  live=${live%.sock}
  printf 'live %s\n' "$live"
  printf 'current %s\n' "$(readlink "$base/current" 2>/dev/null)"
  case $running in *" $run_dir/${live:-.}.sock "*) printf 'listening yes\n' ;; esac
  if [ -n "$live" ] && live_boots; then printf 'boots yes\n'; fi
  printf '%s\n' "$running" | sed -n "s#^.*[[:space:]]$run_dir/\([^/[:space:]]*\)\.sock[[:space:]].*#running \1#p"
  (
    cd -- "$base/instances" && set -- */ && [ -d "$1" ] && printf 'instance %s\n' "$@"
    grep -s '' -- /dev/null */state */record
  ) 2>/dev/null || :
}

live_listening() {
  ss -xlH 2>/dev/null | grep -q -F -- " $run_dir/$1.sock "
}

# Whether a boot starts the live instance, and no other: its manager's files are those in its folder.
live_boots() {
  if [ -f "$base/instances/$live/unit.service" ]; then
    unit=/etc/systemd/system/${base##*/}.$live
    cmp -s -- "$base/instances/$live/unit.service" "$unit.service" && cmp -s -- "$base/instances/$live/unit.socket" "$unit.socket" &&
      [ -e "${unit%/*}/multi-user.target.wants/${unit##*/}.service" ] && [ -e "${unit%/*}/sockets.target.wants/${unit##*/}.socket" ]
  else
    cmp -s -- "$base/instances/$live/program.conf" "/etc/supervisor/conf.d/${base##*/}.conf"
  fi
}
