# The files of a commit in a folder of their own, with submodules and files of Git LFS.
# Shared: fresh git_new_hosts

# checkout_room: space for $commit, its submodules and a virtual environment. Old releases make room if there is too little.
checkout_room() {
  local size room
  size=$(du -sk "$repo")
  room=$((${size%%[!0-9]*} * 3 + 51200))
  if ! (disk_need_space "${checkout%/*}" $((room + 102400))) >/dev/null; then
    (prune_releases 1) || step_say "could not remove all old releases"
    disk_need_space "${checkout%/*}" "$room"
  fi
}

# checkout_files COMMIT FOLDER: write the files of a commit in the mirror. Git LFS leaves pointers, which checkout_take_large replaces.
checkout_files() {
  rm -f -- "$undo/index"
  GIT_LFS_SKIP_SMUDGE=1 GIT_INDEX_FILE=$undo/index git --git-dir="$repo" --work-tree="$2" read-tree --reset -u "$1"
}

# checkout_own: make the checkout a repository, which fetching submodules and files of Git LFS needs.
checkout_own() {
  [ ! -e "$fresh/.git" ] || return 0
  git clone -q --shared --no-checkout -- "$repo" "$undo/own"
  mv -- "$undo/own/.git" "$fresh/.git"
  git -C "$fresh" reset -q "$commit"
  git -C "$fresh" remote set-url origin "$url"
}

# checkout_fetch_submodules: fetch the submodules from their addresses. The host keys of other git servers are taken at the first
# contact, as that of the repository's own server is.
checkout_fetch_submodules() {
  local known
  [ -e "$fresh/.gitmodules" ] || return 0
  checkout_own
  # shellcheck disable=SC2034 # git.sh reads it
  git_new_hosts=accept-new
  known=$(cat "$git_known_hosts" 2>/dev/null | wc -l)
  git_try -C "$fresh" submodule update --init --recursive --quiet ||
    git_fail "Could not fetch a submodule" "Check its address in .gitmodules, and that the server may read it: a deploy key often reads one repository only, a token several. Or set app.repository to a folder on your machine: submodules are pushed from there."
  tail -n "+$((known + 1))" "$git_known_hosts" 2>/dev/null | ssh-keygen -lf - 2>/dev/null | while IFS= read -r known; do
    step_say "host key of a submodule's git server: $known"
  done || :
}

# checkout_name_empty: name the submodules of the commit that git has left out without a word.
checkout_name_empty() {
  local path
  git --git-dir="$repo" -c core.quotePath=false ls-tree -r "$commit" | sed -n 's/^160000 commit [0-9a-f]*[[:space:]]//p' | while IFS= read -r path; do
    if [ -z "$(ls -A -- "$fresh/$path" 2>/dev/null)" ]; then
      step_say "the folder $path is empty in the release: it is a reference to another repository, and .gitmodules has no address for it"
    fi
  done
}

# checkout_pointers: print the files of the checkout that are pointers to files in Git LFS, and that .gitattributes gives to it, each as "./PATH"
# and a NUL.
checkout_pointers() {
  (
    cd -- "$fresh" || exit 1
    # shellcheck disable=SC2016 # the inner shell expands them
    find . -name .git -prune -o -type f -size -1025c -exec grep -l -Z -x -F 'version https://git-lfs.github.com/spec/v1' -- '{}' + |
      xargs -0 -r sh -c '
        for file; do
          case $(git --git-dir="$0" --work-tree=. -c safe.directory="*" check-attr filter -- "$file") in
            *": filter: lfs") printf "%s\0" "$file" ;;
          esac
        done
      ' "$repo"
  )
}

# checkout_fetch_large: fetch the contents of files in Git LFS from the git server.
checkout_fetch_large() {
  local folder
  [ -n "$(checkout_pointers | head -c 1 | tr '\000' x)" ] || return 0
  probe_has git-lfs || step_fail "The repository has files in Git LFS, but git-lfs is not installed on the server. Set packages = [\"git-lfs\"] under [server] in hosts.toml, then run \`fab deploy\` again. Or set app.repository to a folder on your machine: files are pushed from there without it."
  checkout_own
  find "$fresh" -name .git | while IFS= read -r folder; do
    # Without its filter, `git lfs pull` leaves the pointers and reports success.
    git -C "${folder%/.git}" lfs install --local >/dev/null 2>&1 || :
    git_try -C "${folder%/.git}" lfs pull || git_fail "\`git lfs pull\` failed" "Check that the deploy key or token may read the files in Git LFS, and that they were pushed: \`git lfs push --all origin\`."
  done || exit 1
}

# checkout_take_large: replace the pointers by the contents of the files in the mirror.
checkout_take_large() {
  local file oid
  checkout_pointers | tr '\n\000' '\001\n' | while IFS= read -r file; do
    file=$(printf '%s.' "$file" | tr '\001' '\n')
    file=$fresh/${file%.}
    oid=$(sed -n 's/^oid sha256:\([0-9a-f]\{64\}\)$/\1/p' "$file")
    oid=$(mirror_large "$repo" "$oid")
    if [ -f "$oid" ]; then cat -- "$oid" >"$file"; fi
  done
}

# checkout_no_pointers: refuse a checkout in which a file of Git LFS still has no content.
checkout_no_pointers() {
  local left file
  left=$(checkout_pointers | tr '\n\000' '?\n' | head -n 3 | while IFS= read -r file; do printf '%s, ' "${file#./}"; done)
  [ -z "$left" ] || step_fail "The content of a file in Git LFS is missing: ${left%, }. Run \`git lfs push --all origin\` where the file was committed, and see that .lfsconfig does not exclude it. Then run the same command again."
}

# checkout_make: the files of $commit in the folder $checkout, which appears when it is complete. $submodules: those that the mirror
# has, a line "COMMIT FOLDER" each. $url: where others, and files in Git LFS, are fetched; "" if the mirror has all.
# shellcheck disable=SC2034 # git.sh reads some of these variables
# Values: app base log_dir live_socket supervisor_conf repo url deploy_key git_known_hosts git_credentials new keep checkout commit group submodules
checkout_make() {
  local git_seconds output sha folder
  git_seconds=900
  checkout_room
  fresh=${checkout%/*}/.new-${checkout##*/}
  rm -rf -- "$fresh"
  trap 'rm -rf -- "$fresh"' EXIT
  mkdir -- "$fresh"
  checkout_files "$commit" "$fresh"
  printf '%s' "$submodules" | while read -r sha folder; do checkout_files "$sha" "$fresh/$folder"; done
  if [ -n "$url" ]; then
    checkout_fetch_submodules
    checkout_name_empty
    checkout_fetch_large
  else
    checkout_take_large
  fi
  checkout_no_pointers
  # Other users may pass through the folders, but not list them: nginx reaches those that it serves, and no others.
  find "$fresh" -name .git -prune -exec rm -rf -- '{}' + -o -type d -exec chmod 00751 -- '{}' + -o -type f -exec chmod u=rwX,g=rX,o= -- '{}' +
  chown -hR -- "root:$group" "$fresh"
  # A power cut must not leave a complete-looking release of empty files.
  sync -f "$fresh"
  mv -T -- "$fresh" "$checkout"
}
