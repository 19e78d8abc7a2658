# git on the server: it never asks for input, ends in bounded time, and never shows its credentials.
# Shared: output git_new_hosts

# What ssh does with a git server whose host key is unknown: "yes" refuses it, "accept-new" stores its key.
# shellcheck disable=SC2034 # checkout.sh sets it, too
git_new_hosts=yes

# git_ssh KNOWN_HOSTS NEW_HOSTS: print the options of ssh for git. NEW_HOSTS: as $git_new_hosts. Names in KNOWN_HOSTS stay readable.
git_ssh() { printf '%s' "-o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o UserKnownHostsFile=$1 -o HashKnownHosts=no -o StrictHostKeyChecking=$2"; }

# git_login FILE: print a credential helper that only reads the logins in a file: git would write the file after each login, also in
# a dry run.
git_login() { printf '%s' "!f() { [ \"\$1\" != get ] || git credential-store --file=$1 get; }; f"; }

# git_run ARGUMENT…: git with the app's deploy key, known hosts and credentials, for at most $git_seconds.
git_run() {
  local protocol ssh
  # A repository on the server may have its submodules there, too, which git refuses by default (git-config(1), protocol.allow).
  protocol=user
  case $url in file://*) protocol=always ;; esac
  ssh="ssh $(git_ssh "$git_known_hosts" "$git_new_hosts")"
  if [ -e "$deploy_key" ]; then ssh="$ssh -o IdentitiesOnly=yes -i $deploy_key"; fi
  # Files of Git LFS are fetched after the checkout.
  LC_ALL=C GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND=$ssh GIT_CONFIG_NOSYSTEM='' GIT_LFS_SKIP_SMUDGE=1 \
    timeout -k 5 "$git_seconds" git -c safe.directory='*' -c credential.helper= \
    -c credential.helper="$(git_login "$git_credentials")" -c protocol.ext.allow=never \
    -c protocol.file.allow="$protocol" \
    -c http.lowSpeedLimit=1 -c http.lowSpeedTime=30 "$@"
}

# git_try ARGUMENT…: the same; set $output to what it printed, without users and passwords in addresses, and return its status.
git_try() {
  local status
  status=0
  output=$(git_run "$@" 2>&1) || status=$?
  output=$(printf '%s\n' "$output" | git_mask)
  [ "$status" -ne 124 ] || output="fatal: no answer within $git_seconds seconds"
  return "$status"
}

# git_mask: the standard input without the users, passwords and tokens in addresses, and without the carriage returns of ssh.
git_mask() { tr -d '\r' | sed 's#\([a-z]://\)[^/@[:space:]]*@#\1#g'; }

# git_reason: print the sentence of $output that says why git failed. What the git server or ssh said comes before git's own
# conclusion.
git_reason() {
  local said
  case $output in *[![:space:]]*) ;; *) output='git gave no reason' ;; esac
  said=$(printf '%s\n' "$output" | grep -E -v '^(Cloning into|Fetching|Submodule|Downloading|Warning: Permanently|\*\* )|^remote:[[:space:]=]*$|^fatal: unable to connect to .*:$|^[[:space:]]*$|: terminating, |^fatal: Could not read from remote repository|^Please make sure you have|^and the repository exists') || :
  : "${said:=$output}"
  {
    printf '%s\n' "$said" |
      grep -E -i -m 1 'has changed|errno=|denied|not found|not exist|could not|refused|timed out|no route|unreachable|verification failed|no space|quota|rate limit|authenticat|^remote: |fatal: |error: ' ||
      printf '%s\n' "$said" | tail -n 1
  } | sed 's/^[[:space:]@]*//; s/^\(remote\|fatal\|error\|ERROR\): *//; s/^ERROR: *//; s/[. ]*$//' | cut -c 1-300
}

# git_kind TEXT: print what kind of failure git's words tell: disk, memory, quota, busy, hostkey, algorithm, owner, configuration,
# network, certificate, or access.
git_kind() {
  case $1 in
    *'o space left'* | *'isk quota'*) echo disk ;;
    *'ut of memory'* | *'died of signal 9'*) echo memory ;;
    *'data quota'* | *'andwidth'*) echo quota ;;
    *'returned error: 5'* | *'returned error: 429'* | *'ate limit'*) echo busy ;;
    *'ertificate'* | *' SSL '*) echo certificate ;;
    *'verification failed'* | *'HAS CHANGED'* | *'has changed'*) echo hostkey ;;
    *'nable to negotiate'*) echo algorithm ;;
    *'dubious ownership'*) echo owner ;;
    *'onfiguration option'* | *'ad owner or permissions'*) echo configuration ;;
    *'esolve host'* | *'esolve proxy'* | *'ame or service not known'* | *'efused'* | *'imed out'* | *'o route to host'* | *'nreachable'* | *'o answer within'* | *'onnection closed'* | *'onnection reset'* | *'ailed to connect'* | *'nable to connect'* | *'RPC failed'* | *'hung up'* | *'arly EOF'* | *'roken pipe'* | *'from proxy'*)
      echo network
      ;;
    *) echo access ;;
  esac
}

# git_remedy KIND TEXT: print what to do about a failure of git.
# shellcheck disable=SC2016 # backquotes are part of the messages
git_remedy() {
  case $1 in
    disk) echo 'Free some space on the server (`sudo apt-get clean`, `sudo journalctl --vacuum-size=100M`), then run the same command again.' ;;
    memory) echo 'The server has too little memory for this repository: add memory or swap space. Or set app.repository to a folder on your machine, so that commits are pushed from there.' ;;
    busy) echo 'The git server cannot answer at the moment: wait some minutes, then run the same command again.' ;;
    algorithm) echo 'The git server and ssh on your server have no algorithm in common, usually because one of them is old. Use its https:// address, or set app.repository to a folder on your machine, so that commits are pushed from there.' ;;
    owner) echo "Another user of the server owns that repository. If you trust it, run this on the server: \`sudo git config --system --add safe.directory $(printf '%s\n' "$2" | sed "s/.* at //")\`." ;;
    configuration) echo 'Correct that file on the server, then run the same command again.' ;;
    quota) echo 'Buy more at the git server, or wait until its quota starts again. Or set app.repository to a folder on your machine that has the files: they are pushed from there.' ;;
    hostkey) echo 'Run `fab deploy` again: it shows how to check and accept the host key of the git server.' ;;
    certificate) echo 'If the git server has a certificate of a private authority, add that authority to the server: copy its certificate to /usr/local/share/ca-certificates/NAME.crt, and run `sudo update-ca-certificates` there.' ;;
    network) echo 'Check app.repository in hosts.toml, and that the server can reach that address. Or set app.repository to a folder on your machine, so that commits are pushed from there.' ;;
    *)
      if [ -s "$git_credentials" ]; then
        echo 'Check app.repository in hosts.toml, and the token in .env: it must be valid and may read this repository.'
      elif [ -e "$deploy_key.pub" ]; then
        echo "Check app.repository in hosts.toml. If the repository is private, add the server's deploy key with read access (GitHub: Settings, Deploy keys, Add deploy key; GitLab: Settings, Repository, Deploy keys), then run the same command again."
      else
        echo 'Check app.repository in hosts.toml. If the repository is private, use its SSH address (git@host:path): Selvedge then creates a deploy key on the server and shows it. Or add its address with a token to .env: SELVEDGE_APP__REPOSITORY=https://user:token@host/path.'
      fi
      ;;
  esac
}

# git_ask: print the branches and tags of the repository. Without an answer print the reason, and return 1.
git_ask() {
  local output said kind key tab
  if git_try ls-remote -- "$url"; then
    printf '%s\n' "$output"
    return 0
  fi
  case $output in
    *'HOST IDENTIFICATION HAS CHANGED'*)
      echo "changed $(printf '%s\n' "$output" | grep -o -m 1 'SHA256:[A-Za-z0-9+/]*')"
      return 1
      ;;
  esac
  said=$(git_reason)
  kind=$(git_kind "$said")
  key=
  if [ "$kind" = access ] && [ ! -s "$git_credentials" ]; then key=$(cat "$deploy_key.pub" 2>/dev/null); fi
  tab=$(printf '\t')
  case $said in
    'no answer within '*) printf 'silent ' ;;
    *) printf 'refused ' ;;
  esac
  printf '%s\n' "$said$tab$(git_remedy "$kind" "$said")$tab$key"
  return 1
}

# git_may_be_sha REF: four or more hex digits.
git_may_be_sha() {
  case $1 in
    *[!0-9a-f]* | ??? | ?? | ?) return 1 ;;
  esac
}

# git_known_sha REF: print the commit in the mirror whose SHA begins with REF, unless REF is the name of a branch or tag there.
git_known_sha() {
  local name
  git_may_be_sha "$1" || return 0
  for name in "refs/heads/$1" "refs/tags/$1"; do
    if mirror_git "$repo" show-ref --verify --quiet "$name"; then return 0; fi
  done
  mirror_git "$repo" rev-parse --verify --quiet "$1^{commit}" || :
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

# git_resolve: print "commit SHA", "nogit", "missing BRANCHES", "changed FINGERPRINT", or "silent" or "refused" with three texts, each after a
# tab: what git said, what to do, and the deploy key to register or nothing.
# Values: repo url ref deploy_key git_known_hosts git_credentials git_seconds
git_resolve() {
  local found name output
  if ! command -v git >/dev/null 2>&1; then
    echo nogit
    return 0
  fi
  # A branch may have a name of hex digits, such as 2025, and the mirror has its old commit.
  if ! output=$(git_ask); then
    found=$(git_known_sha "$ref")
    if [ -n "$found" ]; then output="commit $found"; fi
    printf '%s\n' "$output"
    return 0
  fi
  for name in "refs/heads/$ref" "refs/tags/$ref^{}" "refs/tags/$ref"; do
    found=$(printf '%s\n' "$output" | name=$name awk -F '\t' '$2 == ENVIRON["name"] { print $1; exit }')
    if [ -n "$found" ]; then
      echo "commit $found"
      return 0
    fi
  done
  found=$(git_known_sha "$ref")
  if [ -n "$found" ]; then
    echo "commit $found"
    return 0
  fi
  if git_may_be_sha "$ref"; then
    found=$(printf '%s\n' "$output" | cut -f 1 | grep "^$ref" | sort -u)
    if [ "$(printf '%s\n' "$found" | grep -c .)" -eq 1 ]; then
      echo "commit $found"
      return 0
    fi
  fi
  # The names of branches, for a message: many repositories have master and not main.
  echo "missing $(printf '%s\n' "$output" | sed -n 's#^.*[[:space:]]refs/heads/##p' | head -n 6 | tr '\n' ' ')"
}

# git_fail SENTENCE [REMEDY]: show all that git printed; then fail with the sentence, git's own words and what to do. REMEDY: what
# to do if the git server denies access.
git_fail() {
  local said kind
  printf '%s\n' "$output"
  said=$(git_reason)
  kind=$(git_kind "$said")
  if [ "$kind" = access ] && [ -e "$deploy_key.pub" ] && [ ! -s "$git_credentials" ]; then
    step_say "the deploy key of the server: $(cat "$deploy_key.pub")"
  fi
  if [ "$kind" = access ] && [ $# -gt 1 ]; then step_fail "$1: $said. $2"; fi
  step_fail "$1: $said. $(git_remedy "$kind" "$said")"
}

# git_fetch: fetch the commit $ref from $url into the mirror, with all branches and tags; those deleted there are deleted here.
# Values: repo url ref deploy_key git_known_hosts git_credentials
git_fetch() {
  local git_seconds output
  git_seconds=900
  git_try --git-dir="$repo" fetch --no-write-fetch-head --prune --force -- "$url" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*' ||
    git_fail "git could not fetch the commit $(printf '%.12s' "$ref") from $url"
  # No branch or tag contains the commit: fetch it by its SHA.
  if ! git --git-dir="$repo" update-ref "refs/selvedge/$ref" "$ref" 2>/dev/null; then
    if ! git_try --git-dir="$repo" fetch --no-write-fetch-head -- "$url" "+$ref:refs/selvedge/$ref"; then
      printf '%s\n' "$output"
      step_fail "The repository $url no longer has the commit $ref: $(git_reason). If its branch was force-pushed, release the branch's newest commit, or push the commit again under another branch."
    fi
  fi
}
