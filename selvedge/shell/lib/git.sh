# git on the server: it never asks for input, ends in bounded time, and never shows its credentials.
# Shared: git_answer git_fresh

# git_run ARGUMENT…: git with the app's deploy key, known hosts and credentials, for at most $git_seconds.
git_run() {
  local protocol ssh
  # A repository on the server may have its submodules there, too, which git refuses by default (git-config(1), protocol.allow).
  protocol=user
  case $url in file://*) protocol=always ;; esac
  ssh="ssh -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o UserKnownHostsFile=$git_known_hosts -o StrictHostKeyChecking=yes"
  if [ -e "$deploy_key" ]; then ssh="$ssh -o IdentitiesOnly=yes -i $deploy_key"; fi
  # The credential helper only reads: git would write the file after each login, also in a dry run.
  GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND=$ssh GIT_CONFIG_NOSYSTEM='' \
    timeout -k 5 "$git_seconds" git -c safe.directory='*' -c credential.helper= \
    -c credential.helper="!f() { [ \"\$1\" != get ] || git credential-store --file=$git_credentials get; }; f" -c protocol.ext.allow=never \
    -c protocol.file.allow="$protocol" \
    -c http.lowSpeedLimit=1 -c http.lowSpeedTime=30 "$@"
}

# git_ask: the branches and tags of the repository in $git_answer. Without an answer print the reason, and return 1.
git_ask() {
  local status key message
  status=0
  git_answer=$(git_run ls-remote -- "$url" 2>&1) || status=$?
  if [ "$status" -eq 0 ]; then return 0; fi
  if [ "$status" -eq 124 ]; then
    echo "silent no answer within $git_seconds seconds"
    return 1
  fi
  case $git_answer in
    *'HOST IDENTIFICATION HAS CHANGED'*)
      echo "changed $(printf '%s\n' "$git_answer" | grep -o -m 1 'SHA256:[A-Za-z0-9+/]*')"
      return 1
      ;;
  esac
  key=$(cat "$deploy_key.pub" 2>/dev/null)
  message=$(printf '%s\n' "$git_answer" | grep -v '^$' | grep -v 'Warning: Permanently' | head -n 3 | tr '\n' ' ')
  echo "refused ${key:+$key | }${message:-exit status $status}"
  return 1
}

# git_may_be_sha REF: four or more hex digits.
git_may_be_sha() {
  case $1 in
    *[!0-9a-f]* | ??? | ?? | ?) return 1 ;;
  esac
}

# git_take_host_key HOST PORT FILE: add the keys that the git server shows to a known_hosts file, and print their fingerprints.
git_take_host_key() {
  local keys line
  keys=$(ssh-keyscan -T 15 -p "$2" -- "$1" 2>/dev/null) || keys=
  [ -n "$keys" ] || step_fail "The git server $1 did not send a host key on port $2."
  printf '%s\n' "$keys" >>"$3"
  printf '%s\n' "$keys" | ssh-keygen -lf - | while IFS= read -r line; do
    step_say "host key of the git server: $line"
  done
}

# git_resolve: print "commit SHA", "nogit", "missing", "silent MESSAGE", "changed FINGERPRINT", or "refused [PUBLIC KEY | ]MESSAGE".
# Values: repo url ref deploy_key git_known_hosts git_credentials git_seconds
git_resolve() {
  local found name
  if ! command -v git >/dev/null 2>&1; then
    echo nogit
    return 0
  fi
  if git_may_be_sha "$ref" && found=$(git --git-dir="$repo" -c safe.directory='*' rev-parse --verify --quiet "$ref^{commit}" 2>/dev/null); then
    echo "commit $found"
    return 0
  fi
  git_ask || return 0
  for name in "refs/heads/$ref" "refs/tags/$ref^{}" "refs/tags/$ref"; do
    found=$(printf '%s\n' "$git_answer" | name=$name awk -F '\t' '$2 == ENVIRON["name"] { print $1; exit }')
    if [ -n "$found" ]; then
      echo "commit $found"
      return 0
    fi
  done
  if git_may_be_sha "$ref"; then
    found=$(printf '%s\n' "$git_answer" | cut -f 1 | grep "^$ref" | sort -u)
    if [ "$(printf '%s\n' "$found" | grep -c .)" -eq 1 ]; then
      echo "commit $found"
      return 0
    fi
  fi
  echo missing
}

# git_reason: print the line of git's $output that says why it failed.
git_reason() {
  if [ -z "$output" ]; then
    printf 'it did not end within %s seconds' "$git_seconds"
    return 0
  fi
  { printf '%s\n' "$output" | grep -E -m 1 'fatal|error|denied|ERROR' || printf '%s\n' "$output" | tail -n 1; } | sed 's/[. ]*$//'
}

# git_fetch: fetch the commit $ref from $url into the mirror, with all branches and tags; those deleted there are deleted here.
# Values: repo url ref deploy_key git_known_hosts git_credentials
git_fetch() {
  local git_seconds output
  git_seconds=900
  if ! output=$(git_run --git-dir="$repo" fetch --no-write-fetch-head --prune --force -- "$url" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*' 2>&1); then
    printf '%s\n' "$output"
    if [ -e "$deploy_key.pub" ]; then
      step_say "if the repository is private, add this deploy key to it with read access: $(cat "$deploy_key.pub")"
    fi
    step_fail "git could not fetch the commit $(printf '%.12s' "$ref") from $url: $(git_reason)"
  fi
  # No branch or tag contains the commit: fetch it by its SHA.
  if ! git --git-dir="$repo" update-ref "refs/selvedge/$ref" "$ref" 2>/dev/null; then
    git_run --git-dir="$repo" fetch --no-write-fetch-head -- "$url" "+$ref:refs/selvedge/$ref" ||
      step_fail "The repository $url no longer has the commit $ref. Was its branch force-pushed?"
  fi
}

# git_room: space for $commit, its submodules and a virtual environment. Old releases make room if there is too little.
git_room() {
  local size room
  size=$(du -sk "$repo")
  room=$((${size%%[!0-9]*} * 3 + 51200))
  if ! (disk_need_space "${checkout%/*}" $((room + 102400))) >/dev/null; then
    (prune_releases 1) || step_say "could not remove all old releases"
    disk_need_space "${checkout%/*}" "$room"
  fi
}

# git_own: make the checkout a repository, which submodules and Git LFS need.
git_own() {
  [ ! -e "$git_fresh/.git" ] || return 0
  git clone -q --shared --no-checkout -- "$repo" "$undo/own"
  mv -- "$undo/own/.git" "$git_fresh/.git"
  git -C "$git_fresh" reset -q "$commit"
  git -C "$git_fresh" remote set-url origin "$url"
}

# git_extras: fetch the checkout's submodules and its files in Git LFS.
git_extras() {
  local git_seconds output
  git_seconds=900
  if [ -e "$git_fresh/.gitmodules" ]; then
    git_own
    if ! output=$(git_run -C "$git_fresh" submodule update --init --recursive --quiet 2>&1); then
      printf '%s\n' "$output"
      step_fail "Could not fetch a submodule: $(git_reason). Check its address in .gitmodules, and that the server may read it."
    fi
  fi
  if grep -q -r --include=.gitattributes '^[^#]*[[:space:]]filter=lfs' "$git_fresh"; then
    probe_has git-lfs || step_fail "The repository has files in Git LFS, but git-lfs is not installed on the server. Run \`sudo apt-get install git-lfs\` there, then run the same command again."
    git_own
    if ! output=$(git_run -C "$git_fresh" lfs pull 2>&1); then
      printf '%s\n' "$output"
      step_fail "\`git lfs pull\` failed: $(git_reason). Check that the deploy key or token may read the files in Git LFS."
    fi
  fi
}

# git_checkout: the files of $commit in the folder $checkout, which appears when it is complete.
# Values: app base log_dir live_socket supervisor_conf repo url deploy_key git_known_hosts git_credentials new keep checkout commit group
git_checkout() {
  git_room
  git_fresh=${checkout%/*}/.new-${checkout##*/}
  rm -rf -- "$git_fresh"
  trap 'rm -rf -- "$git_fresh"' EXIT
  mkdir -- "$git_fresh"
  # The mirror has no files of Git LFS: git_extras fetches them all from $url.
  GIT_LFS_SKIP_SMUDGE=1 GIT_INDEX_FILE=$undo/index git --git-dir="$repo" --work-tree="$git_fresh" read-tree --reset -u "$commit"
  git_extras
  # Other users may pass through the folders, but not list them: nginx reaches those that it serves, and no others.
  find "$git_fresh" -name .git -prune -exec rm -rf -- '{}' + -o -type d -exec chmod 00751 -- '{}' + -o -type f -exec chmod u=rwX,g=rX,o= -- '{}' +
  chown -hR -- "root:$group" "$git_fresh"
  # A power cut must not leave a complete-looking release of empty files.
  sync -f "$git_fresh"
  mv -T -- "$git_fresh" "$checkout"
}
