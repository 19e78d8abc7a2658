# The mirror: the app's bare repository on the server.

# mirror_fact REPO COMMIT: print "present" if the mirror has the commit and its files; else "missing", and the commits that it has
# with all their ancestors.
mirror_fact() {
  if probe_has git && mirror_git "$1" rev-parse -q --verify "$2^{tree}" >/dev/null; then
    echo present
  else
    echo missing
    mirror_git "$1" for-each-ref --format='%(objectname) %(refname)' | sed '/ refs\/incomplete\//d; s/ .*//'
  fi
}

mirror_git() {
  local repo
  repo=$1
  shift
  git --git-dir="$repo" -c safe.directory='*' "$@" 2>/dev/null
}

# mirror_receive REPO COMMIT SIZE: add the commit's objects, a pack of SIZE bytes in the payload. Without --strict, which refuses
# shallow histories, and old commits with faults that `git fsck` reports. The pack's checksum refuses an incomplete one.
mirror_receive() {
  local refs
  head -c "$3" <&3 | git --git-dir="$1" index-pack --stdin --fix-thin >/dev/null
  refs=refs/selvedge
  # A shallow clone has not all ancestors. Later pushes leave out the ancestors of the commits that mirror_fact prints.
  mirror_git "$1" rev-list --quiet "$2" --not --glob=refs/selvedge || refs=refs/incomplete
  git --git-dir="$1" update-ref "$refs/$2" "$2"
}
