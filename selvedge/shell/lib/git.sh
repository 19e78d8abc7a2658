# git on the server: never asks, ends in bounded time, never shows what it logs in with.
# Reads $repo, $url, $ref, $deploy_key, $git_known_hosts and $git_credentials; git_checkout also what prune.sh reads.

# What logs in is only looked up: git would write it anew after each login, also in a dry run. A repository on the server
# itself may have its submodules there, too, which git does not read by itself (git-config(1), protocol.allow).
git_run() {
  git_files=user
  case $url in file://*) git_files=always ;; esac
  git_ssh="ssh -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o UserKnownHostsFile=$git_known_hosts -o StrictHostKeyChecking=yes"
  if [ -e "$deploy_key" ]; then git_ssh="$git_ssh -o IdentitiesOnly=yes -i $deploy_key"; fi
  GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND=$git_ssh GIT_CONFIG_NOSYSTEM='' \
    timeout -k 5 "${git_seconds:-30}" git -c safe.directory='*' -c credential.helper= \
    -c credential.helper="!f() { [ \"\$1\" != get ] || git credential-store --file=$git_credentials get; }; f" -c protocol.ext.allow=never \
    -c protocol.file.allow="$git_files" \
    -c http.lowSpeedLimit=1 -c http.lowSpeedTime=30 "$@"
}

# git_ask: the branches and tags of the repository in $answer; or prints why there is no answer, and 1.
git_ask() {
  git_status=0
  answer=$(git_run ls-remote -- "$url" 2>&1) || git_status=$?
  if [ "$git_status" -eq 124 ]; then
    echo "silent no answer within ${git_seconds:-30} seconds"
    return 1
  fi
  if [ "$git_status" -ne 0 ]; then
    case $answer in
      *'HOST IDENTIFICATION HAS CHANGED'*)
        echo "changed $(printf '%s\n' "$answer" | grep -o -m 1 'SHA256:[A-Za-z0-9+/]*')"
        return 1
        ;;
    esac
    public=$(cat "$deploy_key.pub" 2>/dev/null)
    message=$(printf '%s\n' "$answer" | grep -v '^$' | grep -v 'Warning: Permanently' | head -n 3 | tr '\n' ' ')
    echo "refused ${public:+$public | }${message:-exit status $git_status}"
    return 1
  fi
}

# git_resolve: prints "commit SHA", "nogit", "missing", "silent MESSAGE", "changed FINGERPRINT", or "refused [PUBLIC KEY | ]MESSAGE".
# Values: repo url ref deploy_key git_known_hosts git_credentials git_seconds
git_resolve() {
  if ! command -v git >/dev/null 2>&1; then
    echo nogit
    return 0
  fi
  case $ref in
    *[!0-9a-f]* | ??? | ?? | ?) ;;
    *)
      if found=$(git --git-dir="$repo" -c safe.directory='*' rev-parse --verify --quiet "$ref^{commit}" 2>/dev/null); then
        echo "commit $found"
        return 0
      fi
      ;;
  esac
  git_ask || return 0
  for name in "refs/heads/$ref" "refs/tags/$ref^{}" "refs/tags/$ref"; do
    found=$(printf '%s\n' "$answer" | name=$name awk -F '\t' '$2 == ENVIRON["name"] { print $1; exit }')
    if [ -n "$found" ]; then
      echo "commit $found"
      return 0
    fi
  done
  case $ref in
    *[!0-9a-f]* | ??? | ?? | ?) ;;
    *)
      found=$(printf '%s\n' "$answer" | cut -f 1 | grep "^$ref" | sort -u)
      if [ "$(printf '%s\n' "$found" | grep -c .)" -eq 1 ]; then
        echo "commit $found"
        return 0
      fi
      ;;
  esac
  echo missing
}

# git_fetch: the commit $ref from $url into the mirror, with every branch and tag (branches that went away go here too).
# Values: repo url ref deploy_key git_known_hosts git_credentials
git_fetch() {
  git_seconds=900
  if ! answer=$(git_run --git-dir="$repo" fetch --no-write-fetch-head --prune --force -- "$url" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*' 2>&1); then
    printf '%s\n' "$answer"
    if [ -e "$deploy_key.pub" ]; then
      step_say "if the repository is private, give this key read access to it: $(cat "$deploy_key.pub")"
    fi
    reason=$(printf '%s\n' "$answer" | grep -E -m 1 'fatal|error|denied|ERROR' || printf '%s\n' "$answer" | tail -n 1)
    step_fail "git cannot fetch $(printf '%.12s' "$ref") from $url: ${reason:-it did not end within $git_seconds seconds}"
  fi
  # A commit that no branch holds any more is asked for by itself.
  if ! git --git-dir="$repo" update-ref "refs/selvedge/$ref" "$ref" 2>/dev/null; then
    git_run --git-dir="$repo" fetch --no-write-fetch-head -- "$url" "+$ref:refs/selvedge/$ref" ||
      step_fail "the repository $url has no commit $ref any more (was the branch force-pushed?)"
  fi
}

# git_own: a repository of its own in the checkout, for what needs one there.
git_own() {
  [ ! -e "$fresh/.git" ] || return 0
  git clone -q --shared --no-checkout -- "$repo" "$undo/own"
  mv -- "$undo/own/.git" "$fresh/.git"
  git -C "$fresh" reset -q "$commit"
  git -C "$fresh" remote set-url origin "$url"
}

# git_checkout: $commit from $repo into $release, built beside and moved into place.
# Values: app base log_dir live_socket supervisor_conf repo url deploy_key git_known_hosts git_credentials new keep release commit group
git_checkout() {
  size=$(du -sk "$repo")
  room=$((${size%%[!0-9]*} * 3 + 51200))
  # What this and the virtual environment may need can be taken by releases that app.keep_releases does not keep any more.
  if ! (disk_need_space "${release%/*}" $((room + 102400))) >/dev/null; then
    (prune_releases 1) || step_say "not all of the old releases could be removed"
    disk_need_space "${release%/*}" "$room"
  fi
  fresh=${release%/*}/.new-${release##*/}
  [ ! -e "$fresh" ] || rm -rf -- "$fresh"
  trap '[ ! -e "$fresh" ] || rm -rf -- "$fresh"' EXIT
  mkdir -- "$fresh"
  # Files in Git LFS come from $url, which the mirror does not know: later, and all together.
  GIT_LFS_SKIP_SMUDGE=1 GIT_INDEX_FILE=$undo/index git --git-dir="$repo" --work-tree="$fresh" read-tree --reset -u "$commit"
  git_seconds=900
  if [ -e "$fresh/.gitmodules" ]; then
    git_own
    git_run -C "$fresh" submodule update --init --recursive --quiet ||
      step_fail "a submodule could not be fetched; its address stands in .gitmodules, and this server must be able to read it"
  fi
  if grep -q -r --include=.gitattributes '^[^#]*[[:space:]]filter=lfs' "$fresh"; then
    probe_has git-lfs || step_fail "the repository keeps files in Git LFS: install git-lfs on the server (apt-get install git-lfs), then run this again"
    git_own
    git_run -C "$fresh" lfs pull || step_fail "git lfs pull failed"
  fi
  # Others may pass through, but list nothing: nginx reaches the folders it is told to serve, and no more.
  find "$fresh" -name .git -prune -exec rm -rf -- '{}' + -o -type d -exec chmod 00751 -- '{}' + -o -type f -exec chmod u=rwX,g=rX,o= -- '{}' +
  chown -hR -- "root:$group" "$fresh"
  # A power cut must not leave a release of empty files, which would count as made.
  sync -f "$fresh"
  mv -T -- "$fresh" "$release"
}
