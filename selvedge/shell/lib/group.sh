# Process groups.

# group_end LEADER: end the programs and processes that the app started and left when it ended. Under systemd they end
# with the unit.
group_end() {
  local round
  # A process that has ended may still be listed until its parent has noticed.
  if [ "$1" -le 1 ] || grep -q -s '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"; then return 0; fi
  kill -s TERM -- "-$1" 2>/dev/null || return 0
  round=0
  while pgrep -g "$1" >/dev/null && [ "$round" -lt 20 ]; do
    round=$((round + 1))
    sleep 0.1
  done
  kill -s KILL -- "-$1" 2>/dev/null || :
}
