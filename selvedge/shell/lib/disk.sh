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
  [ "$free" -ge "$2" ] || step_fail "Too little disk space on the server: $1 has $((free / 1024)) MB free, but $(($2 / 1024)) MB are needed. Free some space (\`sudo apt-get clean\`, \`sudo journalctl --vacuum-size=100M\`), then run the same command again."
  if disk_few_inodes "$inodes"; then
    step_fail "Too few free inodes on the server: $1 has $inodes. Delete files that you do not need, then run the same command again."
  fi
}
