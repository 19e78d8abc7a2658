# The frame of a reading: it runs all probes and writes nothing. The script defines read_lookups, read_first and
# read_second. Each fact follows a line "$mark fact NUMBER".

# read_all UNIT…: starting programs takes most of a reading's time, so two processes share the probes; no probe depends on
# another. systemd answers more slowly than all other lookups together, so it is asked at the same time.
read_all() {
  if [ $# -gt 0 ]; then probe_unit_list "$@" </dev/null; fi | read_facts "$#" 2>/dev/null
}

# read_facts COUNT: run the probes; standard input is the state of COUNT units.
read_facts() {
  read_lookups
  if [ "$1" -gt 0 ]; then probe_take_units; fi
  read_second </dev/null | { read_first </dev/null; cat; }
  printf '\n%s facts end\n' "$mark"
}
