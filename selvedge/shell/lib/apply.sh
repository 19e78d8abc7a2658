# Functions that change: progress, one clear sentence on failure, and taking back what a failed step changed.
# Lines that begin with $mark are for the report; $undo is a directory of root's that lives as long as the step.

say() { printf '%s say %s\n' "$mark" "$*"; }
fail() {
  printf '%s error %s\n' "$mark" "$*"
  exit 1
}

# kept: how many paths have been kept so far, in $number. Changes are subshells, so the files are counted.
kept() {
  number=0
  while [ -e "$undo/$number.path" ]; do number=$((number + 1)); done
}

# keep PATH: a copy of what stands there, put back by `restore` where a later change of the step fails.
keep() {
  kept
  if [ -e "$1" ] || [ -L "$1" ]; then cp -a -- "$1" "$undo/$number.copy"; fi
  printf '%s' "$1" >"$undo/$number.path"
}

restore() {
  kept
  while [ "$number" -gt 0 ]; do
    number=$((number - 1))
    path=$(cat "$undo/$number.path")
    if put_back; then
      say "put back $path"
    else
      : >"$undo/stuck"
      say "could not put back $path; what stood there is in $undo/$number.copy until the next reboot"
    fi
  done
}

# put_back: $path becomes $undo/$number.copy again, or nothing where there was nothing.
put_back() {
  if [ ! -e "$undo/$number.copy" ] && [ ! -L "$undo/$number.copy" ]; then
    rm -f -- "$path"
    return
  fi
  # Beside it first: a full disk must not end in no file at all.
  former=$(mktemp -u -- "${path%/*}/.selvedge.XXXXXX") || return 1
  if cp -a -- "$undo/$number.copy" "$former"; then
    if [ -d "$path" ] && [ ! -L "$path" ]; then rm -rf -- "$path"; fi
    if mv -fT -- "$former" "$path"; then return 0; fi
  fi
  rm -rf -- "$former"
  return 1
}

# put PATH MODE OWNER GROUP [SIZE]: standard input becomes the file, whole or not at all; a link there is replaced, not
# followed. SIZE: how many bytes must come, where a lost connection could end them early.
put() {
  keep "$1"
  [ -d "${1%/*}" ] || mkdir -p -- "${1%/*}"
  fresh=${1%/*}/.selvedge.$$
  # First where nobody but root can be.
  { cat >"$undo/put"; } 2>"$undo/why" || put_failed "$1"
  if [ $# -gt 4 ] && [ "$(wc -c <"$undo/put")" -ne "$5" ]; then
    fail "the connection was lost before all of $1 had come; it was left as it is"
  fi
  # No copies of secrets, which come with their SIZE.
  [ $# -gt 4 ] || backup "$1" || put_failed "$1"
  { install -T -m "$2" -o "$3" -g "$4" -- "$undo/put" "$fresh" && mv -fT -- "$fresh" "$1"; } 2>"$undo/why" || put_failed "$1"
}

put_failed() {
  rm -f -- "$fresh"
  reason=$(sed -n '$s/.*: //p' "$undo/why")
  fail "cannot write $1${reason:+: $reason} (free space there: $(df -h --output=avail "${1%/*}" | tail -n 1))"
}

# within FOLDER PATH: whether the path, with its links followed, is in the folder. The repository may hold any link.
within() {
  case $(readlink -f -- "$2")/ in
    "$(readlink -f -- "$1")"/*) ;;
    *) return 1 ;;
  esac
}

# backup PATH: a copy of what stands there and may be somebody's work, before it is overwritten; the last five of each path.
backup() {
  [ -f "$1" ] && [ ! -L "$1" ] || return 0
  former=/var/backups/selvedge$1
  (umask 077 && mkdir -p -- "${former%/*}") && cp -p -- "$1" "$former.$(date -u +%Y%m%dT%H%M%SZ)" || return 1
  find "${former%/*}" -maxdepth 1 -name "${former##*/}.[0-9]*Z" | sort -r | tail -n +6 | while IFS= read -r former; do
    rm -f -- "$former"
  done
}

# note HISTORY FIELD…: a line more in an app's history, behind the time. Root's alone: why a release was refused may quote a
# secret of the app's.
note() {
  history=$1
  shift
  at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  (umask 077 && { printf '%s' "$at" && printf '\t%s' "$@" && echo; } >>"$history")
}

# as USER COMMAND…: without a login shell, with the user's own groups only, and with no way to more rights.
as() {
  as_user=$1
  shift
  setpriv --reuid="$as_user" --regid="$(id -g "$as_user")" --init-groups --no-new-privs --bounding-set=-all -- "$@"
}

# need_space DIRECTORY KILOBYTES: refuses early, instead of half-way through.
need_space() {
  # A line of two headings, and one of two numbers; a file system that counts no inodes has "-" or 0.
  # shellcheck disable=SC2046
  set -- "$1" "$2" $(df -k --output=avail,iavail -- "$1")
  free=$5 nodes=$6
  [ "$free" -ge "$2" ] || fail "too little space on the server: $((free / 1024)) MB free in $1, $(($2 / 1024)) MB needed. Make room (apt-get clean; journalctl --vacuum-size=100M; old files), then run this again."
  case $nodes in
    *[!0-9]* | '') ;;
    *) [ "$nodes" -eq 0 ] || [ "$nodes" -ge 2000 ] || fail "too few inodes are free in $1 on the server: $nodes. Remove files that are not needed, then run this again." ;;
  esac
}
