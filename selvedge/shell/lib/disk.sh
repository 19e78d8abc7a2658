# Free space and inodes.

# disk_few_inodes FREE [TOTAL]: true if there are too few for a release. File systems without a fixed number have "-" or 0.
disk_few_inodes() {
  case $1 in *[!0-9]* | '') return 1 ;; esac
  [ "${2:-$1}" != 0 ] && [ "$1" -lt 2000 ]
}

# disk_need_space FOLDER KILOBYTES: fail now instead of half-way through.
disk_need_space() {
  local free inodes
  # df prints two headings, then two numbers.
  # shellcheck disable=SC2046
  set -- "$1" "$2" $(df -k --output=avail,iavail -- "$1")
  free=$5 inodes=$6
  [ "$free" -ge "$2" ] || step_fail "too little space on the server: $((free / 1024)) MB free in $1, $(($2 / 1024)) MB needed. Make room (apt-get clean; journalctl --vacuum-size=100M; old files), then run this again."
  if disk_few_inodes "$inodes"; then
    step_fail "too few inodes are free in $1 on the server: $inodes. Remove files that are not needed, then run this again."
  fi
}
