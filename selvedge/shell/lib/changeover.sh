# The changeover: the processes of the new release ([processes]) replace those of the previous one, after the new web process has
# settled. If one of them fails, all goes back. Reads the variables in the list of switch_release.
# Shared: changeover changeover_units changeover_missing changeover_began changeover_unit changeover_problem

# changeover_counts: note how many of each process run on this server: $processes, "NAME=COUNT …"; empty: as many as before.
changeover_counts() {
  local each file
  for each in $processes; do
    file=$base/instances/$new/processes/${each%%=*}/count
    [ -d "${file%/*}" ] || continue
    if [ -e "$file" ]; then cp -- "$file" "$undo/count.${each%%=*}"; fi
    printf '%s\n' "${each#*=}" >"$file.new"
    mv -f -- "$file.new" "$file"
  done
}

# changeover_run: replace the processes of other releases, and wait until the new ones have settled.
changeover_run() {
  processes_any || return 0
  changeover=yes
  step_gate processes
  changeover_to "$new"
  changeover_settle "of the new release" || switch_back "$changeover_problem"
  step_gate processes "${changeover_units:-none} kept running"
}

# changeover_to INSTANCE: start its processes that do not run. Those of other releases that must not run next to them end first.
# $changeover_units: all of its units. $changeover_missing: those that did not run.
changeover_to() {
  local unit single up
  # shellcheck disable=SC2005,SC2046 # no name has a space
  changeover_units=$(echo $(processes_wanted "$1"))
  changeover_missing=
  single=
  for unit in $(unit_list '*'); do
    case " $changeover_units " in *" $unit "*) continue ;; esac
    if processes_single "$unit" "$1"; then single="$single $unit"; fi
  done
  # shellcheck disable=SC2086
  if [ -n "$single" ]; then
    gate_wait "waiting for the previous processes to stop that may not run twice:$(changeover_list $single)"
    unit_end $single
  fi
  [ -n "$changeover_units" ] || return 0
  # shellcheck disable=SC2005,SC2046,SC2086
  up=$(echo $(unit_facts $changeover_units | awk '$4 == "up" { print $1 }'))
  for unit in $changeover_units; do
    case " $up " in *" $unit "*) ;; *) changeover_missing="$changeover_missing $unit" ;; esac
  done
  changeover_begin
}

# changeover_begin: start $changeover_missing, and note where the logs of their starts begin.
changeover_begin() {
  local unit
  for unit in $changeover_units; do
    output_end "$unit" >"$undo/from.$unit"
  done
  # shellcheck disable=SC2086
  [ -z "$changeover_missing" ] || { unit_boot $changeover_missing && unit_start $changeover_missing; }
  # A container takes a second to start.
  changeover_began=$(clock_uptime)
}

# changeover_list UNIT…: print the names of their processes, each once, each after a space.
changeover_list() {
  local unit
  for unit; do processes_name "$unit"; done | sort -u | sed 's/^/ /' | paste -s -d ,
}

# changeover_settle WHOSE: wait until $changeover_units have run $settle seconds, at least one, and none has ended. The time begins when
# the last start script has become the program: on a busy server, or after a lost process, that takes a while. 1: one has ended, and
# $changeover_problem says which, and why. WHOSE: the words after its name there.
changeover_settle() {
  local least end seen started unit pid state ended
  [ -n "$changeover_units" ] || return 0
  # shellcheck disable=SC2086
  gate_wait "waiting until the processes have settled (app.settle: $settle s):$(changeover_list $changeover_units)"
  least=$settle_ms
  [ "$least" -ge 1000 ] || least=1000
  end=$((changeover_began + least))
  seen=" "
  started=
  ended=
  while [ -z "$ended" ]; do
    # shellcheck disable=SC2086
    while read -r unit _ pid state; do
      case $state:$seen in
        up:*" $unit=$pid "*) ;;
        up:*" $unit="*) ended=$unit ;;
        up:*) if [ "$pid" -gt 0 ]; then seen="$seen$unit=$pid " started="$started $pid"; fi ;;
        *) ended=$unit ;;
      esac
    done <<STATES
$(unit_facts $changeover_units)
STATES
    # shellcheck disable=SC2086
    if changeover_starting "$base/instances/${changeover_units%%.*}/processes/" $started; then
      end=$(($(clock_uptime) + least))
    fi
    [ "$(clock_uptime)" -lt "$end" ] || break
    [ -n "$ended" ] || sleep 0.2
  done
  gate_wait ""
  if [ -z "$ended" ]; then
    changeover_keep
    return 0
  fi
  changeover_ended "$1" "$ended"
  return 1
}

# changeover_starting FOLDER PID…: whether one of these processes is still its start script, which is in this folder. In a container the
# process is Docker's own, with the command in its arguments, and its child is the one.
changeover_starting() {
  local folder pid
  folder=$1
  shift
  for pid; do
    case $(cat "/proc/$pid/comm" 2>/dev/null) in
      docker-init) pid=$(pgrep -P "$pid" | head -n 1) || return 0 ;;
    esac
    if [ -z "$pid" ] || grep -q -s -a -F -e "$folder" "/proc/$pid/cmdline"; then return 0; fi
  done
  return 1
}

# changeover_keep: have a boot start $changeover_units, also those that a process manager creates with their start.
changeover_keep() {
  # shellcheck disable=SC2086
  [ -z "$changeover_units" ] || unit_boot $changeover_units || :
}

# changeover_ended WHOSE UNIT: say in $changeover_problem that it has ended, with its status and its last words.
changeover_ended() {
  local ran status when
  changeover_unit=$2
  # At once: in a second its process manager starts it again. Only the end: /run is memory, and a process may print much.
  output_complete "$2"
  output_from "$2" "$(cat "$undo/from.$2")" | tail -c 262144 >"$undo/ended" || :
  status=$(unit_status "$2")
  # Its own time: on a busy server, a run notices the end of a process later, and the first of several has started before the last.
  ran=$(unit_ran "$2")
  ran=$((${ran:-$(($(clock_uptime) - changeover_began))} / 1000))
  when="after $ran s"
  [ "$ran" -gt 0 ] || when="as it started"
  reason_hide <"$undo/ended"
  reason_find
  reason_or_last
  changeover_problem=$(reason_said "The process $(processes_name "$2") $1 ended $when${status:+, $status}")
  case $status in
    *' 0') changeover_problem=$changeover_problem$(reason_otherwise ". It must stay in the foreground, and not end; a command that ends is one for [timers]") ;;
  esac
}

# changeover_again INSTANCE: start its processes that do not run, without waiting until they have settled.
changeover_again() {
  changeover_to "$1"
  changeover_keep
}

# changeover_back INSTANCE: after the switch back to it, start its processes that the changeover has stopped.
changeover_back() {
  [ -n "${changeover:-}" ] || return 0
  (changeover_again "$1") || step_say "could not start all processes of $1 again: run the same command again"
}

# changeover_scale: run as many processes of the live release $new as hosts.toml says. The web process is not touched.
changeover_scale() {
  local unit file less
  processes_any || return 0
  processes_boot "$new" || step_fail "Could not write which processes a boot starts"
  changeover_to "$new"
  if [ -n "$changeover_missing" ] && ! changeover_settle "of $new"; then
    for file in "$undo"/count.*; do
      if [ -e "$file" ]; then cp -- "$file" "$base/instances/$new/processes/${file##*/count.}/count"; fi
    done
    processes_boot "$new" || :
    # shellcheck disable=SC2086
    (unit_end $changeover_missing) || :
    (record_note "refused: $changeover_problem") || :
    changeover_show
    step_fail "$changeover_problem. The other processes and the web process keep running"
  fi
  less=
  for unit in $(unit_list "$new"); do
    case " $changeover_units " in *" $unit "*) ;; *) less="$less $unit" ;; esac
  done
  # shellcheck disable=SC2086
  [ -z "$less" ] || unit_ask $less
  [ -z "$changeover_missing$less" ] || history_note "$base/history" "$step_by" processes "$new" "$new" good
}

# changeover_show: show the end of the log of the process that has ended.
changeover_show() { cat -- "$undo/ended" 2>/dev/null | output_show "$changeover_unit"; }

# changeover_before INSTANCE NAME: print the units that its restart replaces: those that should run; all, if two must not run at once.
# processes_pick prints names for missing units, too, which the restart gives to the new ones.
changeover_before() {
  local unit units
  units=$(processes_units "$1" "$2")
  if processes_single "$1.$2@1"; then
    printf '%s\n' "$units"
    return 0
  fi
  for unit in $(processes_pick "$1" "$2" "$(processes_states "$1")"); do
    if printf '%s\n' "$units" | grep -q -x -F -e "$unit"; then printf '%s\n' "$unit"; fi
  done
}

# changeover_restart INSTANCE NAME RUN: start this process of the live release again, and stop the one that ran, as a release does. The
# web process is not touched. RUN: a word for this restart.
# Values: app base log_dir supervisor_conf strategy settle settle_ms
changeover_restart() {
  local new before
  new=$1
  # shellcheck disable=SC2005,SC2046
  before=$(echo $(changeover_before "$1" "$2"))
  # shellcheck disable=SC2005,SC2046,SC2086
  if processes_single "$1.$2@1"; then
    if [ -n "$before" ]; then
      gate_wait "waiting for$(changeover_list $before) to stop (overlap = false)"
      unit_end $before
    fi
    changeover_units=$(echo $(processes_pick "$1" "$2" "$(processes_states "$1")"))
  else
    changeover_units=$(echo $(processes_free "$1" "$2" "$(processes_count "$1" "$2")" $(processes_units "$1" "$2")))
  fi
  changeover_missing=$changeover_units
  changeover_begin
  if ! changeover_settle "of $1"; then
    changeover_show
    if processes_single "$1.$2@1"; then process_failed "restart $2" "$1" "$changeover_problem. Its process manager keeps trying"; fi
    # shellcheck disable=SC2086
    unit_end $changeover_missing
    process_failed "restart $2" "$1" "$changeover_problem. The processes that ran before keep running"
  fi
  # shellcheck disable=SC2086
  [ -z "$before" ] || processes_single "$1.$2@1" || { unit_unboot $before && unit_ask $before; }
  printf '%s\n' "$3" >"$base/instances/$1/processes/$2/restarted"
  process_note "restart $2" "$1" "$1"
}
