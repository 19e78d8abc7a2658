# The mirror: the app's bare repository on the server.

# mirror_fact REPO COMMIT: print "present" if the mirror has the commit and its files; else "missing", and the commits that it has
# with all their ancestors. Tags may be of others.
mirror_fact() {
  if probe_has git && mirror_git "$1" rev-parse -q --verify "$2^{tree}" >/dev/null; then
    echo present
  else
    echo missing
    mirror_git "$1" for-each-ref --format='%(objectname) %(refname)' | sed '/ refs\/\(incomplete\|tags\)\//d; s/ .*//'
  fi
}

mirror_git() {
  local repo
  repo=$1
  shift
  git --git-dir="$repo" -c safe.directory='*' "$@" 2>/dev/null
}

# mirror_large REPO OID: print the path of a file of Git LFS in the mirror.
mirror_large() {
  local rest
  rest=${2#??}
  printf '%s/lfs/objects/%s/%s/%s' "$1" "${2%"$rest"}" "${rest%"${rest#??}"}" "$2"
}

# mirror_lacks REPO OID…: print those files of Git LFS that the mirror lacks.
mirror_lacks() {
  local repo oid
  repo=$1
  shift
  for oid; do
    [ -f "$(mirror_large "$repo" "$oid")" ] || printf '%s\n' "$oid"
  done
}
