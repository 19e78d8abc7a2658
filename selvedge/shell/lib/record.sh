# The records of releases on the server, and the app's history. Reads the variables in the list of switch_release.
# Shared: revisions

# record_state INSTANCE STATE: see releases_state.
record_state() {
  printf '%s\n' "$2" >"$base/instances/$1/state.new"
  mv -f -- "$base/instances/$1/state.new" "$base/instances/$1/state"
}

# record_note RESULT: add a line to the app's history.
record_note() {
  history_note "$base/history" "$step_by" "$why" "${old:--}" "$new" "$1"
}

# record_begin: read the revisions of the database in the background, because alembic needs about a second.
record_begin() {
  record_heads >"$undo/heads" 2>/dev/null 3<&- &
  revisions=$!
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
    wait "$revisions" || :
    cat "$undo/heads"
  } >"$base/instances/$new/record.new"
  mv -f -- "$base/instances/$new/record.new" "$base/instances/$new/record"
}

# record_heads: print the revisions that the release's code needs (heads), and the revisions of the database (database). A rollback
# without a downgrade does not change the database. Only the release itself can list its heads.
record_heads() {
  local heads database
  heads=
  if [ "$why" = deploy ]; then
    case $alembic in *alembic*) heads=$(switch_run timeout -k 5 30 alembic current 2>/dev/null | cut -d ' ' -f 1 | tr '\n' ' ') || heads= ;; esac
    database=$heads
  else
    heads=$(record_field heads "$new")
    database=$heads
    if [ -z "$downgraded" ] && [ -n "$old" ]; then database=$(record_field database "$old"); fi
  fi
  if [ -n "$heads" ]; then printf 'heads %s\ndatabase %s\n' "$heads" "${database:-$heads}"; fi
}

# record_field NAME INSTANCE: print a line of an instance's record.
record_field() { sed -n "s/^$1 //p" "$base/instances/$2/record" 2>/dev/null || :; }
