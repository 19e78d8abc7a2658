# What a server knows of its releases, and the history of the app. Reads what live.sh reads.

# record_state INSTANCE STATE: building, good, bad or left (rolled back from).
record_state() {
  printf '%s\n' "$2" >"$base/instances/$1/state.new"
  mv -f -- "$base/instances/$1/state.new" "$base/instances/$1/state"
}

# record_note RESULT: a line of the append-only history.
record_note() {
  history_note "$base/history" "$step_by" "$why" "${old:--}" "$new" "$1"
}

record_write() {
  commit=${new%-*}
  {
    printf 'commit %s\n' "$(git --git-dir="$repo" -c safe.directory='*' rev-parse "$commit^{commit}" 2>/dev/null || echo "$commit")"
    printf 'subject %s\n' "$(git --git-dir="$repo" -c safe.directory='*' log -1 --format=%s "$commit" 2>/dev/null)"
    printf 'author %s\n' "$(git --git-dir="$repo" -c safe.directory='*' log -1 --format=%an "$commit" 2>/dev/null)"
    printf 'at %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf 'by %s\n' "$step_by"
    printf 'seconds %s\n' "$(($(date +%s) - began))"
    record_heads
  } >"$base/instances/$new/record.new"
  mv -f -- "$base/instances/$new/record.new" "$base/instances/$new/record"
}

# record_heads: the revisions that this release's code brings the database to, and those that the database is at. Only its own
# release knows the first; going back without a downgrade leaves the second as it is.
record_heads() {
  if [ "$why" = deploy ]; then
    case $alembic in *alembic*) heads=$(switch_run timeout -k 5 30 alembic current 2>/dev/null | cut -d ' ' -f 1 | tr '\n' ' ') || heads= ;; *) heads= ;; esac
    if [ -n "$heads" ]; then printf 'heads %s\ndatabase %s\n' "$heads" "$heads"; fi
    return 0
  fi
  heads=$(sed -n 's/^heads //p' "$base/instances/$new/record" 2>/dev/null) || heads=
  [ -n "$heads" ] || return 0
  database=$heads
  if [ -z "$downgraded" ] && [ -n "$old" ]; then
    database=$(sed -n 's/^database //p' "$base/instances/$old/record" 2>/dev/null) || database=
  fi
  printf 'heads %s\ndatabase %s\n' "$heads" "${database:-$heads}"
}
