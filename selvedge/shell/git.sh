# git on the server: never asks, ends in bounded time, never shows what it logs in with.
# Reads $repo, $url, $ref, $deploy_key, $git_known_hosts and $git_credentials.

git_run() {
  git_ssh="ssh -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o UserKnownHostsFile=$git_known_hosts -o StrictHostKeyChecking=yes"
  if [ -e "$deploy_key" ]; then git_ssh="$git_ssh -o IdentitiesOnly=yes -i $deploy_key"; fi
  GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND=$git_ssh GIT_CONFIG_NOSYSTEM='' \
    timeout -k 5 "${git_seconds:-60}" git -c safe.directory='*' -c credential.helper= \
    -c credential.helper="store --file=$git_credentials" -c protocol.ext.allow=never \
    -c http.lowSpeedLimit=1 -c http.lowSpeedTime=30 "$@"
}

# git_resolve: prints "commit SHA", "nogit", "missing", or "refused [PUBLIC KEY | ]MESSAGE".
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
  if ! answer=$(git_run ls-remote -- "$url" 2>&1); then
    public=$(cat "$deploy_key.pub" 2>/dev/null)
    message=$(printf '%s\n' "$answer" | grep -v '^$' | grep -v 'Warning: Permanently' | head -n 3 | tr '\n' ' ')
    echo "refused ${public:+$public | }${message:-no answer within ${git_seconds:-60} seconds}"
    return 0
  fi
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
