# The checks of a release by a process of its own: its settings before it starts, and its import before a migration. The release's
# workers import the app, too, and say in its log why they could not (selvedge_app.py). So an app that needs a minute to be
# imported needs it only once. Reads the variables in the list of switch_release.
# Shared: preflight_pid preflight_what

# preflight_begin WHAT: begin the check in the background: `settings`, or `import`, which also imports the app.
preflight_begin() {
  local status
  preflight_what=$1
  answering_begin
  rm -f -- "$undo/preflight.status" "$undo/preflight"
  (
    exec 3<&-
    status=0
    preflight_run "$1" >"$undo/preflight" 2>&1 || status=$?
    printf '%s\n' "$status" >"$undo/preflight.status.new"
    mv -f -- "$undo/preflight.status.new" "$undo/preflight.status"
  ) &
  preflight_pid=$!
}

# preflight_run WHAT [SECONDS]: run the check in the restrictions in which the app will run. Print the end of its output, because /run is
# memory, and return its exit status.
preflight_run() {
  local status reader waited
  rm -f -- "$undo/preflight.pipe"
  mkfifo -- "$undo/preflight.pipe"
  tail -c 65536 <"$undo/preflight.pipe" &
  reader=$!
  status=0
  manager_run "$new" sh -c "$(limit_script)" sh 5 "${2:-$start_timeout}" "$base/instances/$new/run" python -c "$(cat "$undo/program.preflight")" \
    "$1" "$module" "$settings" >"$undo/preflight.pipe" 2>&1 </dev/null || status=$?
  # A process that the app started during its import would keep the pipe open.
  waited=0
  while kill -0 "$reader" 2>/dev/null && [ "$waited" -lt 50 ]; do
    waited=$((waited + 1))
    sleep 0.02
  done
  kill "$reader" 2>/dev/null || :
  return "$status"
}

# preflight_ok NAME: wait for the end of the check, and refuse the release if it has failed; then wait for the services that the
# release needs (answering.sh). NAME: what is checked.
preflight_ok() {
  local status answer
  step_gate settings
  gate_wait "waiting for the $1"
  wait "$preflight_pid" || :
  status=$(preflight_status)
  answer="the $1 succeeded"
  if [ "$status" -ne 0 ] && answering_late; then
    # The app may need a service when it is imported.
    answering_ok
    preflight_begin "$preflight_what"
    gate_wait "waiting for the $1"
    wait "$preflight_pid" || :
    status=$(preflight_status)
  fi
  case $status in
    0) ;;
    # A settings class that was merely found. The app may not use it.
    3)
      reason_hide <"$undo/preflight"
      reason_sentence >"$undo/doubt"
      answer="in doubt, because the app may not use this class: $(cat "$undo/doubt")"
      ;;
    124 | 137) preflight_late "$1" ;;
    *)
      reason_hide <"$undo/preflight"
      tail -n 40 "$undo/shown"
      reason_find
      switch_refuse "$(reason_said "$(reason_sentence | grep . || echo "The check of the app ended its process (exit status $status) without a message")")"
      ;;
  esac
  answering_ok
  step_gate settings "$answer"
}

preflight_status() { cat "$undo/preflight.status" 2>/dev/null || echo 1; }

preflight_late() {
  switch_refuse "The $1 did not end within $start_timeout s. Move downloads and connections from the module to the app's lifespan, or raise app.start_timeout"
}

# preflight_end: stop the check if it still runs.
preflight_end() {
  if [ -n "${preflight_pid:-}" ] && [ ! -e "$undo/preflight.status" ]; then manager_run_end "$new"; fi
}

# preflight_routes: print the paths of the app that a health check can use, separated by commas: from its openapi.json, or by an
# import of the app.
preflight_routes() {
  local found
  found=$(gate_request "$new" "$health_timeout" /openapi.json 2>/dev/null | reason_program routes) || found=
  if [ -z "$found" ] && [ "$strategy" = beside ]; then
    found=$(preflight_run routes 20 2>/dev/null | reason_program routes) || found=
  fi
  printf '%s' "$found"
}
