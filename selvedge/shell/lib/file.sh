# Files that a step writes: kept until the step has ended, written whole or not at all, backed up.
# $undo is a folder of the step, owned by root.

# file_kept: how many paths have been kept so far, in $number. Changes are subshells, so the files are counted.
file_kept() {
  number=0
  while [ -e "$undo/$number.path" ]; do number=$((number + 1)); done
}

# file_keep PATH: a copy of what stands there, put back by `restore` where a later change of the step fails.
file_keep() {
  file_kept
  if [ -e "$1" ] || [ -L "$1" ]; then cp -a -- "$1" "$undo/$number.copy"; fi
  printf '%s' "$1" >"$undo/$number.path"
}

file_restore() {
  file_kept
  while [ "$number" -gt 0 ]; do
    number=$((number - 1))
    path=$(cat "$undo/$number.path")
    if file_put_back; then
      step_say "put back $path"
    else
      : >"$undo/stuck"
      step_say "could not put back $path; what stood there is in $undo/$number.copy until the next reboot"
    fi
  done
}

# file_put_back: $path becomes $undo/$number.copy again, or nothing where there was nothing.
file_put_back() {
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

# file_put PATH MODE OWNER GROUP [SIZE]: standard input becomes the file, whole or not at all; a link there is replaced, not
# followed. SIZE: how many bytes must come, where a lost connection could end them early.
file_put() {
  file_keep "$1"
  [ -d "${1%/*}" ] || mkdir -p -- "${1%/*}"
  fresh=${1%/*}/.selvedge.$$
  # First where nobody but root can be.
  { cat >"$undo/put"; } 2>"$undo/why" || file_put_failed "$1"
  if [ $# -gt 4 ] && [ "$(wc -c <"$undo/put")" -ne "$5" ]; then
    step_fail "the connection was lost before all of $1 had come; it was left as it is"
  fi
  # No copies of secrets, which come with their SIZE.
  [ $# -gt 4 ] || file_backup "$1" || file_put_failed "$1"
  { install -T -m "$2" -o "$3" -g "$4" -- "$undo/put" "$fresh" && mv -fT -- "$fresh" "$1"; } 2>"$undo/why" || file_put_failed "$1"
}

file_put_failed() {
  rm -f -- "$fresh"
  reason=$(sed -n '$s/.*: //p' "$undo/why")
  step_fail "cannot write $1${reason:+: $reason} (free space there: $(df -h --output=avail "${1%/*}" | tail -n 1))"
}

# file_within FOLDER PATH: whether the path, with its links followed, is in the folder. The repository may hold any link.
file_within() {
  case $(readlink -f -- "$2")/ in
    "$(readlink -f -- "$1")"/*) ;;
    *) return 1 ;;
  esac
}

# file_backup PATH: a copy of what stands there and may be somebody's work, before it is overwritten; the last five of each path.
file_backup() {
  [ -f "$1" ] && [ ! -L "$1" ] || return 0
  former=/var/backups/selvedge$1
  (umask 077 && mkdir -p -- "${former%/*}") && cp -p -- "$1" "$former.$(date -u +%Y%m%dT%H%M%SZ)" || return 1
  find "${former%/*}" -maxdepth 1 -name "${former##*/}.[0-9]*Z" | sort -r | tail -n +6 | while IFS= read -r former; do
    rm -f -- "$former"
  done
}
