# The frame of a reading: it runs all probes and writes nothing. The script defines read_lookups, read_first and
# read_second. Each fact follows a line "$mark fact NUMBER".

# read_all UNIT…: the time of a reading is that of the programs it starts, so two processes share the probes; no probe
# depends on another. systemd takes longer to answer than the other lookups together, and is asked beside them.
read_all() {
  if [ $# -gt 0 ]; then probe_unit_list "$@" </dev/null; fi | read_facts "$#" 2>/dev/null
}

read_facts() {
  read_lookups
  # shellcheck disable=SC2034 # probe_unit reads it
  if [ "$1" -gt 0 ]; then unit_states=$nl$nl$(cat)$nl$nl; fi
  read_second </dev/null | { read_first </dev/null; cat; }
  printf '\n%s facts end\n' "$mark"
}
