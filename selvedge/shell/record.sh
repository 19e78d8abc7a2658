# What a server knows of its releases, and the history of the app. Reads what live.sh reads.

# live_state INSTANCE STATE: building, good, bad or left (rolled back from).
live_state() {
  printf '%s\n' "$2" >"$base/instances/$1/state.new"
  mv -f -- "$base/instances/$1/state.new" "$base/instances/$1/state"
}

# live_note RESULT: a line of the append-only history.
live_note() {
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$by" "$why" "${old:--}" "$new" "$1" >>"$base/history"
}

live_record() {
  commit=${new%-*}
  {
    printf 'commit %s\n' "$(git --git-dir="$repo" -c safe.directory='*' rev-parse "$commit^{commit}" 2>/dev/null || echo "$commit")"
    printf 'subject %s\n' "$(git --git-dir="$repo" -c safe.directory='*' log -1 --format=%s "$commit" 2>/dev/null)"
    printf 'author %s\n' "$(git --git-dir="$repo" -c safe.directory='*' log -1 --format=%an "$commit" 2>/dev/null)"
    printf 'at %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf 'by %s\n' "$by"
    printf 'seconds %s\n' "$(($(date +%s) - began))"
    # Only its own release knows what revisions a database is at; going back does not change them.
    if [ "$why" = deploy ]; then
      case $migrate in *alembic*) printf 'heads %s\n' "$(live_run alembic current 2>/dev/null | cut -d ' ' -f 1 | tr '\n' ' ')" ;; esac
    else
      grep -s '^heads ' "$base/instances/$new/record" || :
    fi
  } >"$base/instances/$new/record.new"
  mv -f -- "$base/instances/$new/record.new" "$base/instances/$new/record"
}
