# The processes beside the web process, one by one. A UNIT is INSTANCE.NAME@NUMBER. Each process manager has a file with the same
# functions, which only this file calls: systemdunit.sh, supervisorunit.sh, dockerunit.sh. Their comments are in systemdunit.sh. A unit that a boot
# starts is one that should run; any other one stops, or has stopped.
# Needs: systemdunit supervisorunit dockerunit

unit_all='systemdunit supervisorunit dockerunit'

# unit_list PATTERN: print the units that a process manager has of the instances with these names.
unit_list() {
  local manager
  for manager in $unit_all; do "${manager}_list" "$1"; done
}

# unit_own MANAGER UNIT…: print those that this process manager has. A unit that none has yet is that of its instance.
unit_own() {
  local wanted unit manager own
  wanted=$1
  shift
  for unit; do
    own=
    for manager in $unit_all; do
      if "${manager}_has" "$unit"; then own=$manager; fi
    done
    if [ "${own:-$(manager_of "${unit%%.*}")unit}" = "$wanted" ]; then printf '%s\n' "$unit"; fi
  done
}

# unit_each FUNCTION UNIT…: call this function of each process manager with the units that it has. 1: one of them failed.
unit_each() {
  local function manager own
  function=$1
  shift
  for manager in $unit_all; do
    own=$(unit_own "$manager" "$@")
    [ -n "$own" ] || continue
    # `set -e` holds in the function, unless whoever called this looks at the status.
    # shellcheck disable=SC2086
    "${manager}_$function" $own
    # shellcheck disable=SC2181
    [ $? -eq 0 ] || return 1
  done
}

unit_facts() { unit_each facts "$@"; }

# unit_boot UNIT…: have a boot start them. 1: it could not write that.
unit_boot() { unit_each boot "$@"; }

unit_unboot() { unit_each unboot "$@"; }

# unit_start UNIT…: start them, after unit_boot, each with a log that other users cannot read.
unit_start() {
  local unit
  for unit; do manager_log "$unit"; done
  unit_each start "$@"
}

unit_ask() { unit_each ask "$@"; }

unit_end() { unit_each end "$@"; }

unit_status() { unit_each status "$1"; }

unit_ran() { unit_each ran "$1"; }

# unit_restarts UNIT: print how often it was started again.
unit_restarts() { unit_each restarts "$1"; }

unit_forget() {
  local manager
  for manager in $unit_all; do "${manager}_forget" "$1"; done
}
