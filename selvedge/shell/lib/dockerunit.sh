# The processes beside the web process ([processes]) in containers: one for each, named APP.INSTANCE.NAME.NUMBER. Here a UNIT is
# INSTANCE.NAME@NUMBER. The engine starts those again, and at a boot, whose restart policy is `always`. The functions are those of
# systemdunit.sh; unit.sh calls them. Reads $app and $base.

# dockerunit_name UNIT: print the name of its container, which may have no @.
dockerunit_name() { printf '%s.%s.%s\n' "$app" "${1%@*}" "${1##*@}"; }

dockerunit_names() {
  local unit
  for unit; do dockerunit_name "$unit"; done
}

dockerunit_has() { docker_ask GET "/containers/$(dockerunit_name "$1")/json" >/dev/null; }

# dockerunit_list PATTERN: print the units of the instances with these names that have a container.
dockerunit_list() {
  local unit
  for unit in $(docker_labels selvedge.unit); do
    # shellcheck disable=SC2254 # a pattern
    case ${unit%%.*} in $1) printf '%s\n' "$unit" ;; esac
  done
}

# dockerunit_stopper UNIT: print the name of systemd's unit that stops it without waiting.
dockerunit_stopper() { printf 'selvedge-stop-%s.service' "$(dockerunit_name "$1")"; }

# dockerunit_facts UNIT…: as systemdunit_facts.
dockerunit_facts() {
  local unit facts boot state
  for unit; do
    facts=$(docker_facts "$(dockerunit_name "$unit")") || facts="0 missing no 0"
    boot=-
    case $facts in *' always '*) boot=boot ;; esac
    state=${facts#* }
    case ${state%% *} in
      running) state=up ;;
      restarting) state=ended ;;
      *) state=down ;;
    esac
    if [ "$state" = up ] && systemctl -q is-active "$(dockerunit_stopper "$unit")"; then state=stopping; fi
    printf '%s %s %s %s\n' "$unit" "$boot" "${facts%% *}" "$state"
  done
}

# dockerunit_boot UNIT…: as systemdunit_boot. The engine starts a container with this policy again as soon as it has ended, so a new one
# has it only after it has settled (changeover_keep).
dockerunit_boot() {
  local unit
  for unit; do
    if dockerunit_has "$unit"; then docker_policy always "$(dockerunit_name "$unit")" || return 1; fi
  done
}

dockerunit_unboot() {
  local unit
  for unit; do
    if dockerunit_has "$unit"; then docker_policy no "$(dockerunit_name "$unit")" || return 1; fi
  done
}

# dockerunit_start UNIT…: as systemdunit_start.
dockerunit_start() {
  local unit name instance folder
  for unit; do
    case $(dockerunit_facts "$unit") in *' up') continue ;; esac
    name=${unit%@*}
    instance=${name%%.*}
    name=${name#*.}
    folder=$base/instances/$instance/processes/$name
    docker rm -f -v "$(dockerunit_name "$unit")" >/dev/null 2>&1 || :
    docker_create "$instance.$name.${unit##*@}" --restart no --init --label "selvedge.unit=$unit" \
      --stop-signal "$(processes_setting "$instance" "$name" stop_signal)" \
      --stop-timeout "$(processes_setting "$instance" "$name" stop_timeout)" -- "$folder/start" "${unit##*@}" ||
      step_say "Docker could not start the process $name: $reason"
  done
}

# dockerunit_ask UNIT…: as systemdunit_ask, and remove their containers.
dockerunit_ask() {
  local unit
  for unit; do
    dockerunit_has "$unit" || continue
    # shellcheck disable=SC2016 # for the shell of the unit
    systemd-run --quiet --collect --no-ask-password --unit="$(dockerunit_stopper "$unit")" \
      sh -c 'docker stop "$1" && docker rm -f -v "$1"' sh "$(dockerunit_name "$unit")" 2>/dev/null || :
  done
}

# dockerunit_end UNIT…: as systemdunit_end, and remove their containers.
dockerunit_end() {
  dockerunit_unboot "$@" || :
  # shellcheck disable=SC2046 # no name has a space
  set -- $(dockerunit_names "$@")
  docker stop "$@" >/dev/null 2>&1 || :
  docker rm -f -v "$@" >/dev/null 2>&1 || :
}

# dockerunit_forget INSTANCE: remove its containers, which have ended.
dockerunit_forget() {
  local unit
  for unit in $(dockerunit_list "$1"); do docker rm -f -v "$(dockerunit_name "$unit")" >/dev/null 2>&1 || :; done
}

# dockerunit_status UNIT: as systemdunit_status.
dockerunit_status() {
  local status
  status=$(docker_fact "$(dockerunit_name "$1")" 6)
  case $status in
    '') ;;
    137) echo 'signal KILL' ;;
    *) printf 'exit status %s\n' "$status" ;;
  esac
}

# dockerunit_ran UNIT: as systemdunit_ran.
dockerunit_ran() {
  # shellcheck disable=SC2046
  set -- $(docker_facts "$(dockerunit_name "$1")" | cut -d ' ' -f 7-)
  [ $# -ne 2 ] || clock_between "$1" "$2"
}

dockerunit_restarts() { docker_fact "$(dockerunit_name "$1")" 4 | grep . || echo 0; }
