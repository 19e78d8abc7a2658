# Functions that only read: what probes are written with.

# path_fact PATH WANTED_SHA256: the kind of the path, its mode, owner and group, its hash, and, where the hash is not
# the wanted one and one is given, the text for the diff (64 KiB at most).
path_fact() {
  if [ -L "$1" ]; then
    printf 'link %s\n' "$(readlink "$1")"
  elif [ -d "$1" ]; then
    stat -c 'directory %a %U %G' "$1"
  elif [ -f "$1" ]; then
    stat -c 'file %a %U %G' "$1"
    path_sum=$(sha256sum <"$1")
    path_sum=${path_sum%% *}
    printf '%s\n' "$path_sum"
    if [ -n "$2" ] && [ "$path_sum" != "$2" ]; then head -c 65536 "$1"; fi
  elif [ -e "$1" ]; then
    printf 'other\n'
  else
    printf 'absent\n'
  fi
}

has() { command -v "$1" >/dev/null 2>&1; }
