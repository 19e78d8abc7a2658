# Files that a step writes: a copy is kept until the step has ended, and each is written whole or not at all.
# $undo is the step's folder, which only root can enter.

# file_count_kept: print the number of paths kept so far. Changes run in subshells, so no variable can count them.
file_count_kept() {
  local count
  count=0
  while [ -e "$undo/$count.path" ]; do count=$((count + 1)); done
  echo "$count"
}

# file_keep PATH: copy the file, so that file_restore can put it back if a later change of the step fails.
file_keep() {
  local number
  number=$(file_count_kept)
  if [ -e "$1" ] || [ -L "$1" ]; then cp -a -- "$1" "$undo/$number.copy"; fi
  printf '%s' "$1" >"$undo/$number.path"
}

file_restore() {
  local number path
  number=$(file_count_kept)
  while [ "$number" -gt 0 ]; do
    number=$((number - 1))
    path=$(cat "$undo/$number.path")
    if file_put_back "$path" "$undo/$number.copy"; then
      step_say "restored $path"
    else
      : >"$undo/stuck"
      step_say "could not restore $path; its previous content is in $undo/$number.copy until the next reboot"
    fi
  done
}

# file_settle: the files that the step has written so far stay, even if one of its later changes fails.
file_settle() { rm -f -- "$undo"/*.path "$undo"/*.copy; }

# file_put_back PATH COPY: restore the copy; remove the path if there is no copy.
file_put_back() {
  local fresh
  if [ ! -e "$2" ] && [ ! -L "$2" ]; then
    rm -f -- "$1"
    return
  fi
  # First next to the path: a full disk must not leave us without any file.
  fresh=$(mktemp -u -- "${1%/*}/.selvedge.XXXXXX") || return 1
  if cp -a -- "$2" "$fresh"; then
    if [ -d "$1" ] && [ ! -L "$1" ]; then rm -rf -- "$1"; fi
    if mv -fT -- "$fresh" "$1"; then return 0; fi
  fi
  rm -rf -- "$fresh"
  return 1
}

# file_put PATH MODE OWNER GROUP [SIZE]: write standard input to the file, whole or not at all; a link there is replaced, not
# followed. SIZE: the number of bytes to expect if a lost connection could cut them short; then no backup is made, because
# only secrets come with their size.
file_put() {
  local fresh
  file_keep "$1"
  [ -d "${1%/*}" ] || mkdir -p -- "${1%/*}"
  fresh=${1%/*}/.selvedge.$$
  # First in a folder that only root can enter.
  { cat >"$undo/put"; } 2>"$undo/why" || file_put_failed "$1" "$fresh"
  if [ $# -gt 4 ] && [ "$(wc -c <"$undo/put")" -ne "$5" ]; then
    step_fail "The connection was lost before all of $1 arrived. The file was not changed."
  fi
  [ $# -gt 4 ] || file_backup "$1" || file_put_failed "$1" "$fresh"
  { install -T -m "$2" -o "$3" -g "$4" -- "$undo/put" "$fresh" && mv -fT -- "$fresh" "$1"; } 2>"$undo/why" || file_put_failed "$1" "$fresh"
}

# file_put_failed PATH FRESH: remove the unfinished file FRESH and stop.
file_put_failed() {
  local reason
  rm -f -- "$2"
  reason=$(sed -n '$s/.*: //p' "$undo/why")
  step_fail "Could not write $1${reason:+: $reason} (free space: $(df -h --output=avail "${1%/*}" | tail -n 1 | tr -d ' '))."
}

# file_remove PATH…: delete files or links; file_restore can put them back.
file_remove() {
  local path
  for path; do
    file_keep "$path"
    rm -f -- "$path"
  done
}

# file_link PATH TARGET: make a link, or replace it atomically. A file in its place may be someone's work: a copy is kept.
file_link() {
  local fresh
  fresh=${1%/*}/.selvedge.link
  file_keep "$1"
  if [ -f "$1" ] && [ ! -L "$1" ]; then
    file_backup "$1" || step_fail "Could not keep a copy of $1 in /var/backups/selvedge. It was not changed."
    step_say "$1 was a file and is now a link. A copy of the file is in $(find "/var/backups/selvedge${1%/*}" -maxdepth 1 -name "${1##*/}.[0-9]*Z" | sort | tail -n 1)"
  fi
  mkdir -p -- "${1%/*}"
  ln -sfn -- "$2" "$fresh"
  mv -fT -- "$fresh" "$1"
}

# file_set_lines PATH PATTERN NOTE: move the lines of standard input to the end of the file, in place of the lines that match the
# extended regular expressions PATTERN or NOTE.
file_set_lines() {
  {
    grep -Ev -e "$2" -e "$3" -- "$1" || :
    cat
  } | file_put "$1" 0644 root root
}

# file_within FOLDER PATH: true if the path is in the folder after its links are followed. A repository may contain any link.
file_within() {
  case $(readlink -f -- "$2")/ in
    "$(readlink -f -- "$1")"/*) ;;
    *) return 1 ;;
  esac
}

# file_backup PATH: copy a file that is about to be overwritten and may be someone's work; keep the last five of each path.
file_backup() {
  local backup path
  [ -f "$1" ] && [ ! -L "$1" ] || return 0
  backup=/var/backups/selvedge$1
  (umask 077 && mkdir -p -- "${backup%/*}") && cp -p -- "$1" "$backup.$(date -u +%Y%m%dT%H%M%SZ)" || return 1
  find "${backup%/*}" -maxdepth 1 -name "${backup##*/}.[0-9]*Z" | sort -r | tail -n +6 | while IFS= read -r path; do
    rm -f -- "$path"
  done
}
