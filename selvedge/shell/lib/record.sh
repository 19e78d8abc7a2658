# The records of releases on the server, and the app's history. Reads the variables in the list of switch_release.
# Shared: revisions

# record_state INSTANCE STATE: see releases_state.
record_state() {
  printf '%s\n' "$2" >"$base/instances/$1/state.new" || return 1
  mv -f -- "$base/instances/$1/state.new" "$base/instances/$1/state"
}

# record_note RESULT: add a line to the app's history.
record_note() {
  history_note "$base/history" "$step_by" "$why" "${old:--}" "$new" "$1"
}

# record_begin: read the revisions of the database in the background, because alembic needs about a second.
record_begin() {
  revisions=
  if [ "$why" = deploy ] && [ -n "$alembic" ]; then
    switch_run sh -c "$(limit_script)" sh 5 30 sh -c "$alembic" >"$undo/revisions" 2>&1 3<&- &
    revisions=$!
  fi
}

# record_write: write the record of the new release, after record_begin.
record_write() {
  local commit
  commit=${new%%-*}
  {
    printf 'commit %s\n' "$(releases_git rev-parse "$commit^{commit}" || echo "$commit")"
    printf 'subject %s\n' "$(releases_git log -1 --no-walk --format=%s "$commit")"
    printf 'author %s\n' "$(releases_git log -1 --no-walk --format=%an "$commit")"
    printf 'at %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf 'by %s\n' "$step_by"
    printf 'seconds %s\n' "$(($(date +%s) - began))"
    if [ -n "$revisions" ]; then wait "$revisions" || :; fi
    record_heads
  } >"$base/instances/$new/record.new"
  mv -f -- "$base/instances/$new/record.new" "$base/instances/$new/record"
  # From now on no hook may write to the release's folder.
  grep -q -s -x -e "${new%r*}" -- "$base/releases/${new%-*}/.selvedge-live" ||
    (umask 077 && printf '%s\n' "${new%r*}" >>"$base/releases/${new%-*}/.selvedge-live") || :
  record_say_unknown
}

# record_heads: print the revisions that the release's code needs (heads), and the revisions of the database (database). A rollback
# without a downgrade does not change the database. Only the release itself can list its heads.
record_heads() {
  local heads database
  heads=
  if [ "$why" = deploy ]; then
    if [ -n "$alembic" ]; then heads=$(alembic_current "$undo/revisions") || heads=; fi
    database=$heads
  else
    heads=$(record_field heads "$new")
    database=$heads
    if [ -z "$downgraded" ] && [ -n "$old" ]; then database=$(record_field database "$old"); fi
  fi
  if [ -n "$heads" ]; then printf 'heads %s\ndatabase %s\n' "$heads" "${database:-$heads}"; fi
}

# record_say_unknown: say why a rollback will not know the revision of the database that this release needs.
record_say_unknown() {
  local reason
  [ "$why" = deploy ] && [ -n "$migrate" ] && [ -z "$(record_field heads "$new")" ] || return 0
  reason="app.migrate does not call alembic itself"
  if [ -n "$alembic" ]; then reason=$(alembic_problem "$undo/revisions"); fi
  step_say "the database's revision is unknown: $reason. A rollback to or from this release will not compare the database with the code"
}

# record_field NAME INSTANCE: print a line of an instance's record.
record_field() { sed -n "s/^$1 //p" "$base/instances/$2/record" 2>/dev/null || :; }
