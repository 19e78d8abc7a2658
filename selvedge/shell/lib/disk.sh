# Free space.

# disk_need_space DIRECTORY KILOBYTES: refuses early, instead of half-way through.
disk_need_space() {
  # A line of two headings, and one of two numbers; a file system that counts no inodes has "-" or 0.
  # shellcheck disable=SC2046
  set -- "$1" "$2" $(df -k --output=avail,iavail -- "$1")
  free=$5 nodes=$6
  [ "$free" -ge "$2" ] || step_fail "too little space on the server: $((free / 1024)) MB free in $1, $(($2 / 1024)) MB needed. Make room (apt-get clean; journalctl --vacuum-size=100M; old files), then run this again."
  case $nodes in
    *[!0-9]* | '') ;;
    *) [ "$nodes" -eq 0 ] || [ "$nodes" -ge 2000 ] || step_fail "too few inodes are free in $1 on the server: $nodes. Remove files that are not needed, then run this again." ;;
  esac
}
