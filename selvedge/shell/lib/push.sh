# What is pushed to the mirror from the user's machine.
# Shared: fresh

# push_commit REPO COMMIT SIZE "COMMIT TAG"…: add the commit's objects, a pack of SIZE bytes in the payload, and tags. Without --strict, which refuses
# shallow histories, and old commits with faults that `git fsck` reports. The pack's checksum refuses an incomplete one.
push_commit() {
  local refs repo tag
  disk_need_space "$1" $(($3 / 512 + 10240))
  payload_read "$3" | {
    step_try git --git-dir="$1" index-pack --stdin --fix-thin >/dev/null || step_fail "git on the server could not store the commit $(printf %.12s "$2"): $reason."
  } || exit 1
  refs=refs/selvedge
  # A shallow clone has not all ancestors. Later pushes leave out the ancestors of the commits that mirror_fact prints.
  mirror_git "$1" rev-list --quiet "$2" --not --glob=refs/selvedge || refs=refs/incomplete
  git --git-dir="$1" update-ref "$refs/$2" "$2"
  repo=$1
  shift 3
  # A shallow clone has tags of commits that it lacks.
  for tag; do git --git-dir="$repo" update-ref "refs/tags/${tag#* }" "${tag%% *}" 2>/dev/null || :; done
}

# push_large REPO SIZE: add files of Git LFS: an archive of SIZE bytes in the payload, in which each has its SHA-256 as
# its name.
push_large() {
  local oid path
  disk_need_space "$1" $(($2 / 1024 + 10240))
  fresh=$1/lfs/new
  rm -rf -- "$fresh"
  trap 'rm -rf -- "$fresh"' EXIT
  mkdir -p -- "$fresh"
  payload_read "$2" | tar -x -f - -C "$fresh" --no-same-owner || step_fail "The files of Git LFS arrived incomplete. Run the same command again."
  (cd "$fresh" && sha256sum -- *) | while read -r oid path; do
    [ "$oid" = "$path" ] || step_fail "On your machine, the Git LFS file $path differs from the one in the commit. Run \`git lfs fsck\` in your checkout."
  done || exit 1
  for path in "$fresh"/*; do
    oid=${path##*/}
    mkdir -p -- "$(dirname "$(mirror_large "$1" "$oid")")"
    mv -f -- "$path" "$(mirror_large "$1" "$oid")"
  done
}
