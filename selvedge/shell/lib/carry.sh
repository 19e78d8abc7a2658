# Files of the user's machine that go along with a release (app.carry).
# Shared: fresh

# carry_receive PATH…: put these folders and files into the release, in place of what the commit has there. They are in the
# payload, a compressed archive of $size bytes. Its uncompressed form has the SHA-256 $sum, and $uncompressed bytes of files.
# Values: release group size sum uncompressed
carry_receive() {
  local path found
  disk_need_space "$release" $((size / 1024 + uncompressed / 1024 + 10240))
  fresh=$release/.selvedge-new
  rm -rf -- "$fresh"
  trap 'rm -rf -- "$fresh"' EXIT
  mkdir -p -- "$fresh/files"
  payload_read "$size" >"$fresh/archive"
  found=$(gzip -dc <"$fresh/archive" 2>/dev/null | sha256sum)
  [ "${found%% *}" = "$sum" ] || step_fail "The files of app.carry arrived incomplete. Run the same command again."
  # The files are as old as the release, not as the build: a browser compares their dates.
  gzip -dc <"$fresh/archive" | tar -x -f - -m --no-same-owner -C "$fresh/files"
  find "$fresh/files" -type d -exec chmod 00751 -- '{}' + -o -type f -exec chmod u=rwX,g=rX,o= -- '{}' +
  chown -hR -- "root:$group" "$fresh/files"
  for path; do carry_place "$path"; done
  sync -f "$release"
  printf '%s\n' "$sum" >"$release/.selvedge-carried"
}

# carry_place PATH: move one of them to its place in the release. The commit may have links on the way to it.
carry_place() {
  local above
  above=$release/$1
  while above=${above%/*}; do
    if [ -e "$above" ] || [ -L "$above" ]; then break; fi
  done
  if ! [ -d "$above" ] || { [ "$above" != "$release" ] && ! file_within "$release" "$above"; }; then
    step_fail "${above#"$release"/} is a file or a link out of the repository in this commit, so $1 (app.carry) has no place there."
  fi
  (umask 026 && mkdir -p -- "$(dirname "$release/$1")")
  chgrp -- "$group" "$(dirname "$release/$1")"
  rm -rf -- "${release:?}/$1"
  mv -T -- "$fresh/files/$1" "$release/$1"
}
