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

# mirror_history REPO COMMIT FOLDER: make a folder with the files of a commit a repository, with the history and the tags of the mirror.
mirror_history() {
  local own
  own=$3/.git
  # Hard links are cheap, but need the same file system.
  git -c safe.directory='*' clone -q --bare --local -- "$1" "$own" 2>/dev/null ||
    git -c safe.directory='*' clone -q --bare --no-hardlinks -- "$1" "$own" || return 1
  git --git-dir="$own" config core.bare false || return 1
  # git compares the contents of files in Git LFS as they are: a build may have no git-lfs.
  mkdir -p -- "$own/info" && echo '* -filter' >"$own/info/attributes" || return 1
  git -c safe.directory='*' --git-dir="$own" --work-tree="$3" reset -q "$2" || return 1
  # Folders that are links into shared/, files of app.carry and of Git LFS are no local changes.
  git -c safe.directory='*' --git-dir="$own" --work-tree="$3" ls-files -z --modified |
    git -c safe.directory='*' --git-dir="$own" --work-tree="$3" update-index -z --skip-worktree --stdin || return 1
  git --git-dir="$own" remote remove origin
}
