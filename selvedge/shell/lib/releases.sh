# What was released: the records, and the history. Reads $base (/srv/APP) and $repo; writes nothing.

# releases_unrecorded: of each instance that never became live, since when it has its state, and what git knows of it.
releases_unrecorded() {
  for folder in "$base"/instances/*/; do
    folder=${folder%/}
    [ -f "$folder/state" ] && [ ! -f "$folder/record" ] || continue
    id=${folder##*/}
    printf 'unrecorded %s\t%s\t%s\n' "$id" "$(date -u -d "@$(stat -c %Y "$folder/state")" +%Y-%m-%dT%H:%M:%SZ)" \
      "$(git --git-dir="$repo" -c safe.directory='*' log -1 --format='%H%x09%an%x09%s' "${id%-*}" -- 2>/dev/null)"
  done
}

# releases_history COUNT: the last lines of the append-only history.
releases_history() {
  if [ -f "$base/history" ]; then tail -n "$1" -- "$base/history"; fi
}
