# The mirror: the app's bare repository on the server.

# mirror_fact REPO COMMIT: print "present" if the mirror has the commit and its files; else "missing", and the commits of its refs.
mirror_fact() {
  if probe_has git && mirror_git "$1" rev-parse -q --verify "$2^{tree}" >/dev/null; then
    echo present
  else
    echo missing
    mirror_git "$1" for-each-ref --format='%(objectname)'
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
  head -c "$3" <&3 | git --git-dir="$1" index-pack --stdin --fix-thin >/dev/null
  git --git-dir="$1" update-ref "refs/selvedge/$2" "$2"
}
