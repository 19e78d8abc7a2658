# The databases and queues that a release needs: whether they answer, before its migration and its start. Reads the variables of
# switch_release.
# Shared: answering_pid asked

# answering_begin: begin to ask them in the background, by the addresses in the release's environment. Once in a run, and not
# to go back to an earlier release, which must be quick.
answering_begin() {
  local status
  case $why in deploy | restart) ;; *) return 0 ;; esac
  if [ "$wait_for" -eq 0 ] || [ -n "${answering_pid:-}" ]; then return 0; fi
  rm -f -- "$undo/answering" "$undo/answering.status"
  (
    exec 3<&-
    status=0
    switch_run python -I -S -c "$(cat "$undo/program.answering")" "$wait_for" >"$undo/answering" || status=$?
    printf '%s\n' "$status" >"$undo/answering.new"
    mv -f -- "$undo/answering.new" "$undo/answering.status"
  ) </dev/null >/dev/null 2>&1 &
  answering_pid=$!
}

# answering_late: whether they are waited for.
answering_late() {
  case ${answering_pid:-over} in over) return 1 ;; esac
  [ -s "$undo/answering" ]
}

# answering_ok: wait until they answer. If one does not, say so, and continue: the app may not need it, and its health check decides.
answering_ok() {
  local said
  case ${answering_pid:-over} in over) return 0 ;; esac
  while [ ! -e "$undo/answering.status" ] && kill -0 "$answering_pid" 2>/dev/null; do
    said=$(tail -n 1 "$undo/answering" 2>/dev/null) || said=
    if [ -n "$said" ]; then gate_wait "waiting for $said"; fi
    sleep 0.05
  done
  wait "$answering_pid" || :
  answering_pid=over
  # The seconds of app.start_timeout begin now.
  # shellcheck disable=SC2034 # for gate_late
  if [ -s "$undo/answering" ]; then asked=$(clock_uptime); fi
  [ "$(cat "$undo/answering.status" 2>/dev/null)" = 1 ] || return 0
  said=$(tail -n 1 "$undo/answering" | grep "	") || return 0
  said=$(printf '%s' "${said%%	*} did not answer within $wait_for s (app.wait_for): ${said#*	}" | sed 's/^t/T/')
  step_say "$said"
}
