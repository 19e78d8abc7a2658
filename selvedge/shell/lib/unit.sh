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

unit_facts() {
  local manager own
  for manager in $unit_all; do
    own=$(unit_own "$manager" "$@")
    # shellcheck disable=SC2086
    [ -z "$own" ] || "${manager}_facts" $own
  done
}

# unit_boot UNIT…: have a boot start them. 1: it could not write that.
unit_boot() {
  local manager own
  for manager in $unit_all; do
    own=$(unit_own "$manager" "$@")
    # shellcheck disable=SC2086
    [ -z "$own" ] || "${manager}_boot" $own || return 1
  done
}

unit_unboot() {
  local manager own
  for manager in $unit_all; do
    own=$(unit_own "$manager" "$@")
    # shellcheck disable=SC2086
    [ -z "$own" ] || "${manager}_unboot" $own || return 1
  done
}

# unit_start UNIT…: start them, after unit_boot, each with a log that other users cannot read.
unit_start() {
  local manager own unit
  for unit; do manager_log "$unit"; done
  for manager in $unit_all; do
    own=$(unit_own "$manager" "$@")
    # shellcheck disable=SC2086
    [ -z "$own" ] || "${manager}_start" $own
  done
}

unit_ask() {
  local manager own
  for manager in $unit_all; do
    own=$(unit_own "$manager" "$@")
    # shellcheck disable=SC2086
    [ -z "$own" ] || "${manager}_ask" $own
  done
}

unit_end() {
  local manager own
  for manager in $unit_all; do
    own=$(unit_own "$manager" "$@")
    # shellcheck disable=SC2086
    [ -z "$own" ] || "${manager}_end" $own
  done
}

unit_forget() {
  local manager
  for manager in $unit_all; do "${manager}_forget" "$1"; done
}

unit_status() {
  local manager
  for manager in $unit_all; do
    [ -z "$(unit_own "$manager" "$1")" ] || "${manager}_status" "$1"
  done
}

# unit_restarts UNIT: print how often it was started again.
unit_restarts() {
  local manager
  for manager in $unit_all; do
    [ -z "$(unit_own "$manager" "$1")" ] || "${manager}_restarts" "$1"
  done
}
